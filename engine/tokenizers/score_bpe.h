// SentencePiece's BPE: any two neighbours whose texts together are a token may merge, the best score first.
#pragma once

#include <array>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tokenizers/merge.h"
#include "tokenizers/model.h"
#include "tokenizers/vocabulary.h"

namespace precis::engine {

class ScoreBpe final : public TokenModel {
 public:
  // `vocabulary` holds the tokens that text can become; `scores[id]` is finite for each of them. `byte_tokens[b]`, or
  // else `unknown` (-1: dropped), stands for what has no token. Errors: InvalidArgument for missing or non-finite
  // scores.
  static absl::StatusOr<std::unique_ptr<ScoreBpe>> Create(std::shared_ptr<const Vocabulary> vocabulary,
                                                          const std::vector<float>& scores,
                                                          const std::array<TokenId, 256>& byte_tokens, TokenId unknown);
  void Encode(std::string_view word, uint32_t offset, std::vector<Piece>* pieces) const override;
  void Fingerprint(Hasher* hasher) const override;

 private:
  ScoreBpe(std::shared_ptr<const Vocabulary> vocabulary, const std::array<TokenId, 256>& byte_tokens, TokenId unknown)
      : vocabulary_(std::move(vocabulary)), byte_tokens_(byte_tokens), unknown_(unknown) {}
  void AppendUnknown(std::string_view character, uint32_t offset, std::vector<Piece>* pieces) const;

  std::shared_ptr<const Vocabulary> vocabulary_;
  std::array<TokenId, 256> byte_tokens_;
  TokenId unknown_;
  std::vector<uint32_t> ranks_;  // by id: how many different scores are better
};

}  // namespace precis::engine
