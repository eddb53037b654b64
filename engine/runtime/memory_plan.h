// What a decoder will need in memory, from the header of its file alone.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "formats/tensor_table.h"
#include "models/decoder_config.h"

namespace precis::engine {

// In bytes. Not in it: the tokenizer, and the pages of the file that the kernel may drop.
struct MemoryPlan {
  int64_t weights = 0;      // repacked
  int64_t keys_values = 0;  // the whole budget
  int64_t activations = 0;  // of the largest step, and what sequences keep to sample

  int64_t total() const { return weights + keys_values + activations; }
};

// Weights and activations; keys_values is the caller's.
MemoryPlan PlanMemory(const TensorTable& tensors, const DecoderConfig& config, bool exact, int max_sequences);

// ResourceExhausted with all numbers and the way out when `plan` and `draft` (of the draft model, zeros without one)
// need more than `limit`; 0: no limit.
absl::Status CheckMemory(const std::string& model, const MemoryPlan& plan, const MemoryPlan& draft, int64_t limit);

}  // namespace precis::engine
