// Multi-head attention in which every token of a sequence sees all tokens of its own sequence and none of another.
//
//   out = softmax(scale * (Q K^T + bias)) V    for each sequence and head
//
// Scores of a row are complete before the softmax (no running maximum), summed over keys in 16 lanes in a fixed tree;
// the mix of values is one sum over keys in increasing order. Other sequences of the batch and the split into blocks
// of rows change nothing: a key that is out of reach adds an exact zero, if it is looked at.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "ops/context.h"
#include "ops/ragged.h"
#include "tensor/matrix.h"

namespace precis::engine {

// How the distance of query and key counts; at most one of the two.
struct AttentionDistance {
  // Added to the score of query i and key j of head h: row h, column n + j - i, where columns = 2 n + 17 and no
  // sequence has more than n + 1 tokens (MakeRelativeBias of ops/relative_position.h). No data: nothing is added.
  MatrixView bias;
  int64_t reach = 0;  // > 0: a query sees the keys at most this far away, on both sides
};

// qkv: [tokens, 3 * heads * head_dim], Q then K then V, heads one after the other   out: [tokens, heads * head_dim]
// scale: 1 / sqrt(head_dim), divided by TempScale's tau (arXiv 2410.24200, softmax(S / tau)); > 0.
// InvalidArgument when shapes do not fit together.
[[nodiscard]] absl::Status BidirectionalAttention(const OpContext& context, MatrixView qkv, RaggedStarts starts,
                                                  int64_t heads, float scale, MutableMatrix out,
                                                  const AttentionDistance& distance = {});

void BidirectionalAttentionCpu(const OpContext& context, MatrixView qkv, RaggedStarts starts, int64_t heads,
                               float scale, MutableMatrix out, const AttentionDistance& distance);

}  // namespace precis::engine
