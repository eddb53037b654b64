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

std::vector<float> Product(const DecodeKernels& k, const PackedMatrix& w, const float* x, int64_t rows,
                           int planes = 1) {
  QuantizedBuffer buffer;
  const QuantizedRows q = buffer.Get(rows, w.inputs(), planes);
  k.quantize(x, q);
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
    const int64_t outputs = 45, inputs = 512, rows = 3;
    const PackedMatrix w = Packed(RandomTensor(type, outputs, inputs, 3).view);
    const std::vector<float> x = RandomRows(rows * inputs, 4);
    QuantizedBuffer buffer;
    const QuantizedRows q = buffer.Get(rows, inputs, 1);
    ScalarDecodeKernels().quantize(x.data(), q);
    const std::vector<float> y = Product(ScalarDecodeKernels(), w, x.data(), rows);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t n = 0; n < outputs; ++n) {
        double sum = 0, size = 0;
        for (int64_t k = 0; k < inputs; ++k) {
          const double term = static_cast<double>(w.At(n, k)) * q.q[r * inputs + k] * q.scale[(r * inputs + k) / 32];
          sum += term;
          size += std::fabs(term);
        }
        ASSERT_NEAR(y[static_cast<size_t>(r * outputs + n)], sum, 1e-5 * size) << TypeName(type);
      }
    }
  }
}

TEST(IntegerGemm, EveryInstructionSetAndEveryBatchGivesTheSameBits) {
  for (const TensorType type : kTypes) {
    const int64_t outputs = 45, inputs = 768, rows = 15;
    const PackedMatrix w = Packed(RandomTensor(type, outputs, inputs, 5).view);
    const std::vector<float> x = RandomRows(rows * inputs, 6);
    for (const int planes : {1, 2}) {
      const std::vector<float> expected = Product(ScalarDecodeKernels(), w, x.data(), rows, planes);
      for (const IsaLevel isa : AvailableIsaLevels()) {
        const DecodeKernels& k = GetDecodeKernels(isa);
        EXPECT_EQ(Product(k, w, x.data(), rows, planes), expected) << TypeName(type) << " " << IsaLevelName(isa);
        for (int64_t r = 0; r < rows; ++r) {
          const std::vector<float> alone = Product(k, w, x.data() + r * inputs, 1, planes);
          EXPECT_TRUE(std::equal(alone.begin(), alone.end(), expected.begin() + r * outputs)) << TypeName(type);
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
          for (const int planes : {1, 2}) {
            EXPECT_NEAR(Product(GetDecodeKernels(isa), w, x.data(), 1, planes)[3], sum, 1e-5 * std::fabs(sum) + 1e-3)
                << TypeName(type) << " " << IsaLevelName(isa) << " " << fill;
          }
        }
      }
    }
  }
}

TEST(Quantize, EveryInstructionSetGivesTheSameIntegersAndBadNumbersShow) {
  std::vector<float> x = RandomRows(32 * 8, 8);
  for (int i = 0; i < 32; ++i) x[static_cast<size_t>(i)] = 0;        // block 0: zero
  for (int i = 32; i < 64; ++i) x[static_cast<size_t>(i)] = 1e-40f;  // block 1: subnormal
  x[64] = std::numeric_limits<float>::quiet_NaN();                   // block 2
  x[96] = -std::numeric_limits<float>::infinity();                   // block 3
  x[128] = 3e38f;                                                    // block 4: near the largest
  for (int i = 160; i < 192; ++i) x[static_cast<size_t>(i)] = (i - 176 + 0.5f) / 127.0f * 8;  // block 5: ties
  for (const IsaLevel isa : AvailableIsaLevels()) {
    QuantizedBuffer a, b;
    const QuantizedRows p = a.Get(1, 256, 2), q = b.Get(1, 256, 2);
    ScalarDecodeKernels().quantize(x.data(), p);
    GetDecodeKernels(isa).quantize(x.data(), q);
    EXPECT_TRUE(std::equal(p.q, p.q + 512, q.q)) << IsaLevelName(isa);
    EXPECT_EQ(std::memcmp(p.scale, q.scale, 8 * sizeof(float)), 0);
    EXPECT_TRUE(std::equal(p.sum16, p.sum16 + 32, q.sum16));
    EXPECT_TRUE(std::isnan(q.scale[2]) && std::isnan(q.scale[3]));
    EXPECT_EQ(q.scale[0], 0);
    for (int i = 0; i < 512; ++i) EXPECT_GE(q.q[i], -127);
    for (int i = 192; i < 256; ++i) {
      const float scale = q.scale[i / 32];
      EXPECT_NEAR(scale * (254 * q.q[i] + q.q[256 + i]), x[static_cast<size_t>(i)], 0.51 * scale);
    }
  }
}

TEST(FloatGemm, EveryInstructionSetAndEveryBatchGivesTheSameBits) {
  const int64_t outputs = 21, inputs = 80, rows = 7;
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
