// The compressed-context cache, chains, fallbacks and errors.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "checks.h"
#include "context_codec.h"
#include "fakes.h"

namespace precis::compress {
namespace {

using testing::HasSubstr;

// All of them, by name.
constexpr const char* kMethods[] = {"auto",   "capsule", "crag", "extractive",    "hierarchical", "infini",   "lexical",
                                    "lingua", "none",    "talk", "tcra_semantic", "tcra_summary", "truncate", "xl3m"};

class CompressTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + "/compress_" + testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(path_);
    cache_ = *cache::TaggedCache::Open({path_});
    compressor_ = Compressor::Make({.embedder = embedder_, .cache = cache_});
    TextMaker maker(5);
    request_.tenant = "t";
    request_.passages = maker.Passages(6, 12);
    request_.query = "What is " + maker.Word() + "?";
    request_.steps = {{"extractive", {}}};
    request_.budget = {.max_tokens = 150, .tokenizer = &words_};
    request_.read_epoch = 7;
  }
  void TearDown() override {
    compressor_.reset();
    cache_.reset();
    std::filesystem::remove_all(path_);
  }
  Context Run(const Request& request) {
    auto context = compressor_->Compress(request, {});
    EXPECT_TRUE(context.ok()) << context.status();
    if (!context.ok()) return {};
    EXPECT_EQ(BrokenPromise(request, *context), "");
    return *std::move(context);
  }
  std::string ErrorOf(const Request& request, absl::StatusCode code) {
    const auto context = compressor_->Compress(request, {});
    EXPECT_EQ(context.status().code(), code) << context.status();
    return std::string(context.status().message());
  }
  static bool SameSpans(const Context& a, const Context& b) {
    return std::equal(a.spans.begin(), a.spans.end(), b.spans.begin(), b.spans.end(), [](const Span& x, const Span& y) {
      return x.output == y.output && x.kind == y.kind && x.passage == y.passage && x.number == y.number &&
             x.source == y.source && x.cited_passages == y.cited_passages;
    });
  }

  std::string path_;
  WordTokenizer words_;
  NastyTokenizer nasty_;
  std::shared_ptr<FakeEmbedder> embedder_ = std::make_shared<FakeEmbedder>();
  std::shared_ptr<cache::TaggedCache> cache_;
  std::unique_ptr<Compressor> compressor_;
  Request request_;
};

TEST_F(CompressTest, AHitGivesTheSameBytesSpansAndReceipt) {
  const Context first = Run(request_);
  EXPECT_EQ(first.receipt.cache, CacheOutcome::kMiss);
  embedder_->calls = 0;
  const Context second = Run(request_);
  EXPECT_EQ(second.receipt.cache, CacheOutcome::kHit);
  EXPECT_EQ(embedder_->calls, 0);
  EXPECT_EQ(second.text, first.text);
  EXPECT_TRUE(SameSpans(first, second));
  EXPECT_EQ(second.receipt.tokens_in, first.receipt.tokens_in);
  EXPECT_EQ(second.receipt.fidelity, first.receipt.fidelity);
  EXPECT_EQ(second.receipt.warnings, first.receipt.warnings);
  EXPECT_EQ(second.receipt.sentences_kept, first.receipt.sentences_kept);
  ASSERT_EQ(second.receipt.steps.size(), 1u);
  EXPECT_EQ(second.receipt.steps[0].duration, first.receipt.steps[0].duration);
  EXPECT_EQ(second.receipt.tokenizer_fingerprint, "words");
}

TEST_F(CompressTest, WhateverMayChangeTheResultIsAnotherKey) {
  Run(request_);
  std::vector<std::pair<const char*, std::function<void(Request&)>>> changes = {
      {"tenant", [](Request& r) { r.tenant = "u"; }},
      {"query", [](Request& r) { r.query += "!"; }},
      {"document", [](Request& r) { r.passages[0].document_id = "other"; }},
      {"version", [](Request& r) { r.passages[0].version_id = "w"; }},
      {"range", [](Request& r) { r.passages[0].document_range.begin += 1; }},
      {"text", [](Request& r) { r.passages[0].text += "!"; }},
      {"score", [](Request& r) { r.passages[0].score += 1; }},
      {"order", [](Request& r) { std::swap(r.passages[0], r.passages[1]); }},
      {"budget", [](Request& r) { r.budget.max_tokens += 1; }},
      {"tokenizer", [this](Request& r) { r.budget.tokenizer = &nasty_; }},
      {"before", [](Request& r) { r.budget.before = "x"; }},
      {"after", [](Request& r) { r.budget.after = "x"; }},
      {"parameter", [](Request& r) { r.steps[0].parameters["mmr_lambda"] = "0.6"; }},
      {"method", [](Request& r) { r.steps[0].method = "truncate"; }},
      {"two steps",
       [](Request& r) {
         r.steps.push_back({"truncate", {}});
       }},
      {"protection", [](Request& r) { r.protection.literals = {"zzzz"}; }},
      {"style", [](Request& r) { r.format.citation_style = CitationStyle::kNone; }},
      {"separator", [](Request& r) { r.format.passage_separator = "\n"; }},
      {"source line", [](Request& r) { r.format.include_source_line = true; }},
      {"reserved", [](Request& r) { r.format.reserved = {"#"}; }},
      {"fidelity", [](Request& r) { r.min_fidelity = 0.1; }},
  };
  for (const auto& [name, change] : changes) {
    Request other = request_;
    change(other);
    EXPECT_EQ(Run(other).receipt.cache, CacheOutcome::kMiss) << name;
  }
  EXPECT_EQ(Run(request_).receipt.cache, CacheOutcome::kHit);
}

TEST_F(CompressTest, WhatCannotChangeTheResultIsTheSameKey) {
  Run(request_);
  Request same = request_;
  same.steps[0].parameters["mmr_lambda"] = "0.70";  // the default
  same.passages[0].title = "another title";         // not laid out
  same.read_epoch = 9;
  EXPECT_EQ(Run(same).receipt.cache, CacheOutcome::kHit);
  Request truncate = request_;
  truncate.steps = {{"truncate", {}}};
  Run(truncate);
  truncate.query = "not looked at";
  EXPECT_EQ(Run(truncate).receipt.cache, CacheOutcome::kHit);
}

TEST_F(CompressTest, AnErasedDocumentTakesItsContextsAlongAndLateOnesAreRefused) {
  Run(request_);
  const std::vector<cache::Erasure> erasures = {{"t", "d1", 8}};
  ASSERT_EQ(*cache_->Erase(erasures), 1);
  EXPECT_EQ(Run(request_).receipt.cache, CacheOutcome::kMiss);
  EXPECT_EQ(Run(request_).receipt.cache, CacheOutcome::kMiss) << "it was read before the delete: never stored again";
  Request later = request_;
  later.read_epoch = 8;
  Run(later);
  EXPECT_EQ(Run(later).receipt.cache, CacheOutcome::kHit);
}

TEST_F(CompressTest, PolicyAndUnknownEpochsBypass) {
  Run(request_);
  Request request = request_;
  request.cache = CachePolicy::kBypass;
  EXPECT_EQ(Run(request).receipt.cache, CacheOutcome::kBypassed);
  request.cache = CachePolicy::kRefresh;
  const int calls = embedder_->calls;
  EXPECT_EQ(Run(request).receipt.cache, CacheOutcome::kBypassed);
  EXPECT_GT(embedder_->calls, calls);
  request = request_;
  request.read_epoch = 0;
  EXPECT_EQ(Run(request).receipt.cache, CacheOutcome::kBypassed);
  EXPECT_TRUE(embedder_->last_tags.size() <= 1) << "sentences read at an unknown epoch must not be cached either";
  EXPECT_EQ(cache_->stats().entries, 1);
  for (Passage& passage : request.passages) passage.document_id = "";
  Run(request);
  EXPECT_EQ(Run(request).receipt.cache, CacheOutcome::kHit) << "a caller's own text has no epoch";
  EXPECT_EQ(Compressor::Make({})->Compress(request, {})->receipt.cache, CacheOutcome::kNone);
}

TEST_F(CompressTest, CachedValuesHoldNoTextOfPassagesAndDamagedOnesAreMisses) {
  const Context context = Run(request_);
  const std::string bytes = EncodeContext(context);
  for (const Span& span : context.spans) {
    if (span.verbatim() && span.output.size() > 12) {
      EXPECT_EQ(bytes.find(std::string(Slice(context.text, span.output))), std::string::npos);
    }
  }
  ASSERT_TRUE(DecodeContext(bytes, request_).has_value());
  EXPECT_EQ(DecodeContext(bytes, request_)->text, context.text);
  for (size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(DecodeContext(bytes.substr(0, n), request_).has_value());
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (const int flip : {1, 0x80, 0xFF}) {
      std::string bad = bytes;
      bad[i] = static_cast<char>(bad[i] ^ flip);
      (void)DecodeContext(bad, request_);  // must not crash or read outside, whatever it gives
    }
  }
}

TEST_F(CompressTest, SentencesAreEmbeddedInOneCallWithTheirOwnersTags) {
  std::vector<std::vector<engine::CacheTag>> tags;
  embedder_->on_call = [&] { tags.push_back(embedder_->last_tags); };
  Run(request_);
  ASSERT_EQ(tags.size(), 2u) << "one for the sentences, one for the query";
  EXPECT_GT(tags[0].size(), 10u);
  for (const auto& tag : tags[0]) {
    EXPECT_EQ(tag.tenant, "t");
    EXPECT_EQ(tag.read_epoch, 7u);
    EXPECT_EQ(tag.owner.substr(0, 1), "d");
  }
  EXPECT_EQ(tags[1][0].owner, "");
}

TEST_F(CompressTest, AutoSaysWhyItPicked) {
  request_.steps = {};
  Context context = Run(request_);
  EXPECT_THAT(context.receipt.plan, HasSubstr("extractive: "));
  EXPECT_EQ(context.receipt.steps[0].method, "extractive");
  EXPECT_EQ(context.receipt.steps[0].reason, context.receipt.plan);
  request_.budget.max_tokens = 100000;
  context = Run(request_);
  EXPECT_EQ(context.receipt.steps[0].method, "none");
  EXPECT_EQ(context.receipt.fidelity, 1.0);
  request_.budget.max_tokens = 50;
  request_.query = "";
  EXPECT_EQ(Compressor::Make({})->Compress(request_, {})->receipt.steps[0].method, "truncate");
}

TEST_F(CompressTest, AChainNarrowsStepByStep) {
  request_.steps = {{"extractive", {{"budget_ratio", "2"}}}, {"truncate", {}}};
  const Context context = Run(request_);
  ASSERT_EQ(context.receipt.steps.size(), 2u);
  EXPECT_LE(context.receipt.steps[0].tokens_out, 300);
  EXPECT_GT(context.receipt.steps[0].tokens_out, 150);
  EXPECT_EQ(context.receipt.steps[1].tokens_in, context.receipt.steps[0].tokens_out);
  EXPECT_LE(context.receipt.tokens_out, 150);
  EXPECT_GT(context.receipt.tokens_in, context.receipt.steps[1].tokens_in);
  std::swap(request_.steps[0], request_.steps[1]);
  EXPECT_THAT(ErrorOf(request_, absl::StatusCode::kInvalidArgument), HasSubstr("budget_ratio"));
}

TEST_F(CompressTest, LowFidelityFallsBackAndTheReceiptSaysSo) {
  request_.budget.max_tokens = 40;
  const double reached = *Run(request_).receipt.fidelity;
  EXPECT_GT(reached, 0.1);
  EXPECT_LT(reached, 1.0);
  request_.min_fidelity = reached / 2;
  EXPECT_TRUE(Run(request_).receipt.fallbacks.empty());
  request_.min_fidelity = 0.9999;
  EXPECT_THAT(ErrorOf(request_, absl::StatusCode::kFailedPrecondition), HasSubstr("fidelity"));
  request_.fallback_policy = FallbackPolicy::kFail;
  EXPECT_THAT(ErrorOf(request_, absl::StatusCode::kFailedPrecondition), HasSubstr("fidelity"));
}

TEST_F(CompressTest, AGentlerMethodThatIsFaithfulEnoughRunsInstead) {
  // One passage is about what most sentences are about; the query asks for something else.
  std::string gardens;
  for (int i = 0; i < 20; ++i) gardens += absl::StrCat("Garden roses bloom ", std::string(1, 'a' + i), i, ". ");
  request_.passages = {{.text = gardens, .score = 1}};
  for (int i = 0; i < 8; ++i) {
    request_.passages.push_back({.text = absl::StrCat("The harbour ferry number ", i,
                                                      " leaves the harbour pier for the island harbour at hour ", i)});
  }
  request_.query = "harbour ferry pier island hour";
  request_.budget.max_tokens = *words_.CountTokens("[1] " + gardens);
  const double reached = *Run(request_).receipt.fidelity;
  request_.min_fidelity = 0.9;
  ASSERT_LT(reached, request_.min_fidelity);
  const Context context = Run(request_);
  ASSERT_EQ(context.receipt.fallbacks.size(), 1u);
  EXPECT_EQ(context.receipt.fallbacks[0].from, "extractive");
  EXPECT_EQ(context.receipt.fallbacks[0].to, "none");
  EXPECT_THAT(context.receipt.fallbacks[0].reason, HasSubstr("0.900"));
  EXPECT_GE(*context.receipt.fidelity, 0.9);
  EXPECT_EQ(context.receipt.steps[0].method, "none");
}

TEST_F(CompressTest, AnEncoderThatIsDownIsReplacedByWordsAndNotCached) {
  embedder_->fail_with = absl::UnavailableError("connection refused");
  const Context context = Run(request_);
  EXPECT_THAT(context.receipt.warnings, testing::Contains(HasSubstr("connection refused")));
  EXPECT_FALSE(context.receipt.fidelity.has_value());
  embedder_->fail_with = absl::OkStatus();
  EXPECT_EQ(Run(request_).receipt.cache, CacheOutcome::kMiss);
  request_.query += " again";
  request_.fallback_policy = FallbackPolicy::kFail;
  embedder_->fail_with = absl::UnavailableError("connection refused");
  EXPECT_THAT(ErrorOf(request_, absl::StatusCode::kFailedPrecondition), HasSubstr("connection refused"));
}

TEST_F(CompressTest, ErrorsNameTheValueTheLimitAndTheWayOut) {
  using enum absl::StatusCode;
  const auto with = [&](const std::function<void(Request&)>& change, absl::StatusCode code) {
    Request request = request_;
    change(request);
    return ErrorOf(request, code);
  };
  EXPECT_THAT(with([](Request& r) { r.budget.max_tokens = 0; }, kInvalidArgument), HasSubstr("0 tokens"));
  EXPECT_THAT(with([](Request& r) { r.budget.tokenizer = nullptr; }, kInvalidArgument), HasSubstr("tokenizer"));
  EXPECT_THAT(with([](Request& r) { r.steps[0].method = "magic"; }, kInvalidArgument),
              HasSubstr(absl::StrCat("known are: ", absl::StrJoin(kMethods, ", "))));
  EXPECT_THAT(with([](Request& r) { r.steps[0].parameters["lambda"] = "1"; }, kInvalidArgument),
              HasSubstr("mmr_lambda, keyword_weight, passage_weight, max_sentences, budget_ratio"));
  EXPECT_THAT(with([](Request& r) { r.steps[0].parameters["mmr_lambda"] = "1.5"; }, kInvalidArgument),
              HasSubstr("0..1"));
  EXPECT_THAT(with([](Request& r) { r.steps[0].parameters["max_sentences"] = "x"; }, kInvalidArgument),
              HasSubstr("int"));
  EXPECT_THAT(with([](Request& r) { r.passages[2].text = "ab\xff"; }, kInvalidArgument), HasSubstr("passage 2"));
  EXPECT_THAT(with([](Request& r) { r.query = "\xc3"; }, kInvalidArgument), HasSubstr("query"));
  EXPECT_THAT(with([](Request& r) { r.min_fidelity = 2; }, kInvalidArgument), HasSubstr("min_fidelity"));
  EXPECT_THAT(with([](Request& r) { r.protection.literals = {""}; }, kInvalidArgument), HasSubstr("literal"));
  EXPECT_THAT(with([](Request& r) { r.passages[0].score = NAN; }, kInvalidArgument), HasSubstr("score"));
  EXPECT_THAT(with([](Request& r) { r.format.omission_mark = std::string(33, '.'); }, kInvalidArgument),
              HasSubstr("32"));
  EXPECT_THAT(with([](Request& r) { r.passages[0].text = std::string((64 << 20) + 1, 'x'); }, kResourceExhausted),
              HasSubstr("limit"));
  EXPECT_THAT(with([](Request& r) { r.budget.max_tokens = 1; }, kFailedPrecondition), HasSubstr("token"));
}

TEST_F(CompressTest, NothingInNothingOut) {
  request_.passages = {};
  Context context = Run(request_);
  EXPECT_EQ(context.text, "");
  EXPECT_EQ(context.receipt.warnings.size(), 1u);
  request_.passages = {{.text = ""}, {.text = " \n"}};
  context = Run(request_);
  EXPECT_EQ(context.text, "");
  EXPECT_EQ(context.receipt.passages.size(), 2u);
  EXPECT_EQ(context.receipt.protection.size(), static_cast<size_t>(kProtectedKinds));
}

TEST_F(CompressTest, RepeatedSentencesAreKeptOnce) {
  request_.passages.assign(4, {.text = "The cat sat on the mat. Dogs bark at night in the yard. Birds sing at dawn."});
  request_.budget.max_tokens = 60;
  const Context context = Run(request_);
  EXPECT_EQ(context.text.find("cat"), context.text.rfind("cat"));
  EXPECT_THAT(context.receipt.warnings, testing::Contains(HasSubstr("9 repeated sentences")));
}

TEST_F(CompressTest, TheSentencesThatTheQueryAsksForAreKept) {
  request_.passages = {
      {.text =
           "The museum opened in spring. Its garden has roses. The entrance fee is twelve euros. Trams stop nearby. "
           "The shop sells postcards. The roof is made of copper."},
      {.text = "A cafe serves lunch. The entrance is on the north side. Guides speak four languages."}};
  request_.query = "How much is the entrance fee?";
  request_.budget.max_tokens = 14;
  for (auto* compressor : {compressor_.get(), Compressor::Make({}).release()}) {
    const auto context = compressor->Compress(request_, {});
    ASSERT_TRUE(context.ok()) << context.status();
    EXPECT_THAT(context->text, HasSubstr("The entrance fee is twelve euros."));
    if (compressor != compressor_.get()) delete compressor;
  }
}

TEST_F(CompressTest, CancellationAndDeadlineEndEveryMethod) {
  for (const char* method : {"extractive", "truncate", "none", "auto"}) {
    request_.steps = {{method, {}}};
    const CallContext cancelled = CallContext::Make();
    cancelled.Cancel();
    EXPECT_EQ(compressor_->Compress(request_, cancelled).status().code(), absl::StatusCode::kCancelled);
    EXPECT_EQ(compressor_->Compress(request_, CallContext(absl::InfinitePast())).status().code(),
              absl::StatusCode::kDeadlineExceeded);
  }
  // In the middle of it.
  const CallContext call = CallContext::Make();
  embedder_->on_call = [&] { call.Cancel(); };
  request_.steps = {{"extractive", {}}};
  EXPECT_EQ(compressor_->Compress(request_, call).status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(cache_->stats().stored, 0);
}

TEST_F(CompressTest, MethodsAreListedWithWhatTheyNeed) {
  const auto methods = compressor_->ListMethods();
  std::vector<std::string> names;
  for (const auto& method : methods) {
    names.push_back(method.name);
    EXPECT_EQ(method.available, !method.needs_scorer && !method.needs_generator) << method.name;
    EXPECT_FALSE(method.description.empty());
    for (const auto& parameter : method.parameters) EXPECT_FALSE(parameter.description.empty()) << parameter.name;
  }
  EXPECT_THAT(names, testing::ElementsAreArray(kMethods));
}

}  // namespace
}  // namespace precis::compress
