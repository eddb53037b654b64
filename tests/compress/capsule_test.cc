// "capsule": candidates, the hard cut-off, and how the best one is chosen.
#include "methods/answer_probe.h"
#include "written_fixture.h"

namespace precis::compress {
namespace {

class CapsuleTest : public WrittenTest {
 protected:
  CapsuleTest() {
    AddPassage(
        "The red bridge was built in 1890 by Ada Stone. It carries trains over the river. Painters work on it all the "
        "time because the rain eats the paint.");
    AddPassage(
        "The blue tower has 300 steps and a bell. Visitors climb up to see the sea and the ships. Nobody rings the "
        "bell any more.");
    request_.steps = {{"capsule", {{"candidates", "3"}}}};
    request_.budget.max_tokens = 24;
    // Candidates by seed: the greedy one has seed 0.
    generator_->script = [this](const engine::GenerateRequest& request) -> std::string {
      const std::string& prompt = request.messages[1].content;
      if (prompt.find("Question: ") != std::string::npos) {
        return prompt.find("1890") != std::string::npos ? "In 1890." : "not said";
      }
      if (prompt.find("questions, one a line") != std::string::npos) return "1. When was the bridge built?\nnonsense";
      return candidates_.at(request.sampling.temperature > 0 ? static_cast<size_t>(request.sampling.seed) - 1 : 0);
    };
  }

  std::vector<std::string> candidates_ = {
      "Nobody rings the bell.",
      "The red bridge carries trains over the river, and the blue tower has steps, a bell and visitors.",
      "Ada Stone built the red bridge in 1890.",
  };
};

TEST_F(CapsuleTest, TheCandidateMostLikeThePassagesIsChosen) {
  const Context context = Run();
  EXPECT_EQ(generator_->calls, 3);
  EXPECT_EQ(context.text, "[1] " + candidates_[1]);
  EXPECT_EQ(context.receipt.generated->candidates, 3);
  EXPECT_FALSE(context.receipt.generated->agreement.has_value());
  ASSERT_TRUE(context.receipt.fidelity.has_value());
  EXPECT_GT(*context.receipt.fidelity, 0.3);
  EXPECT_TRUE(Warns(context, "best of 3 different candidates"));
}

TEST_F(CapsuleTest, ProbeQuestionsPreferTheOneThatAnswersThem) {
  request_.steps[0].parameters["probe_questions"] = "When was the bridge built?\n\n";
  const Context context = Run();
  EXPECT_EQ(context.text, "[1] " + candidates_[2]);
  EXPECT_EQ(context.receipt.generated->probes, 1);
  EXPECT_EQ(*context.receipt.generated->agreement, 1.0);
  EXPECT_EQ(generator_->calls, 3 + 4);
}

TEST_F(CapsuleTest, ProbesCanBeMadeByTheGenerator) {
  request_.steps[0].parameters["make_probes"] = "2";
  const Context context = Run();
  EXPECT_EQ(context.receipt.generated->probes, 1);  // the other line was no question
  EXPECT_EQ(context.text, "[1] " + candidates_[2]);
  bool asked = false;
  for (const std::string& prompt : generator_->prompts) {
    asked |= prompt.find("Question: When was the bridge built?") != std::string::npos;
  }
  EXPECT_TRUE(asked);
}

TEST_F(CapsuleTest, ACandidateIsCutAtTheEndOfTheLastSentenceThatFits) {
  candidates_ = {
      "The red bridge carries trains. The blue tower has steps. Visitors climb up to see the sea. Painters "
      "work on the red bridge all the time. Nobody rings the bell."};
  request_.steps[0].parameters["candidates"] = "1";
  const Context context = Run();
  EXPECT_EQ(context.text,
            "[1] The red bridge carries trains. The blue tower has steps. Visitors climb up to see the sea.")
      << context.receipt.tokens_out;
  request_.budget.max_tokens = 7;  // not even the first one fits
  EXPECT_EQ(Run().text.rfind("[1] The red", 0), 0u) << Run().text;
}

TEST_F(CapsuleTest, WithoutAnEncoderWordsDecide) {
  auto compressor = Compressor::Make({.generator = generator_});
  const Context context = Run(*compressor);
  EXPECT_EQ(context.text, "[1] " + candidates_[1]);
  EXPECT_TRUE(Warns(context, "no encoder is loaded"));
  EXPECT_FALSE(context.receipt.fidelity.has_value());
}

TEST_F(CapsuleTest, UnsupportedAndEmptyCandidatesDoNotStand) {
  candidates_ = {"", "Gandalf built it in 1066.", "The blue tower has 300 steps."};
  const Context context = Run();
  EXPECT_EQ(context.text, "[1] The blue tower has 300 steps.");
  candidates_ = {"", "", ""};
  EXPECT_EQ(Run().receipt.fallbacks.size(), 1u);
}

TEST_F(CapsuleTest, PassagesBeyondOneCallAreSummarisedFirst) {
  request_.passages.clear();
  std::string book;
  for (int i = 0; i < 400; ++i) book += BookSentence(i);
  AddPassage(book);
  generator_->script = [](const engine::GenerateRequest& request) {
    const std::string& prompt = request.messages[1].content;
    const size_t begin = prompt.find("<texts>\n") + 8;
    return prompt.substr(begin, prompt.find('.', begin) + 1 - begin);
  };
  request_.budget.max_tokens = 40;
  const Context context = Run();
  EXPECT_TRUE(Warns(context, "longer than what is read at once"));
  for (const std::string& prompt : generator_->prompts) EXPECT_LT(*words_.CountTokens(prompt), 4096);
}

TEST_F(CapsuleTest, CancelledWhileProbing) {
  request_.steps[0].parameters["probe_questions"] = "When was the bridge built?";
  const CallContext call = CallContext::Make();
  generator_->on_call = [&] {
    if (generator_->calls == 5) call.Cancel();
  };
  EXPECT_EQ(compressor_->Compress(request_, call).status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(generator_->calls, 5);
}

TEST_F(CapsuleTest, ProbesHaveLimits) {
  EXPECT_EQ(ParseProbes(" a?\n\n b ?\r\n").value(), (std::vector<std::string>{"a?", "b ?"}));
  std::string many;
  for (int i = 0; i < 101; ++i) many += absl::StrCat(i, "?\n");
  EXPECT_EQ(ParseProbes(many).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ParseProbes(std::string(1025, 'x')).status().code(), absl::StatusCode::kInvalidArgument);
  request_.steps[0].parameters["probe_questions"] = many;
  EXPECT_EQ(compressor_->Compress(request_, {}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(SameAnswerTest, IsAboutNumbersAndContentWords) {
  EXPECT_TRUE(SameAnswer("It was built in 1890.", "Built in 1890"));
  EXPECT_FALSE(SameAnswer("It was built in 1890.", "It was built in 1891."));
  EXPECT_TRUE(SameAnswer("Ada Stone", "the engineer Ada Stone"));
  EXPECT_FALSE(SameAnswer("Ada Stone", "Isambard Brunel"));
  EXPECT_TRUE(SameAnswer("Yes.", "yes."));
  EXPECT_FALSE(SameAnswer("Ada Stone", ""));
}

}  // namespace
}  // namespace precis::compress
