// The Embedder over an encoder: tokens, windows, batches, pooling.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "models/bert.h"
#include "ops/pooling.h"
#include "precis/engine/embedder.h"
#include "runtime/encoder_model.h"
#include "runtime/turnstile.h"
#include "runtime/windows.h"

namespace precis::engine {

// Thread-safe. Calls take turns, one batch of at most kBatchTokens tokens (or one window) at a time; memory beyond the
// result is bounded by the tokens of the call plus one batch.
class TextEmbedder final : public Embedder {
 public:
  static constexpr int64_t kBatchTokens = EncoderRunner::kBatchTokens;

  // Errors: InvalidArgument when tokenizer, prefixes and encoder do not fit together.
  static absl::StatusOr<std::shared_ptr<TextEmbedder>> Make(EncoderModel parts);

  const ModelInfo& info() const override { return parts_.info; }
  const Tokenizer& tokenizer() const override { return *parts_.tokenizer; }

  // A split text's vector is the average of its windows' normalised vectors, weighted by how many of the text's tokens
  // each holds, normalised.
  [[nodiscard]] absl::StatusOr<std::vector<Embedding>> Embed(std::span<const std::string_view> texts,
                                                             const EmbedOptions& options,
                                                             const CallContext& call) override;

 private:
  explicit TextEmbedder(EncoderModel parts) : parts_(std::move(parts)) {}

  absl::Status Check();
  const std::string& PrefixOf(InputRole role) const;
  const WindowFrame& FrameOf(InputRole role) const;

  absl::StatusOr<std::vector<TextWindows>> Tokenize(std::span<const std::string_view> texts,
                                                    const EmbedOptions& options, const CallContext& call) const;
  // One batch: the normalised vectors of `windows`, to `out` [windows.size(), dimensions].
  absl::Status EmbedWindows(std::span<const std::vector<TokenId>* const> windows, const CallContext& call,
                            MutableMatrix out);

  EncoderModel parts_;
  WindowFrame plain_, query_, document_;
  PoolingKind pooling_ = PoolingKind::kMean;
  Turnstile turnstile_;
  BertActivations activations_;  // used only by who has the turn
};

}  // namespace precis::engine
