// Similarities of one query to stored vectors. Rows and query are padded with zeros to a multiple of kLane floats and
// aligned to 64 bytes. Sums run over 16 virtual lanes with fused multiply-adds and one fixed tree, so that AVX2 and
// AVX-512 give the same bits (design.md, promise 7). Dispatch at run time.
#pragma once

#include <cstddef>
#include <cstdint>

namespace precis::index {

inline constexpr int kLane = 16;
inline int PaddedDimensions(int dimensions) { return (dimensions + kLane - 1) / kLane * kLane; }

// out[i] = sum_d query[d] * rows[i * stride + d], d < stride.
void DotRows(const float* query, const float* rows, size_t stride, size_t count, float* out);
// out[i] = -sum_d (query[d] - rows[i * stride + d])^2
void NegativeL2Rows(const float* query, const float* rows, size_t stride, size_t count, float* out);

}  // namespace precis::index
