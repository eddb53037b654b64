#include "cli/terminal.h"

#include <gtest/gtest.h>

namespace precis::cli {
namespace {

TEST(Printable, ForeignEscapeSequencesCannotReachTheTerminal) {
  const std::string text = Printable(
      "safe\x1b[2Jtext\x07\x7f\xc2\x9b"
      "end\n\ttab");
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find('\x07'), std::string::npos);
  EXPECT_EQ(text.find("\xc2\x9b"), std::string::npos);
  EXPECT_NE(text.find("end\n\ttab"), std::string::npos);
}

TEST(Printable, DirectionOverridesBecomeVisible) {
  EXPECT_EQ(Printable("a\xE2\x80\xAE"
                      "b"),
            "a\xEF\xBF\xBD"
            "b");
}

TEST(OneLine, FoldsWhiteSpaceAndCutsBetweenCharacters) {
  EXPECT_EQ(OneLine("  a \n\n b\t", 20), "a b");
  EXPECT_EQ(OneLine("\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9", 8),
            "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9...");
  EXPECT_EQ(OneLine("12345678", 8), "12345678");
}

TEST(Human, Units) {
  EXPECT_EQ(WithThousands(0), "0");
  EXPECT_EQ(WithThousands(999), "999");
  EXPECT_EQ(WithThousands(1234567), "1,234,567");
  EXPECT_EQ(WithThousands(-1000), "-1,000");
  EXPECT_EQ(Counted(0, "chunk"), "0 chunks");
  EXPECT_EQ(Counted(1, "chunk"), "1 chunk");
  EXPECT_EQ(Counted(1234, "chunk"), "1,234 chunks");
  EXPECT_EQ(HumanBytes(999), "999 B");
  EXPECT_EQ(HumanBytes(1500), "1.5 kB");
  EXPECT_EQ(HumanDuration(0.0005), "500 us");
  EXPECT_EQ(HumanDuration(0.25), "250 ms");
  EXPECT_EQ(HumanDuration(125), "2 min 05 s");
  EXPECT_EQ(HumanDuration(3725), "1 h 02 min");
}

}  // namespace
}  // namespace precis::cli
