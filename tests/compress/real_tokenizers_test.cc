// The promises with the tokenizers of real models, on real-looking prose, code and other scripts.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "checks.h"
#include "fakes.h"
#include "precis/engine/load.h"

namespace precis::compress {
namespace {

std::string ModelPath(const std::string& name) {
  const char* models = std::getenv("PRECIS_TEST_MODELS");
  if (models != nullptr && *models != '\0') return std::string(models) + "/" + name;
  const char* home = std::getenv("HOME");
  return std::string(home == nullptr ? "" : home) + "/.local/share/precis/models/" + name;
}

class RealTokenizersTest : public testing::TestWithParam<const char*> {};

TEST_P(RealTokenizersTest, BudgetsAreKeptAndFilled) {
  const auto tokenizer = engine::LoadTokenizer(ModelPath(GetParam()));
  if (!tokenizer.ok()) GTEST_SKIP() << "model " << GetParam() << " is not there: " << tokenizer.status();
  auto embedder = std::make_shared<FakeEmbedder>();
  const auto compressor = Compressor::Make({.embedder = embedder});
  std::vector<double> fills;
  for (uint32_t seed = 0; seed < 120; ++seed) {
    TextMaker maker(seed);
    Request request;
    request.passages = maker.Passages(6, 14);
    request.query = maker.Sentence();
    request.steps = {{seed % 3 == 0 ? "truncate" : "extractive", {}}};
    request.budget.tokenizer = tokenizer->get();
    request.budget.max_tokens = 60 + maker.Below(240);
    if (seed % 2 == 0) {
      request.budget.before = "Answer from the context.\n\nContext:\n";
      request.budget.after = "\n\nQuestion: " + request.query;
    }
    request.protection.negations = seed % 5 == 0;
    const auto context = compressor->Compress(request, {});
    if (!context.ok()) {
      ASSERT_EQ(context.status().code(), absl::StatusCode::kFailedPrecondition) << context.status();
      continue;
    }
    ASSERT_EQ(BrokenPromise(request, *context), "") << "seed " << seed << "\n" << context->text;
    if (context->receipt.tokens_in >= 2 * request.budget.max_tokens) {
      fills.push_back(static_cast<double>(context->receipt.tokens_out) /
                      static_cast<double>(request.budget.max_tokens));
    }
  }
  ASSERT_GT(fills.size(), 40u);
  std::sort(fills.begin(), fills.end());
  EXPECT_GE(fills[fills.size() / 2], 0.95);
  RecordProperty("median_fill", std::to_string(fills[fills.size() / 2]));
}

INSTANTIATE_TEST_SUITE_P(Models, RealTokenizersTest,
                         testing::Values("all-minilm-l6-v2", "smollm2-135m-instruct", "qwen2.5-coder-0.5b-instruct",
                                         "gemma-3-270m"));

}  // namespace
}  // namespace precis::compress
