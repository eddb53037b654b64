// An encoder with its tokenizer, as LoadEmbedder and the loaders of heads want it, and how several callers share it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "cpu/isa.h"
#include "cpu/thread_pool.h"
#include "models/bert.h"
#include "precis/engine/load.h"
#include "runtime/turnstile.h"

namespace precis::engine {

// `info` is complete; only the fingerprint knows nothing of a head.
struct EncoderModel {
  std::unique_ptr<const BertEncoder> encoder;
  std::shared_ptr<const Tokenizer> tokenizer;
  std::shared_ptr<cpu::ThreadPool> pool;
  cpu::IsaLevel isa = cpu::IsaLevel::kScalar;
  float temperature = 1;
  ModelInfo info;
};

// Errors: those of LoadEmbedder. `head`: what stands on the encoder, part of the fingerprint; empty: pooling alone.
absl::StatusOr<EncoderModel> LoadEncoderModel(const std::string& path, const LoadOptions& options,
                                              const std::string& head = "");

// Checks that the tokenizer puts one token before and one behind a text and has no more tokens than the encoder.
absl::Status CheckEncoderTokenizer(const EncoderModel& model);

// As few windows of at most `room` tokens as possible, equal up to one token, in order; one empty window for no tokens.
std::vector<std::span<const TokenId>> EvenWindows(std::span<const TokenId> tokens, int64_t room);

// Runs sequences in batches and hands out what the encoder made of each batch. Thread-safe: callers take turns, a batch
// at a time.
class EncoderRunner {
 public:
  // Enough to pay for reading the weights once (twice as many save 4 %); more would make the others wait longer.
  static constexpr int64_t kBatchTokens = 256;

  // One sequence: its tokens, and from which of them on it is the second text of a pair (-1: from none).
  struct Sequence {
    std::span<const TokenId> ids;
    int64_t second = -1;
  };
  // `first`: the number of the batch's first sequence. Called in order, by who has the turn.
  using Sink =
      std::function<absl::Status(const OpContext& context, MatrixView hidden, RaggedStarts starts, int64_t first)>;

  explicit EncoderRunner(EncoderModel model) : model_(std::move(model)) {}

  const EncoderModel& model() const { return model_; }

  // Errors: those of BertEncoder::Forward and of `sink`.
  [[nodiscard]] absl::Status Run(std::span<const Sequence> sequences, const CallContext& call, const Sink& sink);

 private:
  EncoderModel model_;
  Turnstile turnstile_;
  BertActivations activations_;  // used only by who has the turn
};

}  // namespace precis::engine
