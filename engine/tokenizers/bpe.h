// Byte-pair encoding by ranked merges (Sennrich et al., arXiv 1508.07909), over bytes (GPT-2) or characters with or
// without byte fallback (Llama's tokenizer.json).
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "tokenizers/merge.h"
#include "tokenizers/model.h"
#include "tokenizers/pair_table.h"
#include "tokenizers/vocabulary.h"

namespace precis::engine {

struct BpeOptions {
  bool byte_level = false;     // symbols are bytes, else code points
  bool byte_fallback = false;  // a character without a token becomes the tokens <0xNN> of its bytes, if all are there
  bool ignore_merges = false;  // a word that is a token stays whole, whatever the merges say (Llama 3)
  bool fuse_unknown = false;   // neighbouring unknown characters share one token
  TokenId unknown = -1;        // for what has no token; -1: it is dropped, as the reference does
};

class Bpe final : public TokenModel {
 public:
  using TokenPair = std::pair<TokenId, TokenId>;
  // `merges` from the first to be applied to the last. Errors: InvalidArgument, with the number of the merge, when it
  // names an unknown token or its result is no token; or for an unknown token outside the vocabulary.
  static absl::StatusOr<std::unique_ptr<Bpe>> Create(std::shared_ptr<const Vocabulary> vocabulary,
                                                     const std::vector<TokenPair>& merges, const BpeOptions& options);

  void Encode(std::string_view word, uint32_t offset, std::vector<Piece>* pieces) const override;
  void Fingerprint(Hasher* hasher) const override;

 private:
  Bpe(std::shared_ptr<const Vocabulary> vocabulary, const BpeOptions& options, size_t merges);
  void AppendSymbols(std::string_view word, uint32_t offset, std::vector<Piece>* pieces) const;
  bool AppendFallback(std::string_view character, uint32_t offset, std::vector<Piece>* pieces) const;

  std::shared_ptr<const Vocabulary> vocabulary_;
  BpeOptions options_;
  PairTable merges_;
  std::array<TokenId, 256> byte_tokens_;  // byte_level: of the byte; byte_fallback: <0xNN>; -1: none
};

// "<0x0A>" for 10.
std::string ByteTokenText(int byte);

}  // namespace precis::engine
