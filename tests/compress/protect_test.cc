#include "protect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace precis::compress {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> Find(ProtectedKind kind, std::string_view text, const Protection& protection = {}) {
  std::vector<std::string> found;
  for (const ProtectedSpan& span : FindProtected(text, protection)) {
    if (span.kind == kind) found.push_back(std::string(Slice(text, span.range)));
  }
  return found;
}

TEST(Protect, NumbersWithTheirSignsUnitsDatesAndVersions) {
  const auto numbers = [](std::string_view text) { return Find(ProtectedKind::kNumber, text); };
  EXPECT_THAT(numbers("It costs $3.50, or 1,000 euros."), ElementsAre("$3.50", "1,000 euros"));
  EXPECT_THAT(numbers("On 2024-01-31 at 12:30."), ElementsAre("2024-01-31", "12:30"));
  EXPECT_THAT(numbers("v1.2.3-rc1 and Python 3.11"), ElementsAre("v1.2.3-rc1", "3.11"));
  EXPECT_THAT(numbers("5kg or 5 kg, -40 \u00b0C, 99.9%"), ElementsAre("5kg", "5 kg", "-40 \u00b0C", "99.9%"));
  EXPECT_THAT(numbers("20\u00b0C"), ElementsAre("20\u00b0C"));
  EXPECT_THAT(numbers("utf8 has 8 bits; 1e-5"), ElementsAre("8 bits", "1e-5"));
  EXPECT_THAT(numbers("\u0663\u0664 \u0648 \uff15\uff16"), ElementsAre("\u0663\u0664", "\uff15\uff16"));
  EXPECT_THAT(numbers("well-known, no digits"), IsEmpty());
  EXPECT_THAT(numbers("see 5. Then"), ElementsAre("5"));
}

TEST(Protect, NegationsWithWhatTheyNegate) {
  const auto negations = [](std::string_view text) { return Find(ProtectedKind::kNegation, text); };
  EXPECT_THAT(negations("It is not safe, and you don't use it."), ElementsAre("not safe", "don't use"));
  EXPECT_THAT(negations("Never! No, really. It won\u2019t work"), ElementsAre("Never", "No", "won\u2019t work"));
  EXPECT_THAT(negations("Notable knots in the north."), IsEmpty());
}

TEST(Protect, Identifiers) {
  const auto ids = [](std::string_view text) { return Find(ProtectedKind::kIdentifier, text); };
  EXPECT_THAT(ids("Call read_file() or std::move, see os.path.join."),
              ElementsAre("read_file()", "std::move", "os.path.join"));
  EXPECT_THAT(ids("Use --force with /etc/fstab (error E1234, 0x1F)."),
              ElementsAre("--force", "/etc/fstab", "E1234", "0x1F"));
  EXPECT_THAT(ids("At https://a.b/c?d, mail x@y.org, camelCase, CVE-2024-1."),
              ElementsAre("https://a.b/c?d", "x@y.org", "camelCase", "CVE-2024-1"));
  EXPECT_THAT(ids("Plain words, e.g. these and the U.S. and/or others - all of it."), IsEmpty());
}

TEST(Protect, QuotationsUpToTheirClosingMark) {
  const auto quotations = [](std::string_view text) { return Find(ProtectedKind::kQuotation, text); };
  EXPECT_THAT(quotations("He said \"yes\" and \u201cno\u201d; run `ls -l`."),
              ElementsAre("\"yes\"", "\u201cno\u201d", "`ls -l`"));
  EXPECT_THAT(quotations("a 5\" pipe\n\nand a 6\" one"), IsEmpty());
  EXPECT_THAT(quotations("\"" + std::string(400, 'x') + "\""), IsEmpty());
}

TEST(Protect, EveryOccurrenceOfALiteral) {
  EXPECT_THAT(Find(ProtectedKind::kLiteral, "aXbXX", {.literals = {"X", "bX"}}), ElementsAre("X", "X", "X", "bX"));
}

TEST(Protect, RangesLieBetweenCharacters) {
  const std::string text =
      "\u65e5\u672c\u8a9e 3.14 \u043d\u0435 \u201c\u0434\u0430\u201d \u6570\u636e\U0001f642 5 \U0001f642";
  for (const ProtectedSpan& span : FindProtected(text, {.literals = {"\u6570\u636e"}})) {
    EXPECT_NE(static_cast<unsigned char>(text[static_cast<size_t>(span.range.begin)]) & 0xC0, 0x80);
    if (span.range.end < static_cast<int64_t>(text.size())) {
      EXPECT_NE(static_cast<unsigned char>(text[static_cast<size_t>(span.range.end)]) & 0xC0, 0x80);
    }
  }
}

TEST(Protect, CoverJoinsWhatTouches) {
  std::vector<Span> spans(3);
  for (Span& span : spans) span = {.kind = SpanKind::kVerbatim, .passage = 0};
  spans[0].source = {0, 4};
  spans[1].source = {4, 8};
  spans[2].source = {10, 12};
  const auto covers = VerbatimCover(spans, 1);
  EXPECT_TRUE(Covers(covers[0], {2, 7}));
  EXPECT_FALSE(Covers(covers[0], {7, 11}));
  EXPECT_FALSE(Covers(covers[0], {12, 13}));
}

}  // namespace
}  // namespace precis::compress
