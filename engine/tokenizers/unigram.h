// SentencePiece's unigram language model (Kudo, arXiv 1804.10959): the segmentation with the best sum of scores.
#pragma once

#include <array>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tokenizers/byte_trie.h"
#include "tokenizers/model.h"
#include "tokenizers/vocabulary.h"

namespace precis::engine {

class Unigram final : public TokenModel {
 public:
  // `vocabulary` holds the tokens that text can become, `scores[id]` their log-probabilities, and `worst_score` the
  // lowest of the whole model; an unknown character costs 10 more. Neighbouring unknown characters share one `unknown`
  // token, or become byte tokens where `byte_tokens` has them all. Errors: InvalidArgument for a missing unknown token
  // or scores that are missing or not finite.
  static absl::StatusOr<std::unique_ptr<Unigram>> Create(std::shared_ptr<const Vocabulary> vocabulary,
                                                         std::vector<double> scores, double worst_score,
                                                         const std::array<TokenId, 256>& byte_tokens, TokenId unknown);
  void Encode(std::string_view word, uint32_t offset, std::vector<Piece>* pieces) const override;
  void Fingerprint(Hasher* hasher) const override;

 private:
  Unigram() = default;
  void AppendUnknown(std::string_view word, uint32_t offset, std::vector<Piece>* pieces) const;

  std::shared_ptr<const Vocabulary> vocabulary_;
  std::vector<double> scores_;
  double unknown_score_ = 0;
  std::array<TokenId, 256> byte_tokens_;
  TokenId unknown_ = -1;
  ByteTrie trie_;
};

}  // namespace precis::engine
