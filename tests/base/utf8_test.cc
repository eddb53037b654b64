#include "precis/base/utf8.h"

#include <gtest/gtest.h>

namespace precis {
namespace {

TEST(Utf8, EveryCodePointRoundTrips) {
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string text;
    AppendUtf8(c, &text);
    const DecodedChar decoded = DecodeUtf8(text, 0);
    ASSERT_TRUE(decoded.valid && decoded.code_point == c && decoded.length == static_cast<int>(text.size())) << +c;
  }
}

TEST(Utf8, OverlongSurrogateAndTooLargeAreInvalid) {
  for (const char* bad : {"\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xFF", "\x80", "\xE2\x82"}) {
    EXPECT_FALSE(IsValidUtf8(bad)) << bad;
  }
  EXPECT_TRUE(IsValidUtf8("z\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"));
}

TEST(Utf8, ReplacementCountsBytesAndIsValid) {
  int64_t replaced = 0;
  const std::string text = ReplaceInvalidUtf8(
      "a\xFF\xE2\x82"
      "b",
      &replaced);
  EXPECT_EQ(text,
            "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(replaced, 3);
}

TEST(Utf8, CompletePrefixHoldsBackOnlyWhatMoreBytesCouldComplete) {
  const std::string smile = "\xF0\x9F\x98\x80";
  for (size_t n = 0; n <= 4; ++n) {
    EXPECT_EQ(CompleteUtf8Prefix("ab" + smile.substr(0, n)), n == 4 ? 6u : 2u) << n;
  }
  EXPECT_EQ(CompleteUtf8Prefix("ab\xFF"), 3u);
}

TEST(Utf8, FloorNeverSplitsACharacter) {
  const std::string text =
      "a\xE2\x82\xAC"
      "b";
  EXPECT_EQ(FloorToCharBoundary(text, 1), 1u);
  EXPECT_EQ(FloorToCharBoundary(text, 2), 1u);
  EXPECT_EQ(FloorToCharBoundary(text, 3), 1u);
  EXPECT_EQ(FloorToCharBoundary(text, 4), 4u);
  EXPECT_EQ(FloorToCharBoundary(text, 99), text.size());
}

}  // namespace
}  // namespace precis
