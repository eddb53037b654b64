// What the tests of the methods that write have in common: passages, a scripted generator, a compressor.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "checks.h"
#include "fakes.h"

namespace precis::compress {

class WrittenTest : public testing::Test {
 protected:
  WrittenTest() {
    request_.budget.tokenizer = &words_;
    request_.read_epoch = 7;
  }
  void AddPassage(const std::string& text, double score = 0) {
    Passage passage;
    passage.text = text;
    passage.document_id = absl::StrCat("doc-", request_.passages.size());
    passage.version_id = "v";
    passage.score = score;
    request_.passages.push_back(std::move(passage));
  }
  Context Run(Compressor& compressor) {
    auto context = compressor.Compress(request_, {});
    EXPECT_TRUE(context.ok()) << context.status();
    if (!context.ok()) return {};
    EXPECT_EQ(BrokenPromise(request_, *context), "");
    return *std::move(context);
  }
  Context Run() { return Run(*compressor_); }
  static bool Warns(const Context& context, const std::string& text) {
    for (const std::string& warning : context.receipt.warnings) {
      if (warning.find(text) != std::string::npos) return true;
    }
    return false;
  }
  std::shared_ptr<cache::TaggedCache> OpenCache() {
    std::string folder = testing::TempDir() + "/written-XXXXXX";
    EXPECT_NE(mkdtemp(folder.data()), nullptr);
    auto opened = cache::TaggedCache::Open({.path = folder, .min_free_bytes = 0});
    EXPECT_TRUE(opened.ok()) << opened.status();
    return *std::move(opened);
  }

  Request request_;
  WordTokenizer words_;
  std::shared_ptr<FakeEmbedder> embedder_ = std::make_shared<FakeEmbedder>();
  std::shared_ptr<FakeGenerator> generator_ = std::make_shared<FakeGenerator>();
  std::unique_ptr<Compressor> compressor_ = Compressor::Make({.embedder = embedder_, .generator = generator_});
};

// The n-th sentence of a made-up book, which names what no other one does.
inline std::string BookSentence(int n) {
  return absl::StrCat("In chapter ", n, " the keeper of lighthouse ", 1000 + n, " writes a letter about storm ",
                      5000 + n, " and counts the ships that pass. ");
}

}  // namespace precis::compress
