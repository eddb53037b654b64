// Puts the keys and values of one position into its page (kv_layout.h).
#pragma once

#include <cstdint>

#include "cpu/decode_kernels.h"
#include "ops/kv_layout.h"

namespace precis::engine::ops {

// `keys` and `values`: [kv_heads][head_dim] of one layer; `slot`: position % 64. Writes no other byte than this
// position's, so that several threads may fill one page.
void StoreKv(const cpu::DecodeKernels& kernels, const KvLayout& layout, int64_t layer, const float* keys,
             const float* values, int64_t slot, void* page);

}  // namespace precis::engine::ops
