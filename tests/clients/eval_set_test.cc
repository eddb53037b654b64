// Question sets, the harness's own contexts, and needles.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <set>

#include "eval/baselines.h"
#include "eval/checks.h"
#include "eval/layout.h"
#include "eval/metrics.h"
#include "eval/needles.h"
#include "eval/question_set.h"
#include "eval/settings.h"
#include "eval_fake.h"
#include "precis/base/file.h"
#include "source_file.h"

namespace precis::eval {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kTiny = SourceFile("tests/clients/data/tiny_set");

class EvalSetTest : public testing::Test {
 protected:
  EvalSetTest() {
    std::string pattern = testing::TempDir() + "/precis_eval_XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~EvalSetTest() override { fs::remove_all(folder_); }

  // A set of one document "d" with text "abc" and this line of questions.
  std::string Complaint(const std::string& question, const std::string& head = R"({"format":1,"name":"x"})") {
    EXPECT_TRUE(WriteFileDurably(folder_ + "/set.json", head).ok());
    EXPECT_TRUE(WriteFileDurably(folder_ + "/documents.jsonl", R"({"id":"d","text":"abc"})").ok());
    EXPECT_TRUE(WriteFileDurably(folder_ + "/questions.jsonl", question + "\n").ok());
    return std::string(LoadQuestionSet(folder_).status().message());
  }

  std::string folder_;
};

TEST_F(EvalSetTest, IsReadAsItIsWritten) {
  const auto set = LoadQuestionSet(kTiny);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->name, "tiny");
  EXPECT_EQ(set->documents.size(), 6u);
  const Question& question = set->questions[1];
  EXPECT_THAT(question.answers, ElementsAre("211", "211 steps"));
  const Evidence& evidence = question.evidence[0];
  EXPECT_EQ(set->documents[evidence.document].text.substr(evidence.begin, evidence.end - evidence.begin),
            "The stair has 211 steps and two landings.");
  EXPECT_FALSE(set->questions[5].answerable);
}

TEST_F(EvalSetTest, WhatIsWrongIsNamedWithItsLine) {
  EXPECT_EQ(Complaint(R"({"id":"q","question":"why?","passages":["d"],"group":"length=10 depth=0.5"})"), "");
  EXPECT_EQ(LoadQuestionSet(folder_)->questions[0].depth, 50);
  EXPECT_THAT(Complaint("nonsense"), HasSubstr("questions.jsonl:1: not a JSON object"));
  EXPECT_THAT(Complaint(R"({"question":"why?"})"), HasSubstr("'id' is missing"));
  EXPECT_THAT(Complaint(R"({"id":"q","question":7})"), HasSubstr("'question' must be a string"));
  EXPECT_THAT(Complaint(R"({"id":"q","question":"why?","answers":"no list"})"), HasSubstr("list of strings"));
  EXPECT_THAT(Complaint(R"({"id":"q","question":"why?","passages":["e"]})"), HasSubstr("'e', which is no document"));
  EXPECT_THAT(Complaint(R"({"id":"q","question":"why?","evidence":[{"document":"d","begin":1,"end":9}]})"),
              HasSubstr("outside document 'd' of 3 bytes"));
  EXPECT_THAT(Complaint("{\"id\":\"q\",\"question\":\"a?\"}\n\n{\"id\":\"q\",\"question\":\"b?\"}"),
              HasSubstr("questions.jsonl:3: question 'q' is there twice"));
  EXPECT_THAT(Complaint(R"({"id":"q","question":"?"})", R"({"format":2,"name":"x"})"), HasSubstr("format 2"));
  EXPECT_THAT(Complaint(""), HasSubstr("no question"));
}

TEST_F(EvalSetTest, ASmallerLimitIsTheBeginningOfALargerOne) {
  const auto set = LoadQuestionSet(kTiny);
  const auto choose = [&](const std::string& split, int limit, uint64_t seed) {
    return ChooseQuestions(*set, {split, "", false, limit, seed});
  };
  const std::vector<int> all = choose("heldout", 0, 3), three = choose("heldout", 3, 3);
  EXPECT_EQ(all.size(), 6u);
  EXPECT_EQ(three, std::vector<int>(all.begin(), all.begin() + 3));
  EXPECT_EQ(choose("all", 0, 3).size(), 7u);
  EXPECT_NE(choose("heldout", 0, 4), all);
  EXPECT_EQ(ChooseQuestions(*set, {"heldout", "low"}).size(), 4u);
  EXPECT_EQ(ChooseQuestions(*set, {"heldout", "low", true}).size(), 3u);
}

TEST_F(EvalSetTest, BudgetsAreTokensOrCuts) {
  EXPECT_EQ(ParseBudget("256")->For(9999), 256);
  EXPECT_EQ(ParseBudget("4x")->For(1003), 250);
  EXPECT_EQ(ParseBudget("2.5x")->For(1000), 400);
  EXPECT_EQ(ParseBudget("1000x")->For(10), 1);
  for (const char* bad : {"", "0", "-3", "1x", "x", "4 tokens", "300000", "nanx", "infx"}) {
    EXPECT_FALSE(ParseBudget(bad).ok()) << bad;
  }
}

TEST_F(EvalSetTest, BaselinesKeepTheBudgetAndTheirSources) {
  const auto set = LoadQuestionSet(kTiny);
  FakeBackend backend(&*set);
  const Question& question = set->questions[0];
  std::vector<Passage> passages = backend.Find("", *set, question, 10, "")->passages;
  passages[0].begin = 0;
  const Count count = [&](const std::string& text) { return backend.CountTokens("", text); };
  for (const char* method : {kWhole, kBm25Sentence, kBm25Fill, kRandom}) {
    int64_t last = 0;
    for (int64_t budget : {1, 2, 7, 20, 60, 119, 100'000}) {
      const auto context = MakeBaseline(method, passages, question.question, budget, 1, count);
      ASSERT_TRUE(context.ok()) << context.status();
      const int64_t tokens = *count(context->text);
      EXPECT_LE(tokens, budget) << method;
      EXPECT_GE(tokens, last) << method << " has less with more";
      last = tokens;
      std::string why;
      EXPECT_TRUE(ProvenanceHolds(*context, passages, &why)) << why;
      const auto again = MakeBaseline(method, passages, question.question, budget, 1, count);
      EXPECT_EQ(context->text, again->text);
    }
    // All of it fits in the end, but for the method that wants one sentence.
    if (method != std::string(kBm25Sentence)) {
      EXPECT_EQ(last, *count(LayOutWhole(passages).text)) << method;
    }
  }
  EXPECT_EQ(MakeBaseline(kBm25Sentence, passages, question.question, 100, 1, count)->text,
            "[1] Its wheel was carved in 1742 by a carpenter from the coast.");
  const auto fill = MakeBaseline(kBm25Fill, passages, question.question, 40, 1, count);
  EXPECT_EQ(*count(fill->text), 40);  // filled
  EXPECT_NE(MakeBaseline(kRandom, passages, "x", 40, 1, count)->text,
            MakeBaseline(kRandom, passages, "x", 40, 2, count)->text);
}

TEST_F(EvalSetTest, WholePassagesSkipWhatDoesNotFitAndCutTheBestIfNoneDoes) {
  Passage large, small;
  large.text = "one two three four five six seven eight";
  small.text = "nine ten";
  const Count count = [](const std::string& text) -> absl::StatusOr<int64_t> {
    return static_cast<int64_t>(std::count(text.begin(), text.end(), ' ')) + 1;
  };
  EXPECT_EQ(MakeBaseline(kWhole, {large, small}, "", 4, 1, count)->text, "[1] nine ten");
  EXPECT_EQ(MakeBaseline(kWhole, {large, large}, "", 4, 1, count)->text, "[1] one two three");
  // Candidates without scores are ranked by the query's words, in a context that keeps their order.
  EXPECT_EQ(MakeBaseline(kWhole, {small, large}, "eight", 9, 1, count)->text, "[1] " + large.text);
  EXPECT_EQ(MakeBaseline(kWhole, {}, "", 4, 1, count)->text, "");
}

TEST_F(EvalSetTest, NeedlesLieWhereTheyShould) {
  fs::create_directory(folder_ + "/hay");
  std::string hay;
  for (int i = 0; i < 400; ++i) hay += "This is sentence number " + std::to_string(i) + " of the hay. ";
  ASSERT_TRUE(WriteFileDurably(folder_ + "/hay/a.txt", hay).ok());
  const auto count = [](const std::string& text) -> absl::StatusOr<int64_t> {
    return static_cast<int64_t>(std::count(text.begin(), text.end(), ' ')) + 1;
  };
  NeedlePlan plan;
  plan.haystack = folder_ + "/hay";
  plan.lengths = {200, 400};
  plan.depths = {0, 50, 100};
  plan.passage_tokens = 40;
  const auto set_after = [&] {
    EXPECT_TRUE(MakeNeedles(plan, folder_ + "/set", count).ok());
    return *LoadQuestionSet(folder_ + "/set");
  };
  const QuestionSet set = set_after();
  EXPECT_EQ(set.questions.size(), 12u);  // each also without its needle
  for (const Question& question : set.questions) {
    std::vector<Passage> passages;
    int64_t tokens = 0, before = -1;
    for (int document : question.passages) {
      Passage passage;
      passage.document = document;
      passage.text = set.documents[document].text;
      if (!question.answerable && document == question.exclude_documents[0]) continue;
      if (question.answerable && document == question.evidence[0].document) {
        before = tokens + *count(passage.text.substr(0, question.evidence[0].begin));
      }
      tokens += *count(passage.text);
      passages.push_back(passage);
    }
    if (!question.answerable) {
      EXPECT_TRUE(question.answers.empty());
      continue;
    }
    EXPECT_EQ(ContainsAnswer(LayOutWhole(passages).text, question.answers), 1);
    EXPECT_NEAR(tokens, question.length, 25);
    EXPECT_NEAR(before, question.depth * question.length / 100, 25) << question.id;
    // The evidence's words are not the question's, but for the name.
    const std::string evidence = set.documents[question.evidence[0].document].text.substr(
        question.evidence[0].begin, question.evidence[0].end - question.evidence[0].begin);
    EXPECT_EQ(ContainsAnswer(evidence, question.answers), 1);
  }
  EXPECT_EQ(set.fingerprint, set_after().fingerprint);
  plan.lengths = {100'000};
  EXPECT_THAT(std::string(MakeNeedles(plan, folder_ + "/set", count).message()), HasSubstr("less than the length"));
  plan.lengths = {10};
  EXPECT_TRUE(absl::IsInvalidArgument(MakeNeedles(plan, folder_ + "/set", count)));
}

}  // namespace
}  // namespace precis::eval
