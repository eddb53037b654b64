#include "fake_encoder.h"

#include <cctype>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace precis::index {
namespace {

uint64_t Mix(uint64_t value) {
  value ^= value >> 33;
  value *= 0xff51afd7ed558ccdULL;
  value ^= value >> 33;
  value *= 0xc4ceb9fe1a85ec53ULL;
  return value ^ value >> 33;
}

// One token for each run of characters that are not white space.
class WordTokenizer : public engine::Tokenizer {
 public:
  absl::StatusOr<std::vector<engine::Token>> EncodeWithOffsets(std::string_view text,
                                                               const engine::EncodeOptions&) const override {
    std::vector<engine::Token> tokens;
    for (size_t i = 0; i < text.size();) {
      if (std::isspace(static_cast<unsigned char>(text[i]))) {
        ++i;
        continue;
      }
      uint64_t hash = 14695981039346656037ULL;
      const size_t begin = i;
      for (; i < text.size() && !std::isspace(static_cast<unsigned char>(text[i])); ++i) {
        hash = (hash ^ static_cast<uint8_t>(text[i])) * 1099511628211ULL;
      }
      tokens.push_back(
          {static_cast<engine::TokenId>(hash % 1'000'003), {static_cast<int64_t>(begin), static_cast<int64_t>(i)}});
    }
    return tokens;
  }
  absl::StatusOr<std::vector<engine::TokenId>> Encode(std::string_view text,
                                                      const engine::EncodeOptions& options) const override {
    std::vector<engine::TokenId> ids;
    const auto tokens = EncodeWithOffsets(text, options);
    for (const engine::Token& token : *tokens) ids.push_back(token.id);
    return ids;
  }
  absl::StatusOr<std::string> Decode(std::span<const engine::TokenId>, bool) const override { return std::string(); }
  std::string_view TokenBytes(engine::TokenId) const override { return {}; }
  int vocabulary_size() const override { return 1'000'003; }
  const engine::SpecialTokens& special() const override { return special_; }
  int special_tokens_added() const override { return 2; }
  const std::string& fingerprint() const override { return fingerprint_; }

 private:
  engine::SpecialTokens special_;
  std::string fingerprint_ = "words";
};

}  // namespace

FakeEncoder::FakeEncoder(FakeEncoderOptions options) : tokenizer_(std::make_unique<WordTokenizer>()) {
  info_.name = options.name;
  info_.fingerprint = options.fingerprint;
  info_.dimensions = options.dimensions;
  info_.max_tokens = options.max_tokens;
}

FakeEncoder::~FakeEncoder() = default;

absl::StatusOr<std::vector<engine::Embedding>> FakeEncoder::Embed(std::span<const std::string_view> texts,
                                                                  const engine::EmbedOptions& options,
                                                                  const CallContext& call) {
  std::vector<engine::Embedding> embeddings;
  for (std::string_view text : texts) {
    if (absl::Status status = call.Check(); !status.ok()) return status;
    const auto ids = *tokenizer_->Encode(text, {});
    engine::Embedding out;
    out.tokens_total = out.tokens_used = static_cast<int64_t>(ids.size()) + 2;
    if (out.tokens_total > info_.max_tokens && options.long_input == engine::LongInput::kError) {
      return absl::InvalidArgumentError(absl::StrCat("text has ", out.tokens_total, " tokens"));
    }
    out.vector.assign(static_cast<size_t>(info_.dimensions), 0.0f);
    for (engine::TokenId id : ids) {
      for (size_t d = 0; d < out.vector.size(); ++d) {
        out.vector[d] += (Mix(static_cast<uint64_t>(id) * 977 + d) & 1) != 0 ? 1.0f : -1.0f;
      }
    }
    double square = 0;
    for (float value : out.vector) square += static_cast<double>(value) * value;
    if (square > 0) {
      for (float& value : out.vector) value = static_cast<float>(value / std::sqrt(square));
    }
    embeddings.push_back(std::move(out));
    ++embedded_;
  }
  return embeddings;
}

}  // namespace precis::index
