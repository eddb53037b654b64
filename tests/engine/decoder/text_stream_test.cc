#include "runtime/text_stream.h"

#include <gtest/gtest.h>

#include <random>

#include "precis/base/utf8.h"

namespace precis::engine {
namespace {

TEST(TextStream, CodePointsWaitUntilTheyAreWhole) {
  TextStream s({});
  EXPECT_EQ(s.Push("a\xf0\x9f"), "a");
  EXPECT_EQ(s.Push("\x98"), "");
  EXPECT_EQ(s.Push("\x80z"), "\xf0\x9f\x98\x80z");
  EXPECT_EQ(s.Push("\xe2\x82"), "");
  EXPECT_EQ(s.Finish(), "\xef\xbf\xbd\xef\xbf\xbd");  // never completed: one U+FFFD a byte
}

TEST(TextStream, StopStringAcrossPiecesIsNeverSent) {
  TextStream s({"STOP"});
  EXPECT_EQ(s.Push("one S"), "one ");
  EXPECT_EQ(s.Push("T"), "");
  EXPECT_EQ(s.Push("O"), "");
  EXPECT_EQ(s.Push("P two"), "");
  EXPECT_TRUE(s.stopped());
  EXPECT_EQ(s.Push("more"), "");
  EXPECT_EQ(s.Finish(), "");
}

TEST(TextStream, FalseAlarmIsSentLater) {
  TextStream s({"\n\nUser:"});
  EXPECT_EQ(s.Push("a\n"), "a");
  EXPECT_EQ(s.Push("\n"), "");
  EXPECT_EQ(s.Push("Us"), "");
  EXPECT_EQ(s.Push("ually"), "\n\nUsually");
  EXPECT_EQ(s.Push("\n"), "");
  EXPECT_EQ(s.Finish(), "\n");
  EXPECT_FALSE(s.stopped());
}

TEST(TextStream, TheFirstOfSeveralStopsCounts) {
  TextStream s({"bcd", "c"});
  EXPECT_EQ(s.Push("ab"), "a");
  EXPECT_EQ(s.Push("cd"), "");  // "bcd" begins before "c"
  EXPECT_TRUE(s.stopped());
}

// Whatever the pieces: the sum of what is sent is the text before the first stop string, always valid UTF-8.
TEST(TextStream, HowTheBytesAreCutDoesNotMatter) {
  std::mt19937 random(3);
  const std::string alphabet[] = {"a", "b", "ab", "\xc3\xa9", "\xf0\x9f\x98\x80", "\xff", "\xe2\x82"};
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (int i = 0; i < 12; ++i) text += alphabet[random() % 7];
    const std::vector<std::string> stops = {"aba", "bb\xc3\xa9"};
    std::string expected = ReplaceInvalidUtf8(text);
    size_t end = expected.size();
    for (const auto& stop : stops) end = std::min(end, expected.find(stop));
    TextStream s(stops);
    std::string sent;
    for (size_t i = 0; i < text.size();) {
      const size_t n = std::min<size_t>(1 + random() % 3, text.size() - i);
      const std::string delta = s.Push(std::string_view(text).substr(i, n));
      ASSERT_TRUE(IsValidUtf8(delta));
      sent += delta;
      i += n;
    }
    sent += s.Finish();
    ASSERT_EQ(sent, expected.substr(0, end));
  }
}

}  // namespace
}  // namespace precis::engine
