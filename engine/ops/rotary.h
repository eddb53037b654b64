// Rotary positions over ragged batches: the angles of every token, and the turning of its queries and keys
// (ops/rope.h).
#pragma once

#include "absl/status/status.h"
#include "ops/context.h"
#include "ops/ragged.h"
#include "tensor/matrix.h"

namespace precis::engine {

struct RotarySpec {
  int64_t head_dim = 0;  // even
  double base = 10000;
  // Dynamic NTK: a sequence of L > trained tokens has the base that reaches as far, from its own length alone:
  // base * (factor * L / trained - (factor - 1)) ^ (head_dim / (head_dim - 2)). factor 0: never.
  int64_t trained = 0;
  double factor = 0;
};

// The base for a sequence of `length` tokens.
double RotaryBase(const RotarySpec& spec, int64_t length);

// angles: [tokens, head_dim], cos and sin of each pair; positions restart at 0 in every sequence.
void RotaryAngles(const OpContext& context, const RotarySpec& spec, RaggedStarts starts, MutableMatrix angles);

// Turns `heads` heads of queries and as many of keys, the first 2 * heads * head_dim columns of qkv, in place: values i
// and i + head_dim / 2 of a head are a pair. InvalidArgument when shapes do not fit together.
[[nodiscard]] absl::Status TurnQueriesAndKeys(const OpContext& context, MatrixView angles, int64_t heads,
                                              MutableMatrix qkv);

}  // namespace precis::engine
