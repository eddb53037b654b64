// WordPiece: the longest token first, from left to right (BERT, arXiv 1810.04805).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tokenizers/byte_trie.h"
#include "tokenizers/model.h"
#include "tokenizers/vocabulary.h"

namespace precis::engine {

struct WordPieceOptions {
  TokenId unknown = -1;                  // what a word that cannot be spelled becomes
  std::string continuing_prefix = "##";  // marks a token that continues a word
  int max_chars_per_word = 100;          // a longer word is unknown
};

class WordPiece final : public TokenModel {
 public:
  // Errors: InvalidArgument when the unknown token is not in the vocabulary.
  static absl::StatusOr<std::unique_ptr<WordPiece>> Create(std::shared_ptr<const Vocabulary> vocabulary,
                                                           const WordPieceOptions& options);
  void Encode(std::string_view word, uint32_t offset, std::vector<Piece>* pieces) const override;
  void Fingerprint(Hasher* hasher) const override;

 private:
  WordPiece(std::shared_ptr<const Vocabulary> vocabulary, const WordPieceOptions& options);

  std::shared_ptr<const Vocabulary> vocabulary_;
  WordPieceOptions options_;
  ByteTrie begins_, continues_;  // tokens at the start of a word and, without their prefix, inside one
};

}  // namespace precis::engine
