#include "formats/dequantize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <set>

#include "precis/base/file.h"
#include "source_file.h"

namespace precis::engine {
namespace {

using ::testing::HasSubstr;

// A record of golden/make_dequantize_golden.py.
struct Record {
  TensorType type;
  bool quantize;
  std::string stored;
  std::vector<float> values;
};

std::vector<Record> ReadGolden() {
  const auto content = ReadFile(SourceFile("tests/engine/formats/golden/dequantize.bin"), 1 << 20);
  EXPECT_TRUE(content.ok()) << content.status();
  std::vector<Record> records;
  if (!content.ok()) return records;
  for (std::string_view rest = *content; !rest.empty();) {
    uint32_t head[4];
    std::memcpy(head, rest.data(), sizeof head);
    rest.remove_prefix(sizeof head);
    Record record{static_cast<TensorType>(head[0]), head[1] == 1, std::string(rest.substr(0, head[2])),
                  std::vector<float>(head[3])};
    rest.remove_prefix(head[2]);
    std::memcpy(record.values.data(), rest.data(), head[3] * sizeof(float));
    rest.remove_prefix(head[3] * sizeof(float));
    records.push_back(std::move(record));
  }
  return records;
}

TEST(Dequantize, EveryTypeGivesTheReferenceValuesBitByBit) {
  std::set<TensorType> seen;
  for (const Record& record : ReadGolden()) {
    if (record.quantize) continue;
    SCOPED_TRACE(TypeName(record.type));
    seen.insert(record.type);
    std::vector<float> values(record.values.size());
    ASSERT_TRUE(DequantizeRow(record.type, record.stored, values).ok());
    for (size_t i = 0; i < values.size(); ++i) {
      ASSERT_EQ(std::bit_cast<uint32_t>(values[i]), std::bit_cast<uint32_t>(record.values[i])) << "value " << i;
    }
  }
  EXPECT_EQ(seen, (std::set<TensorType>{TensorType::kF32, TensorType::kF16, TensorType::kBF16, TensorType::kQ4_0,
                                        TensorType::kQ4_1, TensorType::kQ5_0, TensorType::kQ5_1, TensorType::kQ8_0,
                                        TensorType::kQ4_K, TensorType::kQ5_K, TensorType::kQ6_K}));
}

TEST(Quantize, EveryTypeGivesTheReferenceBytes) {
  std::set<TensorType> seen;
  for (const Record& record : ReadGolden()) {
    if (!record.quantize) continue;
    SCOPED_TRACE(TypeName(record.type));
    seen.insert(record.type);
    const auto stored = Quantize(record.type, record.values);
    ASSERT_TRUE(stored.ok()) << stored.status();
    ASSERT_EQ(stored->size(), record.stored.size());
    const auto block = static_cast<size_t>(TypeInfo(record.type).block_bytes);
    for (size_t i = 0; i < stored->size(); i += block) {
      ASSERT_EQ(stored->substr(i, block), record.stored.substr(i, block)) << "block " << i / block;
    }
  }
  EXPECT_EQ(seen, (std::set<TensorType>{TensorType::kF16, TensorType::kBF16, TensorType::kQ4_0, TensorType::kQ4_1,
                                        TensorType::kQ8_0}));
}

TEST(Quantize, ErrorStaysBelowHalfAStep) {
  std::vector<float> values(32 * 8);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i * 37 % 101) / 50.0f - 1.0f;
  // Steps: Q8_0 1/127, Q4_1 2/15, Q4_0 1/8, which clips one end by a whole step. Scales are halves: 2^-11 more.
  const std::pair<TensorType, float> bounds[] = {
      {TensorType::kQ8_0, 0.5f / 127}, {TensorType::kQ4_1, 0.5f * 2 / 15}, {TensorType::kQ4_0, 1.0f / 8}};
  for (const auto& [type, bound] : bounds) {
    const auto stored = Quantize(type, values);
    ASSERT_TRUE(stored.ok());
    std::vector<float> back(values.size());
    ASSERT_TRUE(DequantizeRow(type, *stored, back).ok());
    for (size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(back[i], values[i], bound + 0x1p-10f) << TypeName(type);
  }
}

TEST(Quantize, NamesTheValueThatIsNotFinite) {
  std::vector<float> values(64, 1.0f);
  values[33] = NAN;
  const auto stored = Quantize(TensorType::kQ8_0, values);
  EXPECT_EQ(stored.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(stored.status().message()), HasSubstr("value 33"));
}

TEST(Quantize, TinyAndHugeValuesGiveFiniteCodes) {
  std::vector<float> values(64, 0x1p-149f);
  std::fill(values.begin() + 32, values.end(), 3e38f);
  values[40] = -3e38f;
  for (TensorType type : {TensorType::kQ4_0, TensorType::kQ4_1, TensorType::kQ8_0}) {
    EXPECT_TRUE(Quantize(type, values).ok()) << TypeName(type);
  }
}

TEST(Dequantize, SizesThatDoNotFitAreRefused) {
  std::vector<float> values(32);
  EXPECT_EQ(DequantizeRow(TensorType::kQ8_0, std::string(33, 'x'), values).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(DequantizeRow(TensorType::kQ8_0, std::string(35, 'x'), values).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(DequantizeRow(TensorType::kQ8_0, std::string(34, 'x'), std::span(values).first(31)).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(DequantizeRow(TensorType::kQ8_0, "", {}).ok());
}

TEST(Dequantize, AnUnsupportedTypeIsNamed) {
  TensorView tensor{"blk.0.attn_q.weight", TensorType::kIQ2_XS, {256}, std::string_view()};
  const auto values = Dequantize(tensor);
  EXPECT_EQ(values.status().code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(values.status().message()), HasSubstr("blk.0.attn_q.weight"));
  EXPECT_THAT(std::string(values.status().message()), HasSubstr("IQ2_XS"));
}

TEST(Dequantize, DoublesBeyondFloatBecomeInfinity) {
  const double stored[] = {1e300, -1e300, 0.1, std::numeric_limits<float>::max()};
  std::vector<float> values(4);
  ASSERT_TRUE(DequantizeRow(TensorType::kF64, {reinterpret_cast<const char*>(stored), sizeof stored}, values).ok());
  EXPECT_EQ(values, (std::vector<float>{INFINITY, -INFINITY, 0.1f, std::numeric_limits<float>::max()}));
}

}  // namespace
}  // namespace precis::engine
