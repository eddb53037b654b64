// "hierarchical": parts, merging, updating, and what the receipt says of places that are left out.
#include "methods/summary_tree.h"
#include "written_fixture.h"

namespace precis::compress {
namespace {

// The same generator with another window.
class SmallWindow final : public engine::Generator {
 public:
  SmallWindow(std::shared_ptr<engine::Generator> inner, int64_t window) : inner_(std::move(inner)) {
    info_ = inner_->info();
    info_.max_tokens = window;
  }
  const engine::ModelInfo& info() const override { return info_; }
  const engine::Tokenizer& tokenizer() const override { return inner_->tokenizer(); }
  absl::StatusOr<std::string> RenderChat(const std::vector<engine::ChatMessage>& messages) const override {
    return inner_->RenderChat(messages);
  }
  absl::StatusOr<int64_t> CountPromptTokens(const engine::GenerateRequest& request) const override {
    return inner_->CountPromptTokens(request);
  }
  absl::StatusOr<engine::GenerateResult> Generate(const engine::GenerateRequest& request, const CallContext& call,
                                                  const engine::DeltaSink& sink) override {
    return inner_->Generate(request, call, sink);
  }

 private:
  const std::shared_ptr<engine::Generator> inner_;
  engine::ModelInfo info_;
};

class HierarchicalTest : public WrittenTest {
 protected:
  void Book(int sentences) {
    std::string text;
    for (int i = 0; i < sentences; ++i) text += BookSentence(i);
    AddPassage(text);
    request_.steps = {{"hierarchical", {{"part_tokens", "200"}, {"summary_tokens", "24"}}}};
    request_.budget.max_tokens = 60;
  }
  // The first sentence of what it is given.
  static std::string FirstSentence(const engine::GenerateRequest& request) {
    const std::string& prompt = request.messages[1].content;
    const size_t begin = prompt.find("<texts>\n") + 8;
    return prompt.substr(begin, prompt.find('.', begin) + 1 - begin);
  }
};

TEST_F(HierarchicalTest, PartsAreMergedUntilTheyFitAndTheLastLevelIsInOrder) {
  Book(200);
  generator_->script = FirstSentence;
  std::vector<std::string> stages;
  auto context = compressor_->Compress(request_, {}, [&](const std::string& stage, int64_t done, int64_t total) {
    if (stages.empty() || stages.back() != stage) stages.push_back(stage);
    EXPECT_LE(done, total);
  });
  ASSERT_TRUE(context.ok()) << context.status();
  EXPECT_EQ(BrokenPromise(request_, *context), "");
  EXPECT_EQ(stages.front(), "count");
  EXPECT_NE(std::find(stages.begin(), stages.end(), "summarise"), stages.end());
  EXPECT_NE(std::find(stages.begin(), stages.end(), "merge"), stages.end());
  EXPECT_EQ(context->text.rfind("[1] In chapter 0 ", 0), 0u) << context->text;
  EXPECT_TRUE(Warns(*context, "levels")) << context->receipt.warnings[0];
  // What came before is carried along, between delimiters of its own.
  EXPECT_EQ(generator_->prompts[0].find("<before>"), std::string::npos);
  EXPECT_NE(generator_->prompts[1].find("<before>\nIn chapter 0 "), std::string::npos) << generator_->prompts[1];
}

TEST_F(HierarchicalTest, PlacesThatNothingIsSaidAboutAreListed) {
  Book(200);
  int calls = 0;
  generator_->script = [&](const engine::GenerateRequest& request) {
    return ++calls > 3 && calls < 7 ? "Nobody knows." : FirstSentence(request);
  };
  request_.budget.max_tokens = 600;  // the parts' own summaries fit
  const Context context = Run();
  EXPECT_TRUE(Warns(context, "nothing in the summary is about these places of the text: "))
      << context.receipt.warnings.size();
  EXPECT_EQ(context.receipt.generated->unsupported, 3);
}

TEST(OmissionsTest, NeighboursAreOnePlaceAndManyAreCounted) {
  SummaryTree tree;
  for (int i = 0; i < 40; ++i) tree.parts.push_back({i * 25, i * 25 + 25});
  tree.bytes = 1000;
  std::vector<SummarySentence> kept;
  for (int i = 0; i < 40; ++i) kept.push_back({"x", {0}, {i}});
  EXPECT_EQ(Omissions(tree, kept), "");
  kept.erase(kept.begin() + 4, kept.begin() + 8);
  kept.pop_back();
  EXPECT_EQ(Omissions(tree, kept), "10 to 20 %, 98 to 100 %");
  kept.clear();
  for (int i = 1; i < 40; i += 2) kept.push_back({"x", {0}, {i}});
  EXPECT_NE(Omissions(tree, kept).find("and 12 more places"), std::string::npos) << Omissions(tree, kept);
}

TEST_F(HierarchicalTest, IncrementalKeepsOneSummaryThatEveryPartIsWorkedInto) {
  Book(60);
  request_.steps[0].parameters["mode"] = "incremental";
  // Says again what came before, and the part's first sentence.
  generator_->script = [](const engine::GenerateRequest& request) {
    const std::string& prompt = request.messages[1].content;
    const size_t begin = prompt.find("<before>\n");
    std::string before;
    if (begin != std::string::npos) before = prompt.substr(begin + 9, prompt.find('.', begin) + 1 - begin - 9) + " ";
    return before + FirstSentence(request);
  };
  const Context context = Run();
  EXPECT_GT(generator_->calls, 3);
  EXPECT_NE(context.text.find("In chapter 0 "), std::string::npos) << context.text;
  EXPECT_EQ(context.text.find("[2]"), std::string::npos) << context.text;  // one summary
  // The last part was worked in: only the first and the last one are told of.
  EXPECT_TRUE(Warns(context, "nothing in the summary is about these places")) << context.text;
}

TEST_F(HierarchicalTest, ANameThatCameBeforeMayBeSaidAgainAndANewOneMayNot) {
  Book(60);
  request_.budget.max_tokens = 300;
  generator_->script = [](const engine::GenerateRequest& request) {
    const bool first = request.messages[1].content.find("<before>") == std::string::npos;
    return std::string(first ? "The keeper of lighthouse 1000 writes a letter."
                             : "The keeper of lighthouse 1000 counts ships again. The keeper Barbarossa writes.");
  };
  const Context context = Run();
  EXPECT_NE(context.text.find("lighthouse 1000 counts ships again"), std::string::npos) << context.text;
  EXPECT_EQ(context.text.find("Barbarossa"), std::string::npos) << context.text;
}

TEST_F(HierarchicalTest, CancelledBetweenPartsAndWithinACall) {
  Book(200);
  const CallContext between = CallContext::Make();
  generator_->script = [&](const engine::GenerateRequest& request) {
    if (generator_->calls == 3) between.Cancel();
    return FirstSentence(request);
  };
  EXPECT_EQ(compressor_->Compress(request_, between).status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(generator_->calls, 3);
  const CallContext within = CallContext::Make();
  generator_->on_call = [&] {
    if (generator_->calls == 5) within.Cancel();
  };
  EXPECT_EQ(compressor_->Compress(request_, within).status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(generator_->calls, 5);
}

TEST_F(HierarchicalTest, ASecondRunTakesEveryPartFromTheCache) {
  Book(100);
  generator_->script = FirstSentence;
  const auto cache = OpenCache();
  auto compressor = Compressor::Make({.embedder = embedder_, .generator = generator_, .cache = cache});
  Run(*compressor);
  const int calls = generator_->calls;
  request_.budget.max_tokens = 61;  // another context
  const Context again = Run(*compressor);
  EXPECT_GT(again.receipt.generated->cached * 2, again.receipt.generated->texts);
  EXPECT_LT(generator_->calls, calls * 3 / 2);
  ASSERT_TRUE(cache->Erase(std::vector<cache::Erasure>{{"", "doc-0", 8}}).ok());
  request_.read_epoch = 9;
  request_.budget.max_tokens = 60;
  Run(*compressor);
  const Context anew = Run(*compressor);
  EXPECT_EQ(anew.receipt.generated->cached, 0);
}

TEST_F(HierarchicalTest, WhenNothingIsSupportedAGentlerMethodRuns) {
  Book(50);
  generator_->answer = "I cannot help with Quidditch.";
  const Context context = Run();
  ASSERT_EQ(context.receipt.fallbacks.size(), 1u);
  EXPECT_NE(context.receipt.fallbacks[0].reason.find("nothing that the generator wrote"), std::string::npos);
  generator_->script = [](const engine::GenerateRequest&) { return ""; };
  EXPECT_EQ(Run().receipt.fallbacks.size(), 1u);
}

TEST_F(HierarchicalTest, MergedSummariesMayFillTheBudgetAndEveryPromptFitsASmallWindow) {
  Book(120);
  auto compressor =
      Compressor::Make({.embedder = embedder_, .generator = std::make_shared<SmallWindow>(generator_, 1024)});
  request_.budget.max_tokens = 100;
  generator_->script = [&](const engine::GenerateRequest& request) {
    int64_t tokens = request.max_tokens;
    for (const engine::ChatMessage& message : request.messages) tokens += *words_.CountTokens(message.content);
    EXPECT_LE(tokens, 1024);
    return FirstSentence(request);
  };
  Run(*compressor);
  // A few groups share the budget: each may have more than summary_tokens, which is 24 tokens or 16 words.
  bool more = false;
  for (const std::string& prompt : generator_->prompts) {
    if (prompt.find("these summaries of parts") == std::string::npos) continue;
    more |= std::stoi(prompt.substr(prompt.rfind("at most ") + 8)) > 16;
  }
  EXPECT_TRUE(more);
}

TEST_F(HierarchicalTest, ATextWithoutSpacesAndASmallWindowAreTaken) {
  std::string text;
  for (int i = 0; i < 30000; ++i) text += "\u6570\u636e";
  AddPassage(text);
  request_.steps = {{"hierarchical", {}}};
  request_.budget.max_tokens = 40;
  generator_->script = [](const engine::GenerateRequest&) { return "\u6570\u636e\u6570\u636e."; };
  Run();
  for (const std::string& prompt : generator_->prompts) EXPECT_LT(*words_.CountTokens(prompt), 4096);
}

}  // namespace
}  // namespace precis::compress
