// The program `precis eval` beside a real daemon with fake engines: files in, files out, exit codes, going on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "precis/base/file.h"
#include "precis/v1/collection.grpc.pb.h"
#include "source_file.h"
#include "test_stack.h"

namespace precis::services {
namespace {

using testing::HasSubstr;

const std::string kTiny = SourceFile("tests/clients/data/tiny_set");
constexpr int64_t kMaxBytes = 16 << 20;

struct Done {
  int code;
  std::string out;
};

class EvalStack : public testing::Test {
 protected:
  EvalStack() {
    auto started = StartTestDaemon(TestConfig(folder_.path() + "/data"), engines_);
    EXPECT_TRUE(started.ok()) << started.status();
    daemon_ = *std::move(started);
  }

  // Starts `precis eval SET FLAGS` with its output in a file.
  pid_t Start(const std::vector<std::string>& flags) {
    std::vector<std::string> words = {PRECIS_PATH, "--server", daemon_->address(), "eval"};
    words.insert(words.end(), flags.begin(), flags.end());
    words.insert(words.end(), {"--no-progress", "-o", Output()});
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const std::string log = folder_.path() + "/out";
    const pid_t child = fork();
    if (child == 0) {
      FILE* file = std::freopen(log.c_str(), "w", stdout);
      if (file != nullptr) dup2(fileno(file), STDERR_FILENO);
      execv(PRECIS_PATH, arguments.data());
      _exit(127);
    }
    return child;
  }
  Done Wait(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status),
            ReadFile(folder_.path() + "/out", kMaxBytes).value_or("")};
  }
  Done Eval(const std::vector<std::string>& flags) { return Wait(Start(flags)); }

  std::string Output() const { return folder_.path() + "/eval"; }
  nlohmann::json Results() const {
    return nlohmann::json::parse(ReadFile(Output() + "/results.json", kMaxBytes).value_or("null"));
  }
  int64_t Rows() const {
    int64_t rows = 0;
    if (!std::filesystem::exists(Output())) return 0;
    for (const auto& entry : std::filesystem::directory_iterator(Output())) {
      if (entry.path().extension() != ".jsonl") continue;
      const std::string bytes = ReadFile(entry.path().string(), kMaxBytes).value_or("");
      rows += std::count(bytes.begin(), bytes.end(), '\n');
    }
    return rows;
  }
  int Collections() const {
    grpc::ClientContext context;
    v1::ListCollectionsResponse response;
    EXPECT_TRUE(
        v1::CollectionService::NewStub(Dial(daemon_->address()))->ListCollections(&context, {}, &response).ok());
    return response.collections_size();
  }

  TempFolder folder_;
  const std::shared_ptr<FakeEngines> engines_ = std::make_shared<FakeEngines>();
  std::unique_ptr<Daemon> daemon_;
};

TEST_F(EvalStack, AWholeRunHoldsTheExactBars) {
  const Done done = Eval({kTiny, "-m", "truncate,lexical,extractive,whole,bm25-fill,bm25-sentence,random", "-m", "auto",
                          "-m", "extractive | lexical", "--style", "cited", "--prices", "1,2"});
  EXPECT_EQ(done.code, 0) << done.out;
  EXPECT_THAT(done.out, HasSubstr("extractive | lexical"));
  const nlohmann::json results = Results();
  // Six questions, two rows without a budget and nine methods at two budgets.
  EXPECT_EQ(Rows(), 6 * (2 + 9 * 2));
  int exact = 0;
  for (const auto& bar : results["bars"]) {
    const std::string name = bar["name"];
    if (name.find("all rows") == std::string::npos) continue;
    EXPECT_EQ(bar["verdict"], "holds") << bar.dump();
    ++exact;
  }
  EXPECT_EQ(exact, 3);
  for (const auto& cell : results["cells"]) {
    EXPECT_EQ(cell["failed"], 0);
    if (cell["method"] == "extractive" && cell["stratum"]["kind"] == "all") {
      EXPECT_GT(cell["metrics"]["fidelity"]["value"], 0.0);
      EXPECT_GT(cell["metrics"]["compress_ms"]["value"], 0.0);
      EXPECT_LE(cell["metrics"]["fill"]["value"], 1.0);
    }
  }
  EXPECT_TRUE(std::filesystem::exists(Output() + "/table.md"));
  EXPECT_TRUE(std::filesystem::exists(Output() + "/log_likelihood_by_tokens.fake-generator.svg"));
  EXPECT_EQ(Collections(), 0);  // what the search needed is gone
}

TEST_F(EvalStack, AKilledProgramGoesOn) {
  const std::vector<std::string> flags = {kTiny, "-m", "truncate,extractive,auto", "-b", "4x,20", "--no-timings"};
  const pid_t child = Start(flags);
  EXPECT_TRUE(Eventually([&] { return Rows() >= 5; }));
  kill(child, SIGKILL);
  Wait(child);
  const int64_t stored = Rows();
  const Done done = Eval(flags);
  EXPECT_EQ(done.code, 0) << done.out;
  EXPECT_EQ(Rows(), 6 * (2 + 3 * 2));
  EXPECT_THAT(done.out, HasSubstr(std::to_string(stored) + " stored before"));
  // Nothing is left to do, and the files come out the same.
  const std::string results = ReadFile(Output() + "/results.json", kMaxBytes).value_or("");
  EXPECT_THAT(Eval(flags).out, HasSubstr("0 rows measured, 48 stored before"));
  EXPECT_EQ(ReadFile(Output() + "/results.json", kMaxBytes).value_or(""), results);
}

TEST_F(EvalStack, AnInterruptLeavesAStateToGoOnFrom) {
  engines_->hold_embedding = true;  // the run waits in its index
  const pid_t child = Start({kTiny, "-m", "extractive"});
  EXPECT_TRUE(Eventually([&] { return engines_->held > 0; }));
  kill(child, SIGINT);
  const Done done = Wait(child);
  engines_->hold_embedding = false;
  EXPECT_EQ(done.code, 3) << done.out;
  EXPECT_THAT(done.out, HasSubstr("the same command goes on from there"));
  EXPECT_EQ(Eval({kTiny, "-m", "extractive"}).code, 0);
}

TEST_F(EvalStack, WrongUseSaysWhatIsRight) {
  EXPECT_THAT(Eval({kTiny, "-m", "extractiv"}).out, HasSubstr("extractive"));
  EXPECT_EQ(Eval({kTiny, "-m", "extractiv"}).code, 2);
  EXPECT_EQ(Eval({kTiny, "-b", "1x"}).code, 2);
  EXPECT_THAT(Eval({kTiny, "--split", "test"}).out, HasSubstr("no question of the split 'test'"));
  EXPECT_EQ(Eval({"/nowhere"}).code, 1);
  EXPECT_EQ(Eval({kTiny, "-g", "not-there"}).code, 2);
  EXPECT_EQ(Collections(), 0);
}

TEST_F(EvalStack, NeedlesComeOutAsAHeatMap) {
  const std::string hay = folder_.path() + "/hay";
  ASSERT_TRUE(MakeFolders(hay).ok());
  std::string text;
  for (int i = 0; i < 200; ++i) text += "This is sentence number " + std::to_string(i) + " of the hay. ";
  ASSERT_TRUE(WriteFileDurably(hay + "/a.txt", text).ok());
  const Done done = Eval({"needles", "--haystack", hay, "--lengths", "200,400", "--depths", "0,50,100", "-m",
                          "truncate,bm25-fill", "-b", "4x", "--no-generate", "--no-score", "--no-timings"});
  EXPECT_EQ(done.code, 0) << done.out;
  const nlohmann::json results = Results();
  EXPECT_EQ(results["needles"].size(), 4u * 6);  // closed, none and two methods
  EXPECT_EQ(results["cells"][0]["metrics"].count("log_likelihood"), 0u);
  EXPECT_TRUE(std::filesystem::exists(Output() + "/needles_retention.fake-generator.svg"));
}

}  // namespace
}  // namespace precis::services
