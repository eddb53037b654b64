// The one tokenizer class: added tokens, normalizers, pre-tokenizers, model, decoder, in the order that tokenizer.json
// defines. What differs between models is which parts stand in it; the loaders put them together.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "precis/engine/tokenizer.h"
#include "tokenizers/added_tokens.h"
#include "tokenizers/decoder.h"
#include "tokenizers/encode_scratch.h"
#include "tokenizers/model.h"
#include "tokenizers/normalize.h"
#include "tokenizers/pretokenize.h"

namespace precis::engine {

// What has no place to cut is merged as a whole, at some fifty bytes of memory for each of its own.
inline constexpr size_t kMaxWordBytes = size_t{32} << 20;

struct TokenizerParts {
  std::vector<AddedToken> added;
  std::vector<std::unique_ptr<Normalizer>> normalizers;
  std::vector<std::unique_ptr<PreTokenizer>> pre_tokenizers;
  // Cuts the words further where the model gives the same ids: shorter words are merged faster, and more of them are
  // words seen before. No part of the fingerprint. May be null.
  std::unique_ptr<PreTokenizer> shortcut;
  std::unique_ptr<TokenModel> model;
  std::vector<TokenId> prefix, suffix;  // around the ids with add_special
  Decoding decoding;                    // has a piece for every id of the vocabulary
  SpecialTokens special;
};

class PipelineTokenizer final : public Tokenizer {
 public:
  // Errors: InvalidArgument for added or special tokens outside the vocabulary or of a hostile size.
  static absl::StatusOr<std::shared_ptr<const Tokenizer>> Create(TokenizerParts parts);

  absl::StatusOr<std::vector<Token>> EncodeWithOffsets(std::string_view text,
                                                       const EncodeOptions& options) const override;
  absl::StatusOr<std::vector<TokenId>> Encode(std::string_view text, const EncodeOptions& options) const override;
  absl::StatusOr<std::string> Decode(std::span<const TokenId> ids, bool skip_special) const override;
  std::string_view TokenBytes(TokenId id) const override;
  int vocabulary_size() const override { return static_cast<int>(parts_.decoding.pieces.size()); }
  const SpecialTokens& special() const override { return parts_.special; }
  int special_tokens_added() const override { return static_cast<int>(parts_.prefix.size() + parts_.suffix.size()); }
  const std::string& fingerprint() const override { return fingerprint_; }

 private:
  explicit PipelineTokenizer(TokenizerParts parts);
  bool Exists(TokenId id) const { return id >= 0 && id < vocabulary_size(); }
  std::string Normalized(const std::string& text) const;

  template <typename Sink>
  absl::Status Run(std::string_view text, const EncodeOptions& options, bool track, Sink* sink) const;
  template <typename Sink>
  absl::Status RunFragment(AlignedText text, bool parse_special, EncodeScratch* scratch, Sink* sink) const;
  template <typename Sink>
  absl::Status RunWords(AlignedText text, EncodeScratch* scratch, Sink* sink) const;

  TokenizerParts parts_;
  AddedTokens in_source_, in_normalized_;
  std::vector<bool> is_special_;  // by id
  std::string fingerprint_;
  mutable ScratchPool scratches_;
};

}  // namespace precis::engine
