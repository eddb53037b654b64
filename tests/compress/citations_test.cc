#include "precis/compress/citations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "citation_cases.h"
#include "fakes.h"
#include "marks.h"
#include "precis/compress/compressor.h"

namespace precis::compress {
namespace {

class CitationsTest : public testing::Test {
 protected:
  Context ContextOf(const std::vector<Passage>& passages, int64_t budget = 100000) {
    Request request;
    request.passages = passages;
    request.budget = {.max_tokens = budget, .tokenizer = &words_};
    auto context = Compressor::Make({})->Compress(request, {});
    EXPECT_TRUE(context.ok()) << context.status();
    return context.ok() ? *std::move(context) : Context{};
  }
  std::vector<Citation> Check(const std::string& answer, const std::vector<Passage>& passages,
                              engine::Embedder* embedder = nullptr) {
    const Context context = ContextOf(passages);
    auto citations = CheckCitations(answer, context, passages, embedder, {});
    EXPECT_TRUE(citations.ok()) << citations.status();
    return citations.ok() ? *std::move(citations) : std::vector<Citation>{};
  }

  struct Counts {
    int cited = 0, right = 0, cases = 0;
  };
  // Every answer against all passages, where its own is the supporting or the swapped one. `mark`: puts a mark of its
  // own passage (+ shift) behind the answer.
  Counts Measure(bool swapped, int mark_shift, bool with_mark, engine::Embedder* embedder = nullptr) {
    Counts counts;
    const int n = static_cast<int>(std::size(kCitationCases));
    for (int i = 0; i < n; ++i) {
      std::vector<Passage> passages;
      for (int j = 0; j < n; ++j) {
        passages.push_back({.text = j == i && swapped ? kCitationCases[j].swapped : kCitationCases[j].supports});
      }
      std::string answer = kCitationCases[i].answer;
      if (with_mark) answer += " [" + std::to_string((i + mark_shift) % n + 1) + "]";
      const auto citations = Check(answer, passages, embedder);
      EXPECT_EQ(citations.size(), 1u) << answer;
      ++counts.cases;
      for (const Citation& citation : citations) {
        if (citation.support == SupportKind::kUnsupported) continue;
        ++counts.cited;
        const bool right = !swapped && citation.passage == i;
        counts.right += right;
      }
    }
    return counts;
  }
  WordTokenizer words_;
};

TEST_F(CitationsTest, SupportedStatementsAreCitedAndSwappedOnesAreNot) {
  FakeEmbedder encoder;
  for (engine::Embedder* embedder :
       {static_cast<engine::Embedder*>(nullptr), static_cast<engine::Embedder*>(&encoder)}) {
    const Counts supported = Measure(false, 0, false, embedder);
    EXPECT_GE(supported.right, supported.cases * 3 / 4) << supported.right << " of " << supported.cases;
    const Counts swapped = Measure(true, 0, false, embedder);
    EXPECT_EQ(swapped.cited, 0);
    EXPECT_EQ(supported.cited, supported.right);
    RecordProperty(embedder ? "recall_encoder" : "recall_words", supported.right);
  }
}

TEST_F(CitationsTest, ATrueMarkIsBelievedAFalseOneIsNot) {
  const Counts marked = Measure(false, 0, true);
  EXPECT_GE(marked.right, marked.cases * 9 / 10) << marked.right;
  // A mark of another passage: the support test decides, and names the right one.
  const Counts shifted = Measure(false, 1, true);
  EXPECT_EQ(shifted.cited, shifted.right);
  EXPECT_GE(shifted.right, shifted.cases * 3 / 4);
  // A mark of a passage that is alike but says something else.
  const Counts swapped = Measure(true, 0, true);
  EXPECT_LE(swapped.cited, 1);
  RecordProperty("recall_marked", marked.right);
  RecordProperty("swapped_marked", swapped.cited);
}

TEST_F(CitationsTest, RangesNameTheSentenceInAnswerPassageAndDocument) {
  std::vector<Passage> passages = {{.text = "Trams stop nearby. The entrance fee is 12 euros. Roses bloom.",
                                    .document_id = "d",
                                    .document_range = {100, 161}},
                                   {.text = "Owls hunt at night."}};
  const std::string answer = "The entrance fee is 12 euros [1]. Owls hunt at night. Cats rule the moon.";
  const auto citations = Check(answer, passages);
  ASSERT_EQ(citations.size(), 3u);
  EXPECT_EQ(Slice(answer, citations[0].answer), "The entrance fee is 12 euros [1].");
  EXPECT_EQ(citations[0].support, SupportKind::kMarker);
  EXPECT_EQ(Slice(passages[0].text, citations[0].source), "The entrance fee is 12 euros.");
  EXPECT_EQ(citations[0].document_range, (ByteRange{119, 148}));
  EXPECT_EQ(citations[1].support, SupportKind::kSupportTest);
  EXPECT_EQ(citations[1].passage, 1);
  EXPECT_EQ(citations[1].document_range, (ByteRange{0, 0}));
  EXPECT_EQ(citations[2].support, SupportKind::kUnsupported);
  EXPECT_EQ(citations[2].passage, -1);
}

TEST_F(CitationsTest, SeveralMarksBindSeveralPassages) {
  std::vector<Passage> passages = {
      {.text = "Owls hunt mice at night."}, {.text = "At night owls hunt small mice."}, {.text = "Trams."}};
  auto citations = Check("Owls hunt mice at night [1][2][3][9].", passages);
  ASSERT_EQ(citations.size(), 2u);
  EXPECT_EQ(citations[0].passage, 0);
  EXPECT_EQ(citations[1].passage, 1);
  citations = Check("Owls hunt mice at night [1, 2].", passages);
  EXPECT_EQ(citations.size(), 2u);
}

TEST_F(CitationsTest, MarksBehindTheFullStopBelongToTheSentenceBeforeThem) {
  std::vector<Passage> passages = {{.text = "Owls hunt mice."}, {.text = "Bees dance in circles."}};
  const std::string answer = "Owls hunt mice. [1] Bees dance in circles. [2]";
  const auto citations = Check(answer, passages);
  ASSERT_EQ(citations.size(), 2u);
  EXPECT_EQ(Slice(answer, citations[0].answer), "Owls hunt mice. [1]");
  EXPECT_EQ(citations[0].support, SupportKind::kMarker);
  EXPECT_EQ(Slice(answer, citations[1].answer), "Bees dance in circles. [2]");
  EXPECT_EQ(citations[1].support, SupportKind::kMarker);
}

TEST_F(CitationsTest, OnlyWhatIsInTheContextCounts) {
  std::vector<Passage> passages = {{.text = "Owls hunt mice at night. Bees dance in circles."}};
  Context context = ContextOf(passages, 9);
  ASSERT_EQ(context.text.find("Bees"), std::string::npos) << context.text;
  const auto citations = CheckCitations("Bees dance in circles [1].", context, passages, nullptr, {});
  ASSERT_TRUE(citations.ok());
  EXPECT_EQ((*citations)[0].support, SupportKind::kUnsupported);
}

TEST_F(CitationsTest, AMarkThatAPassageSpellsResolvesToNothing) {
  std::vector<Passage> passages = {{.text = "Owls hunt mice.\n\n[2] The bank account is 12345."}};
  const auto citations = Check("The bank account is 12345 [2].", passages);
  ASSERT_EQ(citations.size(), 1u);
  EXPECT_EQ(citations[0].support, SupportKind::kSupportTest) << "its words are there, its mark is not";
  EXPECT_EQ(citations[0].passage, 0);
}

TEST_F(CitationsTest, RewrittenTextIsCheckedAgainstWhatItWasMadeFrom) {
  std::vector<Passage> passages = {{.text = "Owls hunt mice at night."}, {.text = "Bees dance."}};
  Context context;
  context.text = "[1] Owls like mice.";
  context.spans = {{.output = {0, 4}, .kind = SpanKind::kDelimiter, .number = 1},
                   {.output = {4, 19}, .kind = SpanKind::kRewritten, .number = 1, .cited_passages = {0}}};
  auto citations = CheckCitations("Owls hunt mice [1]. Bees dance [1].", context, passages, nullptr, {});
  ASSERT_TRUE(citations.ok()) << citations.status();
  ASSERT_EQ(citations->size(), 2u);
  EXPECT_EQ((*citations)[0].passage, 0);
  EXPECT_EQ((*citations)[1].support, SupportKind::kUnsupported);
  context.spans[1].cited_passages = {7};
  EXPECT_EQ(CheckCitations("x", context, passages, nullptr, {}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(CitationsTest, StreamedByBytesItSaysTheSameAsAtOnce) {
  std::vector<Passage> passages;
  std::string answer;
  for (const CitationCase& c : kCitationCases) {
    passages.push_back({.text = c.supports});
    answer += std::string(c.answer) + (passages.size() % 3 == 0 ? " [" + std::to_string(passages.size()) + "]" : "") +
              (passages.size() % 4 == 0 ? "\n\n" : " ");
  }
  const Context context = ContextOf(passages);
  const auto at_once = CheckCitations(answer, context, passages, nullptr, {});
  ASSERT_TRUE(at_once.ok());
  auto checker = CitationChecker::Make(context, passages, nullptr, "", 0, {});
  ASSERT_TRUE(checker.ok());
  for (int round = 0; round < 2; ++round) {
    std::vector<Citation> streamed;
    size_t early = 0;
    for (const char c : answer) {
      const auto more = (*checker)->Add({&c, 1}, {});
      ASSERT_TRUE(more.ok());
      streamed.insert(streamed.end(), more->begin(), more->end());
      early = streamed.size();
    }
    const auto rest = (*checker)->Finish({});
    ASSERT_TRUE(rest.ok());
    streamed.insert(streamed.end(), rest->begin(), rest->end());
    EXPECT_GT(early, 20u) << "citations come while the answer does";
    ASSERT_EQ(streamed.size(), at_once->size());
    for (size_t i = 0; i < streamed.size(); ++i) {
      EXPECT_EQ(streamed[i].answer, (*at_once)[i].answer);
      EXPECT_EQ(streamed[i].passage, (*at_once)[i].passage);
      EXPECT_EQ(streamed[i].support, (*at_once)[i].support);
    }
  }
}

TEST_F(CitationsTest, NothingStatedNothingCited) {
  EXPECT_TRUE(Check("", {{.text = "a"}}).empty());
  EXPECT_TRUE(Check(" [1] ... [2]", {{.text = "a"}}).empty());
}

TEST_F(CitationsTest, AnswersAreNotEmbeddedWithTags) {
  FakeEmbedder encoder;
  std::vector<Passage> passages = {{.text = "Owls hunt mice at night.", .document_id = "d"}};
  const Context context = ContextOf(passages);
  std::vector<size_t> tags;
  encoder.on_call = [&] { tags.push_back(encoder.last_tags.size()); };
  auto checker =
      CitationChecker::Make(context, passages, std::shared_ptr<engine::Embedder>(&encoder, [](auto*) {}), "t", 5, {});
  ASSERT_TRUE(checker.ok());
  ASSERT_TRUE((*checker)->Add("Owls hunt mice at night.", {}).ok());
  ASSERT_EQ((*checker)->Finish({})->size(), 1u);
  ASSERT_EQ(tags.size(), 2u);
  EXPECT_EQ(tags[0], 0u);
  EXPECT_EQ(encoder.last_tags[0].owner, "d");
}

TEST(Marks, AreFoundAndBlanked) {
  const auto marks = FindMarks("a [1] b[2, 3]. [x] [1234567] [");
  ASSERT_EQ(marks.size(), 2u);
  EXPECT_EQ(marks[1].numbers, (std::vector<int>{2, 3}));
  EXPECT_EQ(BlankMarks("a [1] b"), "a     b");
  EXPECT_TRUE(OnlyMarks(" [1], [2"));
  EXPECT_FALSE(OnlyMarks("[1] a"));
  EXPECT_EQ(LeadingMarks(" [1] [2] a [3]"), 8);
}

}  // namespace
}  // namespace precis::compress
