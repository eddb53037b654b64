// What config.json of a Hugging Face folder says about a T5 (arXiv 1910.10683) or mT5 model, checked to lie in bounds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace precis::engine {

enum class T5Activation { kRelu, kGeluTanh, kSilu };

struct HfT5Config {
  std::string origin;                              // the file, for messages
  std::string model_type;                          // "t5" or "mt5"
  int64_t hidden = 0;                              // d_model, a multiple of 16 up to 16384
  int64_t head_dim = 0;                            // d_kv, 1 .. 1024
  int64_t heads = 0;                               // 1 .. 256
  int64_t ffn = 0;                                 // d_ff, 1 .. 131072
  int64_t encoder_layers = 0, decoder_layers = 0;  // 1 .. 256
  int64_t vocabulary = 0;                          // 1 .. 2^22
  int64_t buckets = 32;                            // even, 4 .. 1024
  int64_t max_distance = 128;                      // > buckets / 2, up to 2^20
  double norm_eps = 1e-6;
  T5Activation activation = T5Activation::kRelu;
  bool gated = false;          // activation(wi_0 x) * wi_1 x instead of activation(wi x)
  bool scaled_output = false;  // states times d_model^-0.5 before the head: T5 1.0, whose head is the embedding
  int64_t max_tokens = 512;    // n_positions, 1 .. 2^16: what it was trained with; nothing in it depends on this
  int64_t decoder_start = 0;   // the token that a text begins after
  std::vector<int64_t> ends;   // eos_token_id; at least one

  int64_t inner() const { return heads * head_dim; }
};

bool IsHfT5(const std::string& model_type);

// Errors: InvalidArgument for broken JSON, a missing field or a value out of bounds, with file, field and value;
// Unimplemented, by name, for another model_type, activation or width.
absl::StatusOr<HfT5Config> ParseHfT5Config(const std::string& text, const std::string& origin);

// Reads config.json of `folder`. NotFound when it is not there.
absl::StatusOr<HfT5Config> ReadHfT5Config(const std::string& folder);

}  // namespace precis::engine
