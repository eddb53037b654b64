// A BERT of two layers with random weights, and a tokenizer for which every byte is a token: what the embedder's tests
// use, so that they run without any model at hand.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "formats/hf_config.h"
#include "formats/safetensors.h"
#include "models/bert.h"
#include "precis/engine/tokenizer.h"
#include "runtime/text_embedder.h"
#include "safetensors_bytes.h"
#include "test_util.h"

namespace precis::engine {

// Ids: 0 [CLS], 1 [SEP], 2 + byte.
class ByteTokenizer final : public Tokenizer {
 public:
  absl::StatusOr<std::vector<Token>> EncodeWithOffsets(std::string_view text, const EncodeOptions&) const override {
    std::vector<Token> tokens;
    for (size_t i = 0; i < text.size(); ++i) {
      const int64_t at = static_cast<int64_t>(i);
      tokens.push_back({2 + static_cast<uint8_t>(text[i]), {at, at + 1}});
    }
    return tokens;
  }
  absl::StatusOr<std::vector<TokenId>> Encode(std::string_view text, const EncodeOptions&) const override {
    std::vector<TokenId> ids;
    for (const char c : text) ids.push_back(2 + static_cast<uint8_t>(c));
    return ids;
  }
  absl::StatusOr<std::string> Decode(std::span<const TokenId>, bool) const override { return std::string(); }
  std::string_view TokenBytes(TokenId) const override { return {}; }
  int vocabulary_size() const override { return 258; }
  const SpecialTokens& special() const override { return special_; }
  int special_tokens_added() const override { return 2; }
  const std::string& fingerprint() const override { return fingerprint_; }

 private:
  SpecialTokens special_{.cls = 0, .sep = 1};
  std::string fingerprint_ = "bytes";
};

inline EncoderConfig TinyConfig() {
  EncoderConfig config;
  config.model_type = "bert";
  config.hidden_size = 24;
  config.layers = 2;
  config.attention_heads = 3;
  config.intermediate_size = 40;
  config.max_position_embeddings = 64;
  config.vocabulary_size = 258;
  config.type_vocabulary_size = 2;
  config.max_tokens = 32;
  return config;
}

// The tensors of a model with that configuration. `old_names`: as the first BERT files call them.
inline NamedTensors TinyTensors(const EncoderConfig& config, const std::string& prefix = "", bool old_names = false) {
  NamedTensors tensors;
  TestRandom random(42);
  const int64_t h = config.hidden_size, inner = config.intermediate_size;
  const auto add = [&](const std::string& name, std::vector<int64_t> shape, float scale, float offset = 0) {
    int64_t n = 1;
    for (const int64_t d : shape) n *= d;
    std::vector<float> values = random.Vector(n, scale);
    for (float& v : values) v += offset;
    tensors[prefix + name] = {std::move(shape), std::move(values)};
  };
  const auto norm = [&](const std::string& name) {
    add(name + (old_names ? ".gamma" : ".weight"), {h}, 0.2f, 1.0f);
    add(name + (old_names ? ".beta" : ".bias"), {h}, 0.2f);
  };
  const auto dense = [&](const std::string& name, int64_t out, int64_t in) {
    add(name + ".weight", {out, in}, 0.3f);
    add(name + ".bias", {out}, 0.2f);
  };
  add("embeddings.word_embeddings.weight", {config.vocabulary_size, h}, 1);
  add("embeddings.position_embeddings.weight", {config.max_position_embeddings, h}, 0.5f);
  add("embeddings.token_type_embeddings.weight", {config.type_vocabulary_size, h}, 0.5f);
  norm("embeddings.LayerNorm");
  for (int64_t i = 0; i < config.layers; ++i) {
    const std::string p = absl::StrCat("encoder.layer.", i, ".");
    for (const char* part : {"query", "key", "value"}) dense(p + "attention.self." + part, h, h);
    dense(p + "attention.output.dense", h, h);
    norm(p + "attention.output.LayerNorm");
    dense(p + "intermediate.dense", inner, h);
    dense(p + "output.dense", h, inner);
    norm(p + "output.LayerNorm");
  }
  return tensors;
}

inline std::unique_ptr<BertEncoder> TinyEncoder(const EncoderConfig& config = TinyConfig()) {
  auto file = SafetensorsFile::FromBytes(SafetensorsBytes(TinyTensors(config)), "tiny");
  return std::move(BertEncoder::Load(*file, config, true)).value();
}

struct TinyOptions {
  int threads = 1;
  cpu::IsaLevel isa = cpu::BestIsaLevel();
  float temperature = 1;
  std::string query_prefix, document_prefix;
};

inline absl::StatusOr<std::shared_ptr<TextEmbedder>> MakeTinyEmbedder(const TinyOptions& options = {}) {
  EncoderModel parts;
  parts.encoder = TinyEncoder();
  parts.tokenizer = std::make_shared<ByteTokenizer>();
  parts.pool = cpu::ThreadPool::Shared(options.threads);
  parts.isa = options.isa;
  parts.temperature = options.temperature;
  parts.info.name = "tiny";
  parts.info.dimensions = 24;
  parts.info.max_tokens = 32;
  parts.info.query_prefix = options.query_prefix;
  parts.info.document_prefix = options.document_prefix;
  return TextEmbedder::Make(std::move(parts));
}

}  // namespace precis::engine
