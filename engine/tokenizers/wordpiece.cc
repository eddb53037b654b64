#include "tokenizers/wordpiece.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "precis/base/utf8.h"

namespace precis::engine {

absl::StatusOr<std::unique_ptr<WordPiece>> WordPiece::Create(std::shared_ptr<const Vocabulary> vocabulary,
                                                             const WordPieceOptions& options) {
  if (!vocabulary->Has(options.unknown)) {
    return absl::InvalidArgumentError(
        absl::StrCat("a WordPiece model needs an unknown token, id ", options.unknown, " is not in the vocabulary"));
  }
  return std::unique_ptr<WordPiece>(new WordPiece(std::move(vocabulary), options));
}

WordPiece::WordPiece(std::shared_ptr<const Vocabulary> vocabulary, const WordPieceOptions& options)
    : vocabulary_(std::move(vocabulary)), options_(options) {
  std::vector<std::pair<std::string, int32_t>> begins, continues;
  for (TokenId id = 0; id < vocabulary_->size(); ++id) {
    const std::string_view text = vocabulary_->Text(id);
    if (text.empty()) continue;
    begins.emplace_back(text, id);
    if (text.size() > options_.continuing_prefix.size() && text.starts_with(options_.continuing_prefix)) {
      continues.emplace_back(text.substr(options_.continuing_prefix.size()), id);
    }
  }
  begins_ = ByteTrie(std::move(begins));
  continues_ = ByteTrie(std::move(continues));
}

void WordPiece::Encode(std::string_view word, uint32_t offset, std::vector<Piece>* pieces) const {
  if (word.empty()) return;
  const size_t before = pieces->size();
  const auto end = offset + static_cast<uint32_t>(word.size());
  int chars = 0;
  for (size_t i = 0; i < word.size() && chars <= options_.max_chars_per_word; ++chars) {
    i += static_cast<size_t>(DecodeUtf8(word, i).length);
  }
  bool spelled = chars <= options_.max_chars_per_word;
  for (size_t i = 0; spelled && i < word.size();) {
    size_t length = 0;
    TokenId id = -1;
    (i == 0 ? begins_ : continues_).Prefixes(word, i, [&](size_t found_length, int32_t value) {
      // A token never ends inside a character.
      const size_t next = i + found_length;
      if (next < word.size() && (static_cast<uint8_t>(word[next]) & 0xC0) == 0x80) return;
      length = found_length;
      id = value;
    });
    spelled = id >= 0;
    if (!spelled) break;
    const auto begin = offset + static_cast<uint32_t>(i);
    pieces->push_back({id, begin, begin + static_cast<uint32_t>(length)});
    i += length;
  }
  if (!spelled) {
    pieces->resize(before);
    pieces->push_back({options_.unknown, offset, end});
  }
}

void WordPiece::Fingerprint(Hasher* hasher) const {
  hasher->Field("wordpiece").Field(int64_t{options_.unknown}).Field(options_.continuing_prefix);
  hasher->Field(int64_t{options_.max_chars_per_word});
  vocabulary_->Fingerprint(hasher);
}

}  // namespace precis::engine
