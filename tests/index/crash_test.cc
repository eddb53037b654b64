// A writer is killed again and again: what it was told is stored is there, what it was told is deleted is gone.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <random>

#include "index_fixture.h"

namespace precis::index {
namespace {

std::string TextOf(int document, int version) {
  std::string text = "document" + std::to_string(document) + " version" + std::to_string(version);
  for (int i = 0; i < 300; ++i) text += " word" + std::to_string((document * 31 + version * 17 + i) % 97);
  return text;
}

// One line of the child's report: an operation that was acknowledged.
struct Line {
  int32_t document;
  int32_t version;  // -1: deleted
};

// Writes until it is killed; every acknowledgement goes into the pipe before the next operation begins.
[[noreturn]] void WriteForEver(const IndexOptions& options, int pipe, uint32_t seed) {
  auto index = Index::Open(options);
  if (!index.ok()) _exit(3);
  std::mt19937 rng(seed);
  for (;;) {
    Line line{static_cast<int32_t>(rng() % 12), static_cast<int32_t>(rng() % 1000)};
    // The intention first: a kill may come between the commit and the report.
    Line intent{line.document + 1000, line.version};
    if (write(pipe, &intent, sizeof(intent)) != sizeof(intent)) _exit(4);
    const std::string uri = "/" + std::to_string(line.document);
    if (line.version % 5 == 0) {
      line.version = -1;
      const auto deleted = (*index)->DeleteDocument("", "c", {.uri = uri});
      if (!deleted.ok() && !absl::IsNotFound(deleted.status())) _exit(5);
    } else {
      DocumentInput document;
      document.collection = "c";
      document.uri = uri;
      document.media_type = "text/plain";
      document.content = TextOf(line.document, line.version);
      if (!(*index)->Ingest(document, {}).ok()) _exit(6);
    }
    if (write(pipe, &line, sizeof(line)) != sizeof(line)) _exit(4);
  }
}

TEST_F(IndexTest, KilledWriterLosesNothingAcknowledged) {
  Create();
  index_.reset();
  std::map<int, int> expected;  // document -> version; absent or -1: none
  std::mt19937 rng(20261124);
  for (int round = 0; round < 8; ++round) {
    int fds[2];
    ASSERT_EQ(pipe(fds), 0);
    const uint32_t seed = rng();
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      close(fds[0]);
      WriteForEver(Options(), fds[1], seed);
    }
    close(fds[1]);
    // Killed in the middle of some operation, after a random number of reports.
    const int reports = 5 + static_cast<int>(rng() % 60);
    std::map<int, int> doubtful;
    Line line;
    bool killed = false;
    for (int n = 0; read(fds[0], &line, sizeof(line)) == sizeof(line);) {
      if (line.document >= 1000) {
        doubtful = {{line.document - 1000, line.version % 5 == 0 ? -1 : line.version}};
      } else {
        expected[line.document] = line.version;
        doubtful.clear();
      }
      if (++n >= reports && !killed) {
        kill(child, SIGKILL);
        killed = true;
      }
    }
    close(fds[0]);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the writer failed by itself: " << WEXITSTATUS(status);

    Open();
    for (int document = 0; document < 12; ++document) {
      const std::string uri = "/" + std::to_string(document);
      const auto text = index_->ReadText("", "c", {.uri = uri}, {}, nullptr, nullptr);
      const auto found = expected.find(document);
      int version = found == expected.end() ? -1 : found->second;
      if (const auto in_flight = doubtful.find(document); in_flight != doubtful.end()) {
        // Either the one or the other, never a third state.
        const bool new_one = in_flight->second < 0 ? absl::IsNotFound(text.status())
                                                   : text.ok() && *text == TextOf(document, in_flight->second);
        if (new_one) version = in_flight->second;
      }
      expected[document] = version;
      if (version < 0) {
        EXPECT_TRUE(absl::IsNotFound(text.status())) << uri << " " << text.status();
      } else {
        ASSERT_TRUE(text.ok()) << uri << " " << text.status();
        EXPECT_EQ(*text, TextOf(document, version));
      }
      SearchRequest request = Request("document" + std::to_string(document), SearchMode::kKeyword, 100);
      std::set<std::string> uris;
      for (const Passage& passage : Search(request).passages) {
        uris.insert(passage.uri);
        EXPECT_EQ(passage.text,
                  text->substr(static_cast<size_t>(passage.range.begin), static_cast<size_t>(passage.range.size())));
      }
      EXPECT_EQ(uris, version < 0 ? std::set<std::string>() : std::set<std::string>{uri});
    }
    index_.reset();
  }
}

}  // namespace
}  // namespace precis::index
