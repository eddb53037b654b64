#include "formats/half.h"

#include <gtest/gtest.h>

#include <cmath>

namespace precis::engine {
namespace {

TEST(Half, EveryHalfSurvivesTheWayToFloatAndBack) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const float value = HalfToFloat(static_cast<uint16_t>(bits));
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(HalfToFloat(FloatToHalf(value)))) << bits;
    } else {
      EXPECT_EQ(FloatToHalf(value), bits);
    }
  }
}

TEST(Half, KnownValues) {
  EXPECT_EQ(HalfToFloat(0x3c00), 1.0f);
  EXPECT_EQ(HalfToFloat(0xc000), -2.0f);
  EXPECT_EQ(HalfToFloat(0x7bff), 65504.0f);
  EXPECT_EQ(HalfToFloat(0x0001), 0x1p-24f);
  EXPECT_EQ(HalfToFloat(0x7c00), INFINITY);
  EXPECT_TRUE(std::signbit(HalfToFloat(0x8000)));
}

TEST(Half, RoundsToNearestAndTiesToEven) {
  EXPECT_EQ(FloatToHalf(1 + 0x1p-11f), 0x3c00);      // between 1 and its successor: the even one
  EXPECT_EQ(FloatToHalf(1 + 3 * 0x1p-11f), 0x3c02);  // between the next two: again the even one
  EXPECT_EQ(FloatToHalf(1 + 0x1.002p-11f), 0x3c01);  // just above the middle
  EXPECT_EQ(FloatToHalf(65519.996f), 0x7bff);        // just below the middle to 2^16
  EXPECT_EQ(FloatToHalf(65520.0f), 0x7c00);          // the middle: infinity
  EXPECT_EQ(FloatToHalf(0x1p-25f), 0x0000);          // half of the least subnormal
  EXPECT_EQ(FloatToHalf(0x1.000002p-25f), 0x0001);
  EXPECT_EQ(FloatToHalf(-0x1.ff8p-15f), 0x83ff);  // the largest subnormal
  EXPECT_EQ(FloatToHalf(-0x1.ffcp-15f), 0x8400);  // between it and the least normal number
}

TEST(Bf16, EveryValueSurvivesTheWayToFloatAndBack) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const float value = Bf16ToFloat(static_cast<uint16_t>(bits));
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(Bf16ToFloat(FloatToBf16(value)))) << bits;
    } else {
      EXPECT_EQ(FloatToBf16(value), bits);
    }
  }
}

}  // namespace
}  // namespace precis::engine
