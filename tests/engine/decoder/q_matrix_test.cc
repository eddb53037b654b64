// Packed weights and the integer kernels over them.
#include "cpu/q_matrix.h"

#include <gtest/gtest.h>

#include <random>

#include "cpu/decode_kernels.h"
#include "formats/dequantize.h"
#include "formats/half.h"

namespace precis::engine::cpu {
namespace {

constexpr TensorType kTypes[] = {TensorType::kF32,  TensorType::kF16,  TensorType::kBF16, TensorType::kQ4_0,
                                 TensorType::kQ4_1, TensorType::kQ5_0, TensorType::kQ5_1, TensorType::kQ8_0,
                                 TensorType::kQ4_K, TensorType::kQ5_K, TensorType::kQ6_K};

void PutHalf(std::string* bytes, size_t at, float value) {
  const uint16_t half = FloatToHalf(value);
  std::memcpy(bytes->data() + at, &half, 2);
}

// A tensor of random integers with reasonable scales.
struct RandomTensor {
  std::string bytes;
  TensorView view;

  RandomTensor(TensorType type, int64_t rows, int64_t columns, uint32_t seed) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> uniform(-1, 1);
    const TensorTypeInfo& info = TypeInfo(type);
    bytes.resize(static_cast<size_t>(rows * RowBytes(type, columns)));
    if (info.block_elements == 1) {
      std::vector<float> values(static_cast<size_t>(rows * columns));
      for (float& v : values) v = uniform(random);
      bytes = Quantize(type, values).value();
    } else {
      for (char& c : bytes) c = static_cast<char>(random());
      for (size_t at = 0; at < bytes.size(); at += static_cast<size_t>(info.block_bytes)) {
        if (type == TensorType::kQ6_K) {
          PutHalf(&bytes, at + 208, uniform(random) * 0.001f);
        } else {
          PutHalf(&bytes, at, uniform(random) * 0.01f);
          const bool minimum = type == TensorType::kQ4_1 || type == TensorType::kQ5_1 || info.block_elements == 256;
          if (minimum) PutHalf(&bytes, at + 2, uniform(random) * 0.1f);
        }
      }
    }
    view = {"w", type, {rows, columns}, bytes};
  }
};

PackedMatrix Packed(const TensorView& view) {
  PackedMatrix w = PackedMatrix::Allocate(QFormatOf(view.type), view.rows(), view.columns());
  EXPECT_TRUE(w.Pack(view, 0).ok());
  return w;
}

std::vector<float> RandomRows(int64_t n, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, 1);
  std::vector<float> x(static_cast<size_t>(n));
  for (float& v : x) v = normal(random);
  return x;
}

void QuantizeAll(const DecodeKernels& k, const float* x, const QuantizedRows& q) {
  for (int64_t r = 0; r < q.rows; ++r) k.quantize(x + r * q.inputs, q, r);
}

// Where the block of input k of row r lies among blocks of four rows.
int64_t BlockAt(const QuantizedRows& q, int64_t r, int64_t k) { return (r / 4 * q.blocks() + k / 32) * 4 + r % 4; }

int Plane(const QuantizedRows& q, int64_t r, int64_t k, int plane) {
  return q.q[((r / 4 * q.blocks() + k / 32) * 2 + plane) * 128 + r % 4 * 32 + k % 32];
}

int Integer(const QuantizedRows& q, int64_t r, int64_t k) { return Plane(q, r, k, 0) + 255 * Plane(q, r, k, 1); }

double Value(const QuantizedRows& q, int64_t r, int64_t k) {
  return static_cast<double>(q.scale[BlockAt(q, r, k)]) * Integer(q, r, k);
}

// All blocks wide, some, none.
constexpr float kWideAbove[] = {0, 2, std::numeric_limits<float>::infinity()};

std::vector<float> Product(const DecodeKernels& k, const PackedMatrix& w, const float* x, int64_t rows,
                           float wide_above) {
  QuantizedBuffer buffer;
  const QuantizedRows q = buffer.Get(rows, w.inputs(), wide_above);
  QuantizeAll(k, x, q);
  std::vector<float> y(static_cast<size_t>(rows * w.outputs()));
  k.gemm(w, q, 0, w.panels(), y.data(), w.outputs());
  return y;
}

TEST(PackedMatrix, HoldsTheValuesOfTheFile) {
  for (const TensorType type : kTypes) {
    const RandomTensor t(type, 37, 512, 1);
    const PackedMatrix w = Packed(t.view);
    const std::vector<float> expected = Dequantize(t.view).value();
    const bool requantized = w.format() == QFormat::kS8Wide;
    for (int64_t n = 0; n < 37; ++n) {
      for (int64_t k = 0; k < 512; ++k) {
        const float value = expected[static_cast<size_t>(n * 512 + k)];
        if (requantized) {
          ASSERT_NEAR(w.At(n, k), value, 0.5 / 127) << TypeName(type);
        } else {
          ASSERT_EQ(w.At(n, k), value) << TypeName(type) << " " << n << " " << k;
        }
      }
    }
  }
}

TEST(PackedMatrix, TensorsSideBySideKeepTheirRows) {
  const RandomTensor a(TensorType::kQ4_1, 10, 64, 1), b(TensorType::kQ4_1, 23, 64, 2);
  PackedMatrix w = PackedMatrix::Allocate(QFormat::kU4Min, 33, 64);
  ASSERT_TRUE(w.Pack(a.view, 0).ok() && w.Pack(b.view, 10).ok());
  EXPECT_EQ(w.At(9, 63), Packed(a.view).At(9, 63));
  EXPECT_EQ(w.At(10, 0), Packed(b.view).At(0, 0));
  EXPECT_EQ(w.At(32, 5), Packed(b.view).At(22, 5));
  EXPECT_FALSE(w.Pack(b.view, 11).ok());  // would end outside
}

TEST(IntegerGemm, AgreesWithDoubleReference) {
  for (const TensorType type : kTypes) {
    const int64_t outputs = 45, inputs = 768, rows = 15;
    const PackedMatrix w = Packed(RandomTensor(type, outputs, inputs, 3).view);
    const std::vector<float> x = RandomRows(rows * inputs, 4);
    for (const float wide_above : kWideAbove) {
      QuantizedBuffer buffer;
      const QuantizedRows q = buffer.Get(rows, inputs, wide_above);
      QuantizeAll(ScalarDecodeKernels(), x.data(), q);
      const std::vector<float> y = Product(ScalarDecodeKernels(), w, x.data(), rows, wide_above);
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t n = 0; n < outputs; ++n) {
          double sum = 0, size = 0;
          for (int64_t k = 0; k < inputs; ++k) {
            const double term = w.At(n, k) * Value(q, r, k);
            sum += term;
            size += std::fabs(term);
          }
          ASSERT_NEAR(y[static_cast<size_t>(r * outputs + n)], sum, 1e-5 * size) << TypeName(type) << " " << wide_above;
        }
      }
    }
  }
}

TEST(IntegerGemm, EveryInstructionSetAndEveryBatchGivesTheSameBits) {
  for (const TensorType type : kTypes) {
    // Several tiles and an odd rest; more blocks than are unpacked at once; a whole number of panels and a rest.
    const int64_t outputs = 45, inputs = 768, rows = 27;
    const PackedMatrix w = Packed(RandomTensor(type, outputs, inputs, 5).view);
    const std::vector<float> x = RandomRows(rows * inputs, 6);
    for (const float wide_above : kWideAbove) {
      const std::vector<float> expected = Product(ScalarDecodeKernels(), w, x.data(), rows, wide_above);
      for (const IsaLevel isa : AvailableIsaLevels()) {
        const DecodeKernels& k = GetDecodeKernels(isa);
        EXPECT_EQ(Product(k, w, x.data(), rows, wide_above), expected) << TypeName(type) << " " << IsaLevelName(isa);
        // Every number of rows has its own way through the tiles.
        for (int64_t count = 1, first = 0; first + count <= rows; first += count++ % 3 == 0 ? 0 : 1) {
          const std::vector<float> some = Product(k, w, x.data() + first * inputs, count, wide_above);
          EXPECT_TRUE(std::equal(some.begin(), some.end(), expected.begin() + first * outputs))
              << TypeName(type) << " " << IsaLevelName(isa) << " rows " << first << " + " << count;
        }
      }
    }
  }
}

// Where a 16-bit sum would saturate if it could: every integer at its end, every activation at +-127.
TEST(IntegerGemm, ExtremeValuesDoNotSaturate) {
  for (const TensorType type : kTypes) {
    if (TypeInfo(type).block_elements == 1) continue;
    for (const int fill : {0x00, 0xff, 0x80, 0x7f}) {
      RandomTensor t(type, 16, 256, 7);
      const int block = TypeInfo(type).block_bytes;
      for (size_t at = 0; at < t.bytes.size(); at += static_cast<size_t>(block)) {
        std::fill(t.bytes.begin() + static_cast<ptrdiff_t>(at), t.bytes.begin() + static_cast<ptrdiff_t>(at) + block,
                  static_cast<char>(fill));
        if (type == TensorType::kQ6_K) {
          PutHalf(&t.bytes, at + 208, 1);
        } else {
          PutHalf(&t.bytes, at, 1);
          if (type != TensorType::kQ4_0 && type != TensorType::kQ5_0 && type != TensorType::kQ8_0) {
            PutHalf(&t.bytes, at + 2, 1);
          }
        }
      }
      t.view.bytes = t.bytes;
      const PackedMatrix w = Packed(t.view);
      for (const float sign : {1.0f, -1.0f}) {
        const std::vector<float> x(256, sign);
        double sum = 0;
        for (int64_t k = 0; k < 256; ++k) sum += w.At(3, k) * sign;
        for (const IsaLevel isa : AvailableIsaLevels()) {
          for (const float wide_above : kWideAbove) {
            EXPECT_NEAR(Product(GetDecodeKernels(isa), w, x.data(), 1, wide_above)[3], sum,
                        1e-5 * std::fabs(sum) + 1e-3)
                << TypeName(type) << " " << IsaLevelName(isa) << " " << fill;
          }
        }
      }
    }
  }
}

TEST(Quantize, EveryInstructionSetGivesTheSameIntegersAndBadNumbersShow) {
  std::vector<float> x = RandomRows(32 * 8, 8);
  for (int i = 0; i < 32; ++i) x[static_cast<size_t>(i)] = 0;                                 // block 0: zero
  for (int i = 32; i < 64; ++i) x[static_cast<size_t>(i)] = 1e-40f;                           // block 1: subnormal
  for (int i = 160; i < 192; ++i) x[static_cast<size_t>(i)] = (i - 176 + 0.5f) / 127.0f * 8;  // block 5: ties
  std::vector<float> bad = x;
  bad[64] = std::numeric_limits<float>::quiet_NaN();  // block 2
  bad[96] = -std::numeric_limits<float>::infinity();  // block 3
  std::vector<float> big = x;
  big[128] = 3e38f;  // block 4: near the largest
  for (const auto& row : {x, bad, big}) {
    for (const float wide_above : kWideAbove) {
      for (const IsaLevel isa : AvailableIsaLevels()) {
        QuantizedBuffer a, b;
        const QuantizedRows p = a.Get(7, 256, wide_above), q = b.Get(7, 256, wide_above);
        for (int64_t r = 0; r < 7; ++r) {
          ScalarDecodeKernels().quantize(row.data(), p, r);
          GetDecodeKernels(isa).quantize(row.data(), q, r);
        }
        EXPECT_TRUE(std::equal(p.q, p.q + 2 * 8 * 256, q.q)) << IsaLevelName(isa) << wide_above;
        EXPECT_TRUE(std::equal(p.wide, p.wide + 64, q.wide));
        EXPECT_EQ(std::memcmp(p.scale, q.scale, 64 * sizeof(float)), 0);
        EXPECT_EQ(std::memcmp(p.sum, q.sum, 64 * sizeof(float)), 0);
        EXPECT_TRUE(std::equal(p.less, p.less + 3 * 64, q.less));
        for (int64_t k = 0; k < 256; ++k) {
          for (int plane = 0; plane < 2; ++plane) EXPECT_GE(Plane(q, 6, k, plane), -127);
        }
      }
    }
  }
  double square = 0;
  for (const float v : x) square += static_cast<double>(v) * v;
  QuantizedBuffer buffer;
  for (const float wide_above : kWideAbove) {
    const QuantizedRows q = buffer.Get(5, 256, wide_above);
    ScalarDecodeKernels().quantize(x.data(), q, 4);
    for (int64_t k = 0; k < 256; ++k) {
      const int64_t block = BlockAt(q, 4, k);
      const auto begin = x.begin() + k / 32 * 32;
      const float most =
          std::fabs(*std::max_element(begin, begin + 32, [](float a, float b) { return std::fabs(a) < std::fabs(b); }));
      EXPECT_EQ(q.wide[block] != 0, most > wide_above * std::sqrt(square / 256));
      if (most > 1e-30f) {
        EXPECT_FLOAT_EQ(q.scale[block], most / (q.wide[block] != 0 ? 32512.0f : 127.0f));
      }
      EXPECT_NEAR(Value(q, 4, k), x[static_cast<size_t>(k)], 0.501 * q.scale[block] + 1e-30);
      int sum = 0;
      for (int64_t i = k / 32 * 32; i < k / 32 * 32 + 32; ++i) sum += Integer(q, 4, i);
      const int32_t* less = q.less + (4 / 4 * 8 + k / 32) * 12;
      EXPECT_EQ(less[0], -sum);
      EXPECT_EQ(less[4] + less[8], -sum);
    }
    ScalarDecodeKernels().quantize(bad.data(), q, 4);
    EXPECT_TRUE(std::isnan(Value(q, 4, 64)) && std::isnan(Value(q, 4, 96)));
  }
}

TEST(FloatGemm, EveryInstructionSetAndEveryBatchGivesTheSameBits) {
  const int64_t outputs = 21, inputs = 80, rows = 23;
  const RandomTensor t(TensorType::kF32, outputs, inputs, 9);
  PackedMatrix w = PackedMatrix::Allocate(QFormat::kF32, outputs, inputs);
  ASSERT_TRUE(w.Pack(t.view, 0).ok());
  const std::vector<float> x = RandomRows(rows * inputs, 10);
  std::vector<float> expected(static_cast<size_t>(rows * outputs));
  ScalarDecodeKernels().gemm_f32(w, x.data(), rows, 0, w.panels(), expected.data(), outputs);
  for (int64_t n = 0; n < outputs; ++n) {
    double sum = 0;
    for (int64_t k = 0; k < inputs; ++k) sum += static_cast<double>(x[static_cast<size_t>(k)]) * w.At(n, k);
    EXPECT_NEAR(expected[static_cast<size_t>(n)], sum, 1e-4);
  }
  for (const IsaLevel isa : AvailableIsaLevels()) {
    std::vector<float> y(expected.size());
    for (int64_t r = 0; r < rows; ++r) {
      GetDecodeKernels(isa).gemm_f32(w, x.data() + r * inputs, 1, 0, w.panels(), y.data() + r * outputs, outputs);
    }
    EXPECT_EQ(y, expected) << IsaLevelName(isa);
  }
}

}  // namespace
}  // namespace precis::engine::cpu
