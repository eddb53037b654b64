// How long a restart takes until the first right answer: everything in memory is made anew from RocksDB.
//
//   index_restart FOLDER fill CHUNKS     makes an index of made-up prose (Zipf's law, 150 words a chunk, 384
//   dimensions) index_restart FOLDER                 opens it and searches; prints milliseconds
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "fake_encoder.h"
#include "precis/index/index.h"

namespace precis::index {
namespace {

constexpr int kChunksADocument = 20, kWordsAChunk = 150;

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return 1;
}

// Words as frequent as in prose: the n-th most frequent one with a share of 1 / n.
std::string MakeText(int document, std::mt19937* rng) {
  std::uniform_real_distribution<double> uniform(0, 1);
  std::string text = absl::StrCat("Needle", document, " begins this document. ");
  for (int word = 0; word < kChunksADocument * kWordsAChunk; ++word) {
    absl::StrAppend(&text, "w", static_cast<int>(std::pow(30'000.0, uniform(*rng))), word % 15 == 14 ? ". " : " ");
  }
  return text;
}

int Main(int argc, char** argv) {
  const auto encoder = std::make_shared<FakeEncoder>(FakeEncoderOptions{.dimensions = 384});
  IndexOptions options;
  options.data_dir = argv[1];
  options.encoder = [encoder](const std::string&) { return encoder; };
  const absl::Time began = absl::Now();
  auto index = Index::Open(options);
  if (!index.ok()) return Fail(index.status());
  if (argc == 4) {
    CollectionOptions collection;
    collection.name = "c";
    collection.max_tokens = 200;
    collection.overlap_tokens = 0;
    if (const auto created = (*index)->CreateCollection(collection); !created.ok()) return Fail(created.status());
    std::mt19937 rng(1);
    const int chunks = std::atoi(argv[3]);
    for (int document = 0; (*index)->Stats()->chunks < chunks; ++document) {
      DocumentInput input;
      input.collection = "c";
      input.uri = absl::StrCat("/", document);
      input.media_type = "text/plain";
      input.content = MakeText(document, &rng);
      if (const auto stored = (*index)->Ingest(input, {}); !stored.ok()) return Fail(stored.status());
    }
    if (const absl::Status made = (*index)->Snapshot(); !made.ok()) return Fail(made);
    std::printf("%lld chunks\n", static_cast<long long>((*index)->Stats()->chunks));
    return 0;
  }
  const absl::Time opened = absl::Now();
  SearchRequest request;
  request.collection = "c";
  request.query = "needle7 begins";
  const auto found = (*index)->Search(request, {});
  if (!found.ok()) return Fail(found.status());
  const absl::Time answered = absl::Now();
  if (found->passages.empty() || found->passages[0].uri != "/7") {
    std::fprintf(stderr, "the answer is wrong\n");
    return 1;
  }
  std::printf("%lld chunks: opened in %.0f ms, right answer after %.0f ms\n",
              static_cast<long long>((*index)->Stats()->chunks), absl::ToDoubleMilliseconds(opened - began),
              absl::ToDoubleMilliseconds(answered - began));
  return 0;
}

}  // namespace
}  // namespace precis::index

int main(int argc, char** argv) {
  if (argc != 2 && !(argc == 4 && std::strcmp(argv[2], "fill") == 0)) {
    std::fputs("usage: index_restart FOLDER [fill CHUNKS]\n", stderr);
    return 2;
  }
  return precis::index::Main(argc, argv);
}
