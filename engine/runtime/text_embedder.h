// The Embedder over a BERT encoder: tokens, windows, batches, pooling.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cpu/isa.h"
#include "cpu/thread_pool.h"
#include "models/bert.h"
#include "ops/pooling.h"
#include "precis/engine/embedder.h"
#include "runtime/turnstile.h"
#include "runtime/windows.h"

namespace precis::engine {

// What a TextEmbedder is made of. `info` is complete but for what the encoder knows.
struct TextEmbedderParts {
  std::unique_ptr<const BertEncoder> encoder;
  std::shared_ptr<const Tokenizer> tokenizer;
  std::shared_ptr<cpu::ThreadPool> pool;
  cpu::IsaLevel isa = cpu::IsaLevel::kScalar;
  float temperature = 1;
  ModelInfo info;
};

// Thread-safe. Calls take turns, one batch of at most kBatchTokens tokens (or one window) at a time; memory beyond the
// result is bounded by the tokens of the call plus one batch.
class TextEmbedder final : public Embedder {
 public:
  // Enough to pay for reading the weights once (twice as many save 4 %); more would make the others wait longer.
  static constexpr int64_t kBatchTokens = 256;

  // Errors: InvalidArgument when tokenizer, prefixes and encoder do not fit together.
  static absl::StatusOr<std::shared_ptr<TextEmbedder>> Make(TextEmbedderParts parts);

  const ModelInfo& info() const override { return parts_.info; }
  const Tokenizer& tokenizer() const override { return *parts_.tokenizer; }

  // A split text's vector is the average of its windows' normalised vectors, weighted by how many of the text's tokens
  // each holds, normalised.
  [[nodiscard]] absl::StatusOr<std::vector<Embedding>> Embed(std::span<const std::string_view> texts,
                                                             const EmbedOptions& options,
                                                             const CallContext& call) override;

 private:
  explicit TextEmbedder(TextEmbedderParts parts) : parts_(std::move(parts)) {}

  absl::Status Check();
  const std::string& PrefixOf(InputRole role) const;
  const WindowFrame& FrameOf(InputRole role) const;

  absl::StatusOr<std::vector<TextWindows>> Tokenize(std::span<const std::string_view> texts,
                                                    const EmbedOptions& options, const CallContext& call) const;
  // One batch: the normalised vectors of `windows`, to `out` [windows.size(), dimensions].
  absl::Status EmbedWindows(std::span<const std::vector<TokenId>* const> windows, const CallContext& call,
                            MutableMatrix out);

  TextEmbedderParts parts_;
  WindowFrame plain_, query_, document_;
  PoolingKind pooling_ = PoolingKind::kMean;
  Turnstile turnstile_;
  BertActivations activations_;  // used only by who has the turn
};

}  // namespace precis::engine
