#include "runtime/text_embedder.h"

#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tiny_bert.h"

namespace precis::engine {
namespace {

std::vector<Embedding> MustEmbed(Embedder& embedder, const std::vector<std::string>& texts,
                                 const EmbedOptions& options = {}) {
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  auto result = embedder.Embed(views, options, CallContext());
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *std::move(result) : std::vector<Embedding>(texts.size());
}

// Lengths 0 to 30 bytes in no order: several batches.
std::vector<std::string> Texts(int count) {
  std::vector<std::string> texts;
  for (int i = 0; i < count; ++i) {
    std::string text;
    for (int j = 0; j < i * 17 % 31; ++j) text += static_cast<char>('a' + (i * 7 + j * 3) % 26);
    texts.push_back(text);
  }
  return texts;
}

TEST(TextEmbedder, AloneOrInABatchOnAnyThreadsAndInstructionSetTheBitsAreEqual) {
  const std::vector<std::string> texts = Texts(120);
  const auto reference = MustEmbed(**MakeTinyEmbedder({.threads = 1, .isa = cpu::IsaLevel::kScalar}), texts);
  for (const int threads : {1, 2, 3}) {
    for (const cpu::IsaLevel isa : cpu::AvailableIsaLevels()) {
      const auto embedder = *MakeTinyEmbedder({.threads = threads, .isa = isa});
      const auto batch = MustEmbed(*embedder, texts);
      ASSERT_EQ(batch.size(), texts.size());
      for (size_t i = 0; i < texts.size(); ++i) {
        EXPECT_TRUE(SameBits(batch[i].vector, reference[i].vector)) << i << " " << cpu::IsaLevelName(isa);
      }
      for (const size_t i : {0, 1, 50, 119}) {
        EXPECT_TRUE(SameBits(MustEmbed(*embedder, {texts[i]})[0].vector, reference[i].vector)) << i;
      }
    }
  }
}

TEST(TextEmbedder, EveryVectorHasTheModelsSizeAndNormOne) {
  const auto embedder = *MakeTinyEmbedder();
  for (const Embedding& e : MustEmbed(*embedder, Texts(40))) {
    ASSERT_EQ(e.vector.size(), 24u);
    double norm = 0;
    for (const float x : e.vector) norm += static_cast<double>(x) * x;
    EXPECT_NEAR(norm, 1.0, 1e-6);
    EXPECT_FALSE(e.cache_hit);
  }
}

TEST(TextEmbedder, AnEmptyListIsFine) {
  const auto embedder = *MakeTinyEmbedder();
  EXPECT_TRUE(MustEmbed(*embedder, {}).empty());
}

TEST(TextEmbedder, ATextTooLongIsAnErrorThatNamesIt) {
  const auto embedder = *MakeTinyEmbedder();
  const std::string longest(30, 'x'), longer(31, 'x');
  const std::vector<std::string_view> texts = {"a", longest, longer, longer};
  const auto result = embedder->Embed(texts, {}, CallContext());
  ASSERT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(result.status().message().find("text 2 has 33 tokens, the model takes 32"), absl::string_view::npos)
      << result.status();
}

TEST(TextEmbedder, TruncationIsTheVectorOfTheFirstTokensAndIsFlagged) {
  const auto embedder = *MakeTinyEmbedder();
  const std::string text = std::string(30, 'q') + "rest that does not count";
  const auto cut = MustEmbed(*embedder, {text}, {.long_input = LongInput::kTruncate})[0];
  EXPECT_TRUE(cut.truncated);
  EXPECT_EQ(cut.tokens_total, static_cast<int64_t>(text.size()) + 2);
  EXPECT_EQ(cut.tokens_used, 32);
  EXPECT_TRUE(SameBits(cut.vector, MustEmbed(*embedder, {text.substr(0, 30)})[0].vector));
}

TEST(TextEmbedder, ASplitTextIsTheWeightedMeanOfItsWindows) {
  const auto embedder = *MakeTinyEmbedder();
  std::string text;
  for (int i = 0; i < 71; ++i) text += static_cast<char>('a' + i * 5 % 26);
  const auto split = MustEmbed(*embedder, {"one", text, "two"}, {.long_input = LongInput::kSplitAndPool});
  EXPECT_FALSE(split[1].truncated);
  EXPECT_EQ(split[1].tokens_used, 73);
  EXPECT_EQ(split[1].tokens_total, 73);
  // 71 tokens in three windows of at most 30: 23, 24, 24.
  const auto parts = MustEmbed(*embedder, {text.substr(0, 23), text.substr(23, 24), text.substr(47, 24)});
  const double weights[] = {23.0 / 71, 24.0 / 71, 24.0 / 71};
  std::vector<double> mean(24, 0.0);
  double norm = 0;
  for (size_t j = 0; j < 24; ++j) {
    for (size_t w = 0; w < 3; ++w) mean[j] += weights[w] * parts[w].vector[j];
    norm += mean[j] * mean[j];
  }
  for (size_t j = 0; j < 24; ++j) EXPECT_NEAR(split[1].vector[j], mean[j] / std::sqrt(norm), 1e-6);
  // Neighbours do not matter, and short texts are what they are under every policy.
  EXPECT_TRUE(
      SameBits(MustEmbed(*embedder, {text}, {.long_input = LongInput::kSplitAndPool})[0].vector, split[1].vector));
  EXPECT_TRUE(SameBits(MustEmbed(*embedder, {"one"})[0].vector, split[0].vector));
}

TEST(TextEmbedder, PrefixesArePutBeforeTheirRoleOnly) {
  const auto embedder = *MakeTinyEmbedder({.query_prefix = "q: ", .document_prefix = "doc: "});
  const auto plain = MustEmbed(*embedder, {"q: text", "doc: text", "text"});
  const auto query = MustEmbed(*embedder, {"text"}, {.role = InputRole::kQuery})[0];
  EXPECT_TRUE(SameBits(query.vector, plain[0].vector));
  EXPECT_EQ(query.tokens_total, 9);
  EXPECT_TRUE(SameBits(MustEmbed(*embedder, {"text"}, {.role = InputRole::kDocument})[0].vector, plain[1].vector));
  EXPECT_FALSE(SameBits(plain[0].vector, plain[2].vector));
}

TEST(TextEmbedder, APrefixThatFillsTheWindowIsRefusedAtLoad) {
  const auto embedder = MakeTinyEmbedder({.query_prefix = std::string(20, 'p')});
  ASSERT_EQ(embedder.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(embedder.status().message().find("22"), absl::string_view::npos) << embedder.status();
}

TEST(TextEmbedder, ACancelledOrLateCallEndsWithItsReason) {
  const auto embedder = *MakeTinyEmbedder();
  const std::vector<std::string> texts = Texts(2000);
  const std::vector<std::string_view> views(texts.begin(), texts.end());
  const CallContext cancelled = CallContext::Make();
  cancelled.Cancel();
  EXPECT_EQ(embedder->Embed(views, {}, cancelled).status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(embedder->Embed(views, {}, CallContext(absl::Now() - absl::Seconds(1))).status().code(),
            absl::StatusCode::kDeadlineExceeded);
  // While it runs.
  const CallContext call = CallContext::Make();
  std::thread canceller([&] { call.Cancel(); });
  const auto result = embedder->Embed(std::vector<std::string_view>(200000, "some text"), {}, call);
  canceller.join();
  EXPECT_EQ(result.status().code(), absl::StatusCode::kCancelled);
  EXPECT_TRUE(embedder->Embed(std::vector<std::string_view>{"after"}, {}, CallContext()).ok());
}

TEST(TextEmbedder, CallersOnSeveralThreadsGetWhatTheyWouldGetAlone) {
  const auto embedder = *MakeTinyEmbedder({.threads = 2});
  const std::vector<std::string> texts = Texts(60);
  const auto reference = MustEmbed(*embedder, texts);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int round = 0; round < 5; ++round) {
        const std::vector<std::string> mine(texts.begin() + t * 10, texts.begin() + t * 10 + 20);
        const auto result = MustEmbed(*embedder, mine);
        for (size_t i = 0; i < mine.size(); ++i) EXPECT_TRUE(SameBits(result[i].vector, reference[t * 10 + i].vector));
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST(TextEmbedder, TagsMustBeOneForEachText) {
  const auto embedder = *MakeTinyEmbedder();
  const std::vector<CacheTag> tags(1);
  const std::vector<std::string_view> texts = {"a", "b"};
  EXPECT_EQ(embedder->Embed(texts, {.tags = tags}, CallContext()).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace precis::engine
