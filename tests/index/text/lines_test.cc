#include "precis/text/lines.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace precis::text {
namespace {

std::vector<Line> Lines(std::string_view text) {
  std::vector<Line> lines;
  LineScanner scanner(text);
  Line line;
  while (scanner.Next(&line)) lines.push_back(line);
  return lines;
}

LineKind KindOf(std::string_view line) { return Lines(line).at(0).kind; }

TEST(Lines, EveryByteBelongsToALineWhateverEndsIt) {
  const std::string text = "one\ntwo\r\nthree\rfour\n\r\nlast";
  const auto lines = Lines(text);
  ASSERT_EQ(lines.size(), 6u);
  int64_t position = 0;
  for (const Line& line : lines) {
    EXPECT_EQ(line.range.begin, position);
    EXPECT_EQ(Slice(text, line.range).find_first_of("\r\n"), std::string_view::npos);
    position = line.next;
  }
  EXPECT_EQ(position, static_cast<int64_t>(text.size()));
  EXPECT_EQ(lines[4].kind, LineKind::kBlank);
  EXPECT_EQ(lines[5].number, 6);
}

TEST(Lines, MarkdownMarksAreTold) {
  EXPECT_EQ(KindOf("plain words"), LineKind::kText);
  EXPECT_EQ(KindOf("  \t"), LineKind::kBlank);
  EXPECT_EQ(KindOf("### Title"), LineKind::kHeading);
  EXPECT_EQ(KindOf("#hashtag"), LineKind::kText);
  EXPECT_EQ(KindOf("####### seven"), LineKind::kText);
  EXPECT_EQ(KindOf("- item"), LineKind::kListItem);
  EXPECT_EQ(KindOf("  12. item"), LineKind::kListItem);
  EXPECT_EQ(KindOf("-5 degrees"), LineKind::kText);
  EXPECT_EQ(KindOf("3.14 is pi"), LineKind::kText);
  EXPECT_EQ(KindOf("| a | b |"), LineKind::kTableRow);
  EXPECT_EQ(KindOf("a | b"), LineKind::kTableRow);
  EXPECT_EQ(KindOf("---"), LineKind::kRule);
  EXPECT_EQ(KindOf("* * *"), LineKind::kRule);
  EXPECT_EQ(KindOf("====="), LineKind::kRule);
  EXPECT_EQ(KindOf("``` `inline` ```"), LineKind::kText);
}

TEST(Lines, AHeadingsTextHasNoMarks) {
  for (const std::string text : {"## A title ##", "## A title", "  ##\tA title  ", "## A title ##\r"}) {
    const Line line = Lines(text).at(0);
    EXPECT_EQ(line.heading_level, 2);
    EXPECT_EQ(Slice(text, line.heading_text), "A title") << text;
  }
  const std::string sharp = "# C#";
  EXPECT_EQ(Slice(sharp, Lines(sharp).at(0).heading_text), "C#");
  EXPECT_TRUE(Lines("#").at(0).heading_text.empty());
}

TEST(Lines, NothingIsMarkdownInsideAFence) {
  const auto lines = Lines("````py\n# no heading\n```\n\n- x\n````  \n# heading");
  ASSERT_EQ(lines.size(), 7u);
  EXPECT_EQ(lines[0].kind, LineKind::kFence);
  EXPECT_EQ(lines[1].kind, LineKind::kFenced);
  EXPECT_EQ(lines[2].kind, LineKind::kFenced);  // fewer marks than opened it
  EXPECT_EQ(lines[3].kind, LineKind::kBlank);
  EXPECT_EQ(lines[4].kind, LineKind::kFenced);
  EXPECT_EQ(lines[5].kind, LineKind::kFence);
  EXPECT_EQ(lines[6].kind, LineKind::kHeading);
}

}  // namespace
}  // namespace precis::text
