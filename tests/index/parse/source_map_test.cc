#include "parse/source_map.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace precis::index {
namespace {

SourceMap Example() {
  SourceMap map;
  map.AddSegment({0, 5}, {10, 15});   // byte for byte
  map.AddSegment({7, 8}, {15, 20});   // an entity
  map.AddSegment({8, 20}, {40, 52});  // byte for byte, after a gap
  map.SetLines({0, 12, 45});
  return map;
}

TEST(SourceMap, PartsOfVerbatimTextMapToTheirBytes) {
  const SourceLocation location = Example().Locate({1, 3});
  EXPECT_EQ(location.original_range, (ByteRange{11, 13}));
  EXPECT_EQ(location.line_begin, 1);
  EXPECT_EQ(location.line_end, 2);
}

TEST(SourceMap, ARangeOverSeveralSegmentsSpansThem) {
  EXPECT_EQ(Example().Locate({4, 9}).original_range, (ByteRange{14, 41}));
  EXPECT_EQ(Example().Locate({7, 8}).original_range, (ByteRange{15, 20}));
}

TEST(SourceMap, AddedTextIsLocatedAtWhatFollows) {
  EXPECT_EQ(Example().Locate({5, 7}).original_range, (ByteRange{15, 20}));
  EXPECT_EQ(Example().Locate({100, 120}).line_begin, 2);
  EXPECT_EQ(Example().Locate({100, 120}).line_end, 3);
}

TEST(SourceMap, NothingKnownGivesNothing) {
  const SourceLocation location = SourceMap().Locate({0, 10});
  EXPECT_EQ(location.line_begin, 0);
  EXPECT_EQ(location.page_begin, 0);
  EXPECT_FALSE(location.original_range.has_value());
}

TEST(SourceMap, PagesAreCountedFromOne) {
  SourceMap map;
  for (const int64_t begin : {0, 100, 100, 200}) map.AddPage(begin);
  EXPECT_EQ(map.Locate({0, 50}).page_begin, 1);
  EXPECT_EQ(map.Locate({50, 250}).page_end, 4);
  EXPECT_EQ(map.Locate({120, 130}).page_begin, 3);  // page 2 is empty
}

TEST(SourceMap, ContinuedSegmentsAreJoined) {
  SourceMap one, two;
  one.AddSegment({0, 10}, {5, 15});
  two.AddSegment({0, 4}, {5, 9});
  two.AddSegment({4, 4}, {9, 12});
  two.AddSegment({4, 10}, {9, 15});
  EXPECT_EQ(one, two);
}

TEST(SourceMap, SerializedFormGivesTheSameMap) {
  SourceMap map = Example();
  map.AddSegment({30, 31}, {2, 3});  // moved back
  map.AddPage(0);
  map.AddPage(25);
  const auto read = SourceMap::Deserialize(map.Serialize());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, map);
}

TEST(SourceMap, DamagedBytesAreRefusedOrHarmless) {
  SourceMap map = Example();
  map.AddPage(3);
  const std::string good = map.Serialize();
  for (size_t length = 0; length < good.size(); ++length) {
    EXPECT_EQ(SourceMap::Deserialize(good.substr(0, length)).status().code(), absl::StatusCode::kDataLoss) << length;
  }
  EXPECT_FALSE(SourceMap::Deserialize(good + "x").ok());
  EXPECT_FALSE(SourceMap::Deserialize("PSM1\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F").ok());
  std::mt19937 rng(1);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = good;
    for (int i = 0; i < 3; ++i) bytes[4 + rng() % (bytes.size() - 4)] = static_cast<char>(rng());
    const auto read = SourceMap::Deserialize(bytes);
    if (read.ok()) read->Locate({0, 1 << 20});
  }
}

}  // namespace
}  // namespace precis::index
