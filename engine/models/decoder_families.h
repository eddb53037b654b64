// The families: one file each, with what is its own in GGUF and in a Hugging Face folder. Internal to models.
//
// Each function finds the sizes, RoPE and defaults of decoder_config.cc filled in and sets what differs.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "models/decoder_config.h"

namespace precis::engine {

struct DecoderFamily {
  const char* name;
  const char* gguf;  // general.architecture; null: no such files
  const char* hf;    // model_type; null: no such folders
  double rope_base;  // where a config.json is silent
  bool tied;         // where a config.json is silent
  absl::Status (*read_gguf)(const GgufFile& file, DecoderConfig* config);
  absl::Status (*read_hf)(const HfDecoderConfig& file, DecoderConfig* config);
};

absl::Status ReadLlamaGguf(const GgufFile& file, DecoderConfig* config);
absl::Status ReadLlamaHf(const HfDecoderConfig& file, DecoderConfig* config);
absl::Status ReadMistralHf(const HfDecoderConfig& file, DecoderConfig* config);
absl::Status ReadQwen2Gguf(const GgufFile& file, DecoderConfig* config);
absl::Status ReadQwen2Hf(const HfDecoderConfig& file, DecoderConfig* config);
absl::Status ReadQwen3Gguf(const GgufFile& file, DecoderConfig* config);
absl::Status ReadQwen3Hf(const HfDecoderConfig& file, DecoderConfig* config);
absl::Status ReadGemma2Gguf(const GgufFile& file, DecoderConfig* config);
absl::Status ReadGemma2Hf(const HfDecoderConfig& file, DecoderConfig* config);
absl::Status ReadGemma3Gguf(const GgufFile& file, DecoderConfig* config);
absl::Status ReadGemma3Hf(const HfDecoderConfig& file, DecoderConfig* config);
absl::Status ReadPhi3Gguf(const GgufFile& file, DecoderConfig* config);
absl::Status ReadPhi3Hf(const HfDecoderConfig& file, DecoderConfig* config);
absl::Status ReadSmolLm3Gguf(const GgufFile& file, DecoderConfig* config);
absl::Status ReadSmolLm3Hf(const HfDecoderConfig& file, DecoderConfig* config);

// What several of them need.

// attention.sliding_window, 0 .. 2^20; `fallback` where the file is silent.
absl::StatusOr<int64_t> ReadGgufWindow(const GgufFile& file, const std::string& architecture, int64_t fallback);
// attention.sliding_window_pattern: a number n (each n-th layer attends to everything) or an answer for each layer.
absl::Status ReadGgufPattern(const GgufFile& file, int64_t every, DecoderConfig* config);
// Each `every`-th layer attends to everything.
void SetPattern(int64_t every, DecoderConfig* config);
// The layers that config.json names, with use_sliding_window and max_window_layers (Qwen).
void SetQwenWindow(const HfDecoderConfig& file, DecoderConfig* config);
// Unimplemented when the activation is another one, or linear layers have biases.
absl::Status RequireActivation(const HfDecoderConfig& file, const char* name);
absl::Status RefuseBias(const HfDecoderConfig& file);
// A soft cap of a GGUF file: `fallback` where it is silent, 0 for none.
absl::StatusOr<float> ReadGgufCap(const GgufFile& file, const std::string& key, float fallback);

}  // namespace precis::engine
