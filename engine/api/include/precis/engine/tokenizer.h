// Text to token ids and back. One tokenizer belongs to one model; budgets, chunk sizes and windows are counted with it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "precis/base/byte_range.h"

namespace precis::engine {

using TokenId = int32_t;

// A token and the bytes of the input that it stands for. Special tokens that the tokenizer adds have an empty range,
// and so has the token of a leading space that normalisation puts in front of a text (SentencePiece). Ranges never
// decrease; a code point split over several tokens gives each of them its own bytes (byte-level BPE), and bytes that
// normalisation removed (control characters, accents) belong to no range.
struct Token {
  TokenId id;
  ByteRange bytes;
};

struct EncodeOptions {
  bool add_special = false;    // adds what the model expects around a text: [CLS]..[SEP], <bos>
  bool parse_special = false;  // text that spells a special token becomes that token; off, it is ordinary text
};

// Ids of the model's special tokens; -1 where it has none.
struct SpecialTokens {
  TokenId bos = -1, eos = -1, end_of_turn = -1, unk = -1, pad = -1, cls = -1, sep = -1, mask = -1;
};

// Thread-safe and immutable after loading. Deterministic.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // Any bytes are accepted: invalid UTF-8 is treated as the reference tokenizer of the model treats it after replacing
  // invalid bytes by U+FFFD (byte-level tokenizers keep the bytes). Errors: ResourceExhausted above 256 MiB of text.
  [[nodiscard]] virtual absl::StatusOr<std::vector<Token>> EncodeWithOffsets(std::string_view text,
                                                                             const EncodeOptions& options) const = 0;

  // The ids alone; faster than EncodeWithOffsets.
  [[nodiscard]] virtual absl::StatusOr<std::vector<TokenId>> Encode(std::string_view text,
                                                                    const EncodeOptions& options) const = 0;

  // The text of the ids, as the reference decodes them. Errors: InvalidArgument for an id outside the vocabulary.
  // The result may be invalid UTF-8 when the ids end inside a code point.
  [[nodiscard]] virtual absl::StatusOr<std::string> Decode(std::span<const TokenId> ids, bool skip_special) const = 0;

  // What token `id` appends to a text that is already under way (streaming). Empty for special tokens and for ids
  // outside the vocabulary. Valid as long as the tokenizer.
  virtual std::string_view TokenBytes(TokenId id) const = 0;

  // Number of tokens of `text` without special tokens. Errors as Encode.
  [[nodiscard]] absl::StatusOr<int64_t> CountTokens(std::string_view text) const {
    auto ids = Encode(text, EncodeOptions{});
    if (!ids.ok()) return ids.status();
    return static_cast<int64_t>(ids->size());
  }

  virtual int vocabulary_size() const = 0;
  virtual const SpecialTokens& special() const = 0;
  // How many tokens EncodeOptions::add_special adds to every text.
  virtual int special_tokens_added() const = 0;
  // Hash of everything that changes the ids. Two tokenizers with equal fingerprints count alike.
  virtual const std::string& fingerprint() const = 0;
};

}  // namespace precis::engine
