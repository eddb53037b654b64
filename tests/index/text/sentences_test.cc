#include "precis/text/sentences.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "precis/base/utf8.h"
#include "src/chars.h"

namespace precis::text {
namespace {

using Strings = std::vector<std::string>;

Strings Split(std::string_view text, int64_t max_bytes = 2000) {
  Strings sentences;
  for (const ByteRange& range : SplitSentences(text, max_bytes)) sentences.emplace_back(Slice(text, range));
  return sentences;
}

TEST(Sentences, StopsFollowedByWhiteSpaceEndThem) {
  EXPECT_EQ(Split("One. Two! Three? Four"), (Strings{"One.", "Two!", "Three?", "Four"}));
  EXPECT_EQ(Split("Soft\nwrapped line. Next\none."), (Strings{"Soft\nwrapped line.", "Next\none."}));
}

TEST(Sentences, AbbreviationsDoNotEndThem) {
  for (const std::string one : {
           "Dr. Smith met Mr. Jones.",
           "Use a cache, e.g. Redis, or i.e. memory.",
           "See Fig. 3 and No. 5 on pp. 12 of vol. 2.",
           "The U.S. Government and J. R. R. Tolkien agree.",
           "Apple Inc. Announced results.",
           "It was approx. 5 cm vs. 6 cm.",
           "Python 3.11.2 reads file.txt at example.org/a.b?c=d. then stops",
           "It costs 3.50 or .5 of it.",
           "He waited ... and waited.",
           "\"Really?\" he asked.",
           "See section 4.1.",
       }) {
    EXPECT_EQ(Split(one), Strings{one});
  }
}

TEST(Sentences, AbbreviationsEndThemWhereASentencePlainlyBegins) {
  EXPECT_EQ(Split("He lives in the U.S. The house is big."), (Strings{"He lives in the U.S.", "The house is big."}));
  EXPECT_EQ(Split("Made by Foo Inc. It works."), (Strings{"Made by Foo Inc.", "It works."}));
  EXPECT_EQ(Split("Is it so? No. Then go."), (Strings{"Is it so?", "No.", "Then go."}));
  EXPECT_EQ(Split("Bring pens, paper, etc. Meet here."), (Strings{"Bring pens, paper, etc.", "Meet here."}));
}

TEST(Sentences, QuotesBracketsAndReferencesStayWithTheirStop) {
  EXPECT_EQ(Split("\"Stop!\" She ran. (It was late.) Then dark."),
            (Strings{"\"Stop!\"", "She ran.", "(It was late.)", "Then dark."}));
  EXPECT_EQ(Split("Known.[1][12] Next."), (Strings{"Known.[1][12]", "Next."}));
  EXPECT_EQ(Split("**Bold.** Next."), (Strings{"**Bold.**", "Next."}));
  EXPECT_EQ(Split("He said \xE2\x80\x9Cgo.\xE2\x80\x9D She went."),
            (Strings{"He said \xE2\x80\x9Cgo.\xE2\x80\x9D", "She went."}));
  EXPECT_EQ(Split("Wait... What?! Yes."), (Strings{"Wait...", "What?!", "Yes."}));
}

TEST(Sentences, FullStopsOfOtherScriptsNeedNoSpace) {
  // "I am a cat. No name yet." in Japanese; "Fine?" in Arabic, "Yes." in Hindi.
  EXPECT_EQ(Split("\xE5\x90\xBE\xE8\xBC\xA9\xE3\x80\x82\xE7\x84\xA1\xE3\x80\x82").size(), 2u);
  EXPECT_EQ(Split("\xD8\xA8\xD8\x9F \xD9\x86").size(), 2u);
  EXPECT_EQ(Split("\xE0\xA4\xB9\xE0\xA4\xBE\xE0\xA5\xA4 \xE0\xA4\xB9").size(), 2u);
}

TEST(Sentences, BlocksEndThem) {
  EXPECT_EQ(Split("# 1. Title. Sub\nText goes\non\n\nnew paragraph"),
            (Strings{"# 1. Title. Sub", "Text goes\non", "new paragraph"}));
  EXPECT_EQ(Split("Intro\n- one\n  more of one\n- two\n1. three. Four"),
            (Strings{"Intro", "- one\n  more of one", "- two", "1. three.", "Four"}));
  EXPECT_EQ(Split("| a. B | c |\n|---|---|\n| d | e |"), (Strings{"| a. B | c |", "|---|---|", "| d | e |"}));
  EXPECT_EQ(Split("Run:\n```\nfoo. Bar\n\nbaz\n```\nDone."),
            (Strings{"Run:", "```", "foo. Bar", "baz", "```", "Done."}));
}

TEST(Sentences, BlankTextHasNone) {
  EXPECT_TRUE(Split("").empty());
  EXPECT_TRUE(Split(" \r\n\t\xC2\xA0\xE3\x80\x80").empty());
}

TEST(Sentences, LongOnesAreCutAtWhiteSpaceElseBetweenCharacters) {
  EXPECT_EQ(Split("aaa bbb ccc ddd", 7), (Strings{"aaa bbb", "ccc ddd"}));
  EXPECT_EQ(Split("aaaaaaaaaa", 4), (Strings{"aaaa", "aaaa", "aa"}));
  EXPECT_EQ(Split("\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC", 4), (Strings(3, "\xE2\x82\xAC")));
  EXPECT_EQ(Split("\xE2\x82\xAC", 1), Strings{"\xE2\x82\xAC"});
}

// Ordered, trimmed, at characters, and nothing but white space between them.
void CheckInvariants(std::string_view text, int64_t max_bytes) {
  const bool valid = IsValidUtf8(text);
  int64_t position = 0;
  for (const ByteRange& range : SplitSentences(text, max_bytes)) {
    ASSERT_LE(position, range.begin);
    ASSERT_LT(range.begin, range.end);
    ASSERT_LE(range.end, static_cast<int64_t>(text.size()));
    ASSERT_EQ(SkipSpace(text, position), range.begin);
    ASSERT_EQ(TrimEnd(text, range.begin, range.end), range.end);
    ASSERT_TRUE(range.size() <= max_bytes || range.size() <= 4);
    if (valid) {
      ASSERT_TRUE(IsValidUtf8(Slice(text, range)));
    }
    position = range.end;
  }
  ASSERT_EQ(SkipSpace(text, position), static_cast<int64_t>(text.size()));
}

TEST(Sentences, LeaveOutNothingButWhiteSpace) {
  const Strings alphabet = {"a",
                            "B",
                            "9",
                            ".",
                            "!",
                            "?",
                            "..",
                            "\n",
                            "\r\n",
                            " ",
                            "\t",
                            "# ",
                            "- ",
                            "|",
                            "`",
                            "```\n",
                            "\"",
                            ")",
                            "[1]",
                            "\xC3\xA9",
                            "\xE3\x80\x82",
                            "\xE3\x80\x80",
                            "Dr.",
                            "U.S.",
                            "1. ",
                            "\xF0\x9F\x98\x80",
                            "\xFF",
                            "\xC2",
                            "\xE2\x80",
                            "\n\n",
                            "\r",
                            "The ",
                            "\xC2\xA0"};
  std::mt19937 rng(3);
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    const int pieces = static_cast<int>(rng() % 60);
    for (int i = 0; i < pieces; ++i) text += alphabet[rng() % alphabet.size()];
    ASSERT_NO_FATAL_FAILURE(CheckInvariants(text, round % 3 == 0 ? 8 : 2000)) << testing::PrintToString(text);
  }
}

TEST(Sentences, TimeIsLinearOnHostileText) {
  constexpr size_t kSize = 1 << 20;
  const auto repeat = [](std::string_view unit) {
    std::string text;
    while (text.size() < kSize) text += unit;
    return text;
  };
  for (const std::string_view unit : {"a",
                                      ".",
                                      " ",
                                      ". ",
                                      "\n",
                                      "\r",
                                      "a.",
                                      ".)",
                                      "[1].",
                                      "1. ",
                                      "`",
                                      "#",
                                      "|",
                                      "\xE3\x80\x82",
                                      "\xFF",
                                      "A. ",
                                      "- ",
                                      "\xC2\xA0",
                                      ".                \n",
                                      "```\n"}) {
    const std::string text = repeat(unit);
    const auto start = std::chrono::steady_clock::now();
    ASSERT_NO_FATAL_FAILURE(CheckInvariants(text, 2000));
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    EXPECT_LT(seconds.count(), 2.0) << "unit '" << unit << "'";  // quadratic time would take minutes
  }
}

}  // namespace
}  // namespace precis::text
