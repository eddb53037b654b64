// The parts of Ask that need no server: labels in a stream of text, votes, fused searches.
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gateway/answer_vote.h"
#include "gateway/label_reader.h"
#include "gateway/question_fusion.h"
#include "gtest/gtest.h"

namespace precis::services {
namespace {

struct Read {
  std::map<int, std::string> answers;
  std::vector<int> seen;
};

// In pieces of `step` bytes.
Read ReadLabels(const std::string& text, int count, size_t step) {
  LabelReader reader(count);
  Read read;
  const auto take = [&](const std::vector<LabelReader::Piece>& pieces) {
    for (const LabelReader::Piece& piece : pieces) read.answers[piece.label] += piece.text;
  };
  for (size_t i = 0; i < text.size(); i += step) take(reader.Add(text.substr(i, step)));
  take(reader.Finish());
  for (int i = 0; i < count; ++i) read.seen.push_back(reader.seen(i));
  return read;
}

void ExpectRead(const std::string& text, const std::map<int, std::string>& answers, const std::vector<int>& seen) {
  for (const size_t step : {size_t{1}, size_t{2}, size_t{7}, text.size()}) {
    const Read read = ReadLabels(text, static_cast<int>(seen.size()), step);
    EXPECT_EQ(read.answers, answers) << "in pieces of " << step << ": " << text;
    EXPECT_EQ(read.seen, seen) << text;
  }
}

TEST(LabelReader, LabelsOfManyKindsAreRead) {
  const std::map<int, std::string> both = {{0, "It is red [1]."}, {1, "It is tall."}};
  ExpectRead("Answer 1: It is red [1].\nAnswer 2: It is tall.", both, {1, 1});
  ExpectRead("Here they are:\n\n**Answer 1:** It is red [1].\n\n**Answer 2:** It is tall.\n", both, {1, 1});
  ExpectRead("A1. It is red [1].\nA2. It is tall.", both, {1, 1});
  ExpectRead("- answer #1: It is red [1].\n- answer #2: It is tall.", both, {1, 1});
  ExpectRead("1. It is red [1].\n2. It is tall.", both, {1, 1});
  ExpectRead("Question 1: What colour?\nAnswer 1: It is red [1].\nQuestion 2: How high?\nAnswer 2: It is tall.", both,
             {1, 1});
  ExpectRead("Answer 2: It is tall.\nAnswer 1: It is red [1].", both, {1, 1});
}

TEST(LabelReader, MissingDoubledAndForeignLabelsAreCounted) {
  ExpectRead("It is red. It is tall.", {}, {0, 0});
  ExpectRead("Answer 1: It is red.", {{0, "It is red."}}, {1, 0});
  ExpectRead("Answer 1: Red.\nAnswer 1: Blue.\nAnswer 2: Tall.", {{0, "Red."}, {1, "Tall."}}, {2, 1});
  ExpectRead("Answer 1: Red.\nAnswer 7: What?\nAnswer 2: Tall.", {{0, "Red."}, {1, "Tall."}}, {1, 1});
  ExpectRead("Answer 1:\nAnswer 2: Tall.", {{1, "Tall."}}, {1, 1});
  ExpectRead("", {}, {0, 0});
}

TEST(LabelReader, ListsAndNumbersInsideAnAnswerAreNoLabels) {
  ExpectRead("Answer 1: Two steps:\n1. Open it.\n2. Close it.\nAnswer 2: 1.5 litres.",
             {{0, "Two steps:\n1. Open it.\n2. Close it."}, {1, "1.5 litres."}}, {1, 1});
  ExpectRead("Answer 1: See Answer 2: no.\nAnswer 2: Yes.\n1.5 litres more",
             {{0, "See Answer 2: no."}, {1, "Yes.\n1.5 litres more"}}, {1, 1});
  ExpectRead("1. Red.\n3. Not the next one.\n2. Tall.", {{0, "Red.\n3. Not the next one."}, {1, "Tall."}}, {1, 1});
  ExpectRead("Answer 1: A line\nAnswers vary.\nAnswer 2: \xC3\xA9t\xC3\xA9",
             {{0, "A line\nAnswers vary."}, {1, "\xC3\xA9t\xC3\xA9"}}, {1, 1});
}

TEST(AnswerVote, RoundsHaveFixedOrdersOfAll) {
  EXPECT_EQ(RoundOrder(0, 4), (std::vector<int>{0, 1, 2, 3}));
  std::set<std::vector<int>> orders;
  for (int round = 0; round < 9; ++round) {
    const std::vector<int> order = RoundOrder(round, 8);
    EXPECT_EQ(order, RoundOrder(round, 8));
    EXPECT_EQ(std::set<int>(order.begin(), order.end()).size(), 8u);
    orders.insert(order);
  }
  EXPECT_EQ(orders.size(), 9u);
  EXPECT_EQ(RoundOrder(3, 1), (std::vector<int>{0}));
}

TEST(AnswerVote, AnswersAgreeByWordsAndNumbers) {
  EXPECT_TRUE(AnswersAgree("The lighthouse was built in 1893 [1].", "It was built in 1893."));
  EXPECT_FALSE(AnswersAgree("The lighthouse was built in 1893.", "The lighthouse was built in 1894."));
  EXPECT_FALSE(AnswersAgree("The lighthouse stands on a cliff.", "Bread needs flour and water."));
  EXPECT_FALSE(AnswersAgree("The passages do not answer this question.", "The passages answer this question."));
  EXPECT_EQ(Elect({"It is blue.", "The sky is red today.", "The sky is red."}), 2u);
  EXPECT_EQ(Elect({"It is blue."}), 0u);
}

TEST(QuestionFusion, ReciprocalRanksAddUp) {
  v1::SearchBatchResponse batch;
  const auto add = [&](int result, const std::string& chunk, double dense) {
    while (batch.results_size() <= result) batch.add_results();
    v1::Passage* passage = batch.mutable_results(result)->add_passages();
    passage->set_chunk_id(chunk);
    passage->mutable_scores()->set_dense(dense);
  };
  add(0, "a", 0.9);
  add(0, "b", 0.5);
  add(1, "c", 0.8);
  add(1, "b", 0.7);
  auto fused = FuseSearches(batch, 10);
  ASSERT_TRUE(fused.ok());
  ASSERT_EQ(fused->passages_size(), 3);
  EXPECT_EQ(fused->passages(0).chunk_id(), "b");
  EXPECT_DOUBLE_EQ(fused->passages(0).scores().fused(), 2.0 / 62);
  EXPECT_DOUBLE_EQ(fused->passages(0).scores().dense(), 0.7);
  EXPECT_EQ(fused->passages(1).chunk_id(), "a") << "of equals the first question's";
  EXPECT_EQ(FuseSearches(batch, 2)->passages_size(), 2);
  batch.mutable_results(1)->mutable_error()->set_code(3);
  batch.mutable_results(1)->mutable_error()->set_message("no");
  fused = FuseSearches(batch, 10);
  EXPECT_EQ(fused.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(fused.status().message(), "question 2: no");
}

}  // namespace
}  // namespace precis::services
