// Loading models: the only door through which the rest of the program gets an engine.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "precis/engine/embedder.h"
#include "precis/engine/generator.h"
#include "precis/engine/segment_scorer.h"
#include "precis/engine/token_scorer.h"

namespace precis::engine {

// Which kernels run. kAuto asks the CPU; the others force one, for tests and comparisons. The results are the same.
enum class Isa { kAuto, kScalar, kAvx2, kAvx512 };

struct LoadOptions {
  std::string name;  // plain name for ModelInfo; empty: from the path
  int threads = 0;   // 0: one for each core
  Isa isa = Isa::kAuto;
  // Encoders: "fp32" (default) or "int8-v1" (integers, near fp32 but another space: engine/README.md). Decoders: "fast"
  // (default: integer activations) or "exact" (dequantised weights, fp32).
  std::string numeric_mode;
  // Encoders only; empty: what the model's files say.
  std::string query_prefix, document_prefix;
  // Encoders only: TempScale's temperature (arXiv 2410.24200), softmax(S / tau); > 0.
  float temperature = 1.0f;
  // Encoders only: the window, special tokens included; 0: what the model's files say. Less, or, for NomicBERT, up to
  // four times as much as it was trained with: longer texts then take dynamic NTK (nomic-embed-text: 8192).
  int64_t max_tokens = 0;
  // Decoders only: room for keys and values, for all sequences together. 0: one full window.
  int64_t kv_budget_bytes = 0;
  int max_sequences = 8;  // decoders only: how many prompts run at once; more wait
  int queue_limit = 64;   // decoders only: how many may wait; past it, ResourceExhausted
  // Decoders only: keys and values as "f32", "f16" or "int8" (8.5 bits); empty: f16, in the mode "exact" f32.
  std::string kv_type;
  // Decoders only: drafts that are verified several at a time, "off", "lookup" (from the prompt and the text so far) or
  // "draft" (from the model at draft_path); empty: draft where draft_path is set, else lookup. Texts are the same.
  std::string speculation;
  std::string draft_path;  // a smaller decoder whose vocabulary is equal, token by token
  // Decoders only: what weights, keys and values and activations may need together, the draft model's included; past
  // it, ResourceExhausted before anything is loaded. 0: no limit.
  int64_t memory_limit_bytes = 0;
  bool check_weights = false;  // reads every weight and refuses NaN and infinity by tensor name
};

// `path`: a Hugging Face folder (config.json, model.safetensors, tokenizer.json) or a GGUF file. The tokenizer is the
// one inside. Errors: NotFound, InvalidArgument (not a model, truncated, hostile; the message names the field),
// Unimplemented (an architecture or tensor type that is not supported; named).
absl::StatusOr<std::shared_ptr<const Tokenizer>> LoadTokenizer(const std::string& path);

absl::StatusOr<std::shared_ptr<Embedder>> LoadEmbedder(const std::string& path, const LoadOptions& options);

// A decoder or an encoder-decoder (T5, mT5): generates and scores.
class LanguageModel : public Generator, public TokenScorer, public SegmentScorer {
 public:
  // As ScoreTokens, where a chat in the model's template stands before the text, which is scored as the answer to it.
  // What a generation of the same tenant has computed of that chat is not computed again. Errors: as ScoreTokens;
  // InvalidArgument (no chat template, unknown role).
  [[nodiscard]] virtual absl::StatusOr<std::vector<TokenScore>> ScoreAnswer(const std::vector<ChatMessage>& messages,
                                                                            std::string_view text,
                                                                            const std::string& tenant,
                                                                            const CallContext& call) = 0;
};

absl::StatusOr<std::shared_ptr<LanguageModel>> LoadLanguageModel(const std::string& path, const LoadOptions& options);

// What a file or folder is, read from its headers alone: for `precis model info`.
struct ModelFileInfo {
  ModelInfo model;
  std::string kind;  // "encoder", "decoder", "encoder-decoder", "unknown"
  bool supported = false;
  std::string reason;       // why not, one sentence
  std::string description;  // format, tensor types with counts, layers, heads; several lines
  // Decoders in the mode "fast"; 0 where it is not known.
  int64_t memory_bytes = 0;        // weights once loaded
  int64_t kv_bytes_per_token = 0;  // keys and values, f16
};

// kTokenizer also loads the tokenizer, which takes as long as it does when a model is loaded (to half a second).
enum class Inspection { kHeaders, kTokenizer };

// Errors: NotFound and InvalidArgument as for loading, when it is no model at all or damaged. A model that is whole and
// cannot be run is no error: `supported` is false.
absl::StatusOr<ModelFileInfo> InspectModel(const std::string& path, Inspection inspection = Inspection::kHeaders);

}  // namespace precis::engine
