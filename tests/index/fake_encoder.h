// A deterministic encoder without a model: hashed bags of words. Texts that share words have a large cosine.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "precis/engine/embedder.h"

namespace precis::index {

struct FakeEncoderOptions {
  std::string name = "fake";
  std::string fingerprint = "fake-fingerprint";
  int dimensions = 64;
  int64_t max_tokens = 512;
};

class FakeEncoder : public engine::Embedder {
 public:
  explicit FakeEncoder(FakeEncoderOptions options = {});
  ~FakeEncoder() override;
  const engine::ModelInfo& info() const override { return info_; }
  const engine::Tokenizer& tokenizer() const override { return *tokenizer_; }
  absl::StatusOr<std::vector<engine::Embedding>> Embed(std::span<const std::string_view> texts,
                                                       const engine::EmbedOptions& options,
                                                       const CallContext& call) override;
  // Texts embedded so far, and the tag that came with the last one.
  int64_t embedded() const { return embedded_.load(); }

 private:
  engine::ModelInfo info_;
  std::unique_ptr<engine::Tokenizer> tokenizer_;
  std::atomic<int64_t> embedded_{0};
};

}  // namespace precis::index
