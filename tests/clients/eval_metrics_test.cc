#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "eval/checks.h"
#include "eval/metrics.h"
#include "eval/statistics.h"
#include "source_file.h"

namespace precis::eval {
namespace {

using testing::ElementsAre;

nlohmann::json Golden() {
  std::ifstream file(SourceFile("tests/clients/golden/eval_reference.json"));
  return nlohmann::json::parse(file);
}

TEST(EvalMetrics, AreThoseOfSquadsScript) {
  const nlohmann::json golden = Golden();
  ASSERT_GT(golden["answers"].size(), 20u);
  for (const auto& each : golden["answers"]) {
    const std::string text = each["text"];
    const std::vector<std::string> answers = each["answers"];
    EXPECT_EQ(NormalizeAnswer(text), each["normalized"].get<std::string>()) << text;
    EXPECT_DOUBLE_EQ(ExactMatch(text, answers), each["exact"].get<double>()) << text;
    EXPECT_DOUBLE_EQ(AnswerF1(text, answers), each["f1"].get<double>()) << text;
  }
}

TEST(EvalMetrics, AnAnswerIsContainedAsWholeWords) {
  EXPECT_EQ(ContainsAnswer("It was built in 1742, they say.", {"1742"}), 1);
  EXPECT_EQ(ContainsAnswer("It has 17420 stones.", {"1742"}), 0);
  EXPECT_EQ(ContainsAnswer("the first of the Mondays", {"first Mondays"}), 0);
  EXPECT_EQ(ContainsAnswer("On The First Monday!", {"nothing", "first monday"}), 1);
  EXPECT_EQ(ContainsAnswer("", {"x"}), 0);
}

TEST(EvalMetrics, ARefusalIsToldFromAnAnswer) {
  for (const char* text : {"", "I don't know.", "I do not know the answer.",
                           "The passages do not answer this question.", "The passages do not contain the answer [1].",
                           "It is not mentioned in the passages.", "Unknown", "The context doesn't say."}) {
    EXPECT_TRUE(IsRefusal(text)) << text;
  }
  for (const char* text : {"1742", "Berta Holm", "The unknown soldier.", "They do not eat meat.",
                           "None of the 12 survived but the captain."}) {
    EXPECT_FALSE(IsRefusal(text)) << text;
  }
}

TEST(EvalMetrics, MarksAreReadAndTakenOut) {
  EXPECT_THAT(CitationMarks("Blue [2]. Green [1, 3] a[0] [x] [4"), ElementsAre(2, 1, 3, 0));
  EXPECT_EQ(WithoutMarks("Blue [2]. Green [1, 3]"), "Blue. Green");
  EXPECT_EQ(WithoutMarks("[ad hoc]"), "[ad hoc]");
}

TEST(EvalStatistics, IntervalsAreThoseOfNumpy) {
  const nlohmann::json golden = Golden()["bootstrap"];
  const std::vector<int> clusters = golden["clusters"];
  const std::vector<double> values = golden["values"], others = golden["others"];
  const auto got = Bootstrap(
      clusters, 3,
      [&](std::span<const double> weights, std::span<double> out) {
        double weight = 0, v = 0, o = 0;
        for (size_t i = 0; i < weights.size(); ++i) {
          weight += weights[i];
          v += weights[i] * values[i];
          o += weights[i] * others[i];
        }
        out[0] = v / weight;
        out[1] = (v - o) / weight;
        out[2] = v / o;
      },
      golden["seed"], golden["resamples"]);
  for (int k = 0; k < 3; ++k) {
    EXPECT_NEAR(got[k].low, golden["intervals"][k][0].get<double>(), 1e-12) << k;
    EXPECT_NEAR(got[k].high, golden["intervals"][k][1].get<double>(), 1e-12) << k;
    EXPECT_LT(got[k].low, got[k].value);
    EXPECT_GT(got[k].high, got[k].value);
  }
}

TEST(EvalStatistics, WithoutObservationsThereIsNoInterval) {
  const auto got = Bootstrap(
      {}, 1, [](auto, std::span<double> out) { out[0] = NAN; }, 1);
  EXPECT_TRUE(std::isnan(got[0].value) && std::isnan(got[0].low));
}

// "[1] alpha beta" from passage 0.
Context SmallContext() {
  return {"[1] alpha beta", {{0, 4, false, true, 0, 0, 0, {}, 1}, {4, 14, true, false, 0, 2, 12, {}, 1}}};
}
std::vector<Passage> SmallPassages() {
  Passage passage;
  passage.document = 0;
  passage.begin = 5;
  passage.text = "x alpha beta y";
  return {passage};
}

TEST(EvalChecks, ProvenanceIsCheckedByteByByte) {
  std::string why;
  EXPECT_TRUE(ProvenanceHolds(SmallContext(), SmallPassages(), &why)) << why;
  const auto broken = [&](const std::function<void(Context&)>& change) {
    Context context = SmallContext();
    change(context);
    std::string reason;
    EXPECT_FALSE(ProvenanceHolds(context, SmallPassages(), &reason));
    return reason;
  };
  EXPECT_THAT(broken([](Context& c) { c.text[5] = 'X'; }), testing::HasSubstr("bytes"));
  EXPECT_THAT(broken([](Context& c) { c.text += "z"; }), testing::HasSubstr("end"));
  EXPECT_THAT(broken([](Context& c) { c.spans[1].begin = 5; }), testing::HasSubstr("follows"));
  EXPECT_THAT(broken([](Context& c) { c.spans[1].passage = 3; }), testing::HasSubstr("passage"));
  EXPECT_THAT(broken([](Context& c) { c.spans[1].verbatim = false; }), testing::HasSubstr("cites"));
}

TEST(EvalChecks, EvidenceIsCountedByPlaceAndNotByText) {
  QuestionSet set;
  // The passage begins at byte 5: "alpha beta" lies at 7..17, and another "alpha" at 20..25.
  set.documents.push_back({"d", "", "", "12345x alpha beta y alpha", "", {}});
  set.documents[0].text = "12345x alpha beta y alpha";
  Question question;
  question.evidence = {{0, 7, 17}};
  EXPECT_DOUBLE_EQ(EvidenceKept(SmallContext(), SmallPassages(), set, question), 1);
  question.evidence = {{0, 7, 17}, {0, 20, 25}};
  EXPECT_DOUBLE_EQ(EvidenceKept(SmallContext(), SmallPassages(), set, question), 9.0 / 14);
  question.evidence = {{0, 0, 5}};  // before the passage begins
  EXPECT_DOUBLE_EQ(EvidenceKept(SmallContext(), SmallPassages(), set, question), 0);
}

TEST(EvalChecks, OpinionsAreComparedByWhatIsKept) {
  QuestionSet set;
  set.documents.push_back({"d", "", "", "12345x alpha beta y gamma", "", {{7, 17, 2.0}, {18, 25, -1.0}}});
  Question question;
  question.sentiment = 0.5;
  question.minority = 0.25;
  // All of the first sentence, none of the second.
  const OpinionCheck check = CheckOpinions(SmallContext(), SmallPassages(), set, question);
  EXPECT_DOUBLE_EQ(check.sentiment_error, 1.5);
  EXPECT_DOUBLE_EQ(check.minority_error, 0.25);
}

TEST(EvalChecks, MarksAreCheckedAgainstTheContext) {
  Question question;
  question.gold_documents = {0};
  const MarkCheck check = CheckMarks("Alpha [1], beta [2].", SmallContext(), SmallPassages(), question);
  EXPECT_DOUBLE_EQ(check.valid, 0.5);
  EXPECT_DOUBLE_EQ(check.gold, 0.5);
  EXPECT_TRUE(std::isnan(CheckMarks("Alpha.", SmallContext(), SmallPassages(), question).valid));
}

}  // namespace
}  // namespace precis::eval
