#include "precis/text/analyzer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "precis/base/utf8.h"
#include "src/fold.h"

namespace precis::text {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Analyzer, WordsAreFoldedAndStemmed) {
  EXPECT_THAT(AnalyzeTerms("The Dogs were running, running!"), ElementsAre("the", "dog", "were", "run", "run"));
  EXPECT_THAT(AnalyzeTerms("Running", {.stem = false}), ElementsAre("running"));
  EXPECT_THAT(AnalyzeTerms("the dog's don't"), ElementsAre("the", "dog", "don't"));
}

TEST(Analyzer, IdentifiersGiveTheWholeAndTheirParts) {
  EXPECT_THAT(AnalyzeTerms("getUserName"), ElementsAre("getusernam", "get", "user", "name"));
  EXPECT_THAT(AnalyzeTerms("HTTPServer2"), ElementsAre("httpserver2", "http", "server2"));
  EXPECT_THAT(AnalyzeTerms("__max_token_count__"), ElementsAre("max_token_count", "max", "token", "count"));
  EXPECT_THAT(AnalyzeTerms("os.path.join"), ElementsAre("os.path.join", "os", "path", "join"));
  EXPECT_THAT(AnalyzeTerms("getUserName", {.split_identifiers = false}), ElementsAre("getusernam"));
  EXPECT_THAT(AnalyzeTerms("NASA"), ElementsAre("nasa"));
}

TEST(Analyzer, PartsShareThePositionOfTheirWord) {
  const auto terms = Analyze("call getName now");
  ASSERT_EQ(terms.size(), 5u);
  EXPECT_EQ(terms[0].position, 0);
  for (int i = 1; i <= 3; ++i) EXPECT_EQ(terms[static_cast<size_t>(i)].position, 1);
  EXPECT_EQ(terms[4].position, 2);
  EXPECT_EQ(terms[3].bytes, (ByteRange{8, 12}));
}

TEST(Analyzer, NumbersStayWhole) {
  EXPECT_THAT(AnalyzeTerms("3.14 1,000 1,2,3 3.11.2 a:1;b:2 x86_64"),
              ElementsAre("3.14", "1000", "1", "2", "3", "3.11.2", "a", "1", "b", "2", "x86_64", "x86", "64"));
}

TEST(Analyzer, AccentsAndCaseOfOtherScriptsAreFolded) {
  EXPECT_THAT(AnalyzeTerms("Caf\xC3\xA9 na\xC3\xAFve"), ElementsAre("cafe", "naiv"));
  EXPECT_THAT(AnalyzeTerms("Stra\xC3\x9F"
                           "e"),
              ElementsAre("strass"));
  EXPECT_EQ(AnalyzeTerms("\xD0\x9C\xD0\x9E\xD0\xA1\xD0\x9A\xD0\x92\xD0\x90"),
            AnalyzeTerms("\xD0\xBC\xD0\xBE\xD1\x81\xD0\xBA\xD0\xB2\xD0\xB0"));
  // Composed and decomposed forms are one word.
  EXPECT_EQ(AnalyzeTerms("r\xC3\xA9sum\xC3\xA9"), AnalyzeTerms("re\xCC\x81sume\xCC\x81"));
  // A ligature and full-width letters.
  EXPECT_EQ(AnalyzeTerms("\xEF\xAC\x81le"), AnalyzeTerms("file"));
  EXPECT_EQ(AnalyzeTerms("\xEF\xBC\xA1\xEF\xBC\xA2"), AnalyzeTerms("ab"));
}

TEST(Analyzer, CjkGivesCharactersAndBigrams) {
  // Three Han characters between ASCII words.
  EXPECT_THAT(AnalyzeTerms("see \xE6\x9D\xB1\xE4\xBA\xAC\xE9\x83\xBD now"),
              ElementsAre("see", "\xE6\x9D\xB1", "\xE6\x9D\xB1\xE4\xBA\xAC", "\xE4\xBA\xAC", "\xE4\xBA\xAC\xE9\x83\xBD",
                          "\xE9\x83\xBD", "now"));
}

TEST(Analyzer, PunctuationAloneGivesNothing) {
  EXPECT_THAT(AnalyzeTerms(" ... --- ___ !? \xE2\x80\x94 \xE3\x80\x82"), IsEmpty());
  EXPECT_THAT(AnalyzeTerms(""), IsEmpty());
}

TEST(Analyzer, LongTermsAreCutAtACharacter) {
  EXPECT_EQ(AnalyzeTerms(std::string(1000, 'x')).at(0).size(), 64u);
  std::string word;
  for (int i = 0; i < 100; ++i) word += "\xD0\xB6\xE1\xBA\xB2";
  const std::string term = AnalyzeTerms(word).at(0);
  EXPECT_LE(term.size(), 64u);
  EXPECT_TRUE(IsValidUtf8(term));
}

TEST(Analyzer, AsciiWordsAreThoseOfUnicode) {
  // Without ":" ";" and ",", which are ours by design, and "@", which ICU 72 joins to words and UAX #29 does not.
  const std::string alphabet = "abXY09._' -\n(\"/#";
  std::mt19937 rng(11);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (int i = 0; i < 30; ++i) text.push_back(alphabet[rng() % alphabet.size()]);
    std::vector<ByteRange> expected;
    AppendUnicodeWords(text, &expected);
    // Outer underscores are no part of a term, and alone they are none.
    std::erase_if(expected, [&](const ByteRange& word) {
      return Slice(text, word).find_first_not_of('_') == std::string_view::npos;
    });
    for (ByteRange& word : expected) {
      while (text[static_cast<size_t>(word.begin)] == '_') ++word.begin;
      while (text[static_cast<size_t>(word.end - 1)] == '_') --word.end;
    }
    std::vector<ByteRange> found;
    for (const Term& term : Analyze(text, {.stem = false, .split_identifiers = false})) found.push_back(term.bytes);
    ASSERT_EQ(found, expected) << text;
  }
}

TEST(Analyzer, AnyBytesGiveTermsInOrderInsideTheText) {
  std::mt19937 rng(5);
  const std::vector<std::string> alphabet = {"a",
                                             "Z",
                                             "_",
                                             ".",
                                             "9",
                                             " ",
                                             "\xC3\xA9",
                                             "\xE6\x9D\xB1",
                                             "\xFF",
                                             "\xE6\x9D",
                                             "\xCC\x81",
                                             "\xF0\x9F\x98\x80",
                                             "\xE0\xB8\x81",
                                             std::string(1, '\0'),
                                             "'"};
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (int i = 0; i < 40; ++i) text += alphabet[rng() % alphabet.size()];
    int64_t begin = 0;
    std::vector<std::string> texts;
    for (const Term& term : Analyze(text)) {
      ASSERT_GE(term.bytes.begin, begin);
      ASSERT_LT(term.bytes.begin, term.bytes.end);
      ASSERT_LE(term.bytes.end, static_cast<int64_t>(text.size()));
      ASSERT_FALSE(term.text.empty());
      ASSERT_LE(term.text.size(), 64u);
      begin = term.bytes.begin;
      texts.push_back(term.text);
    }
    ASSERT_EQ(AnalyzeTerms(text), texts);
  }
}

}  // namespace
}  // namespace precis::text
