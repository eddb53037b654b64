#include "tokenizers/bpe.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "precis/base/utf8.h"

namespace precis::engine {

std::string ByteTokenText(int byte) { return absl::StrFormat("<0x%02X>", byte); }

Bpe::Bpe(std::shared_ptr<const Vocabulary> vocabulary, const BpeOptions& options, size_t merges)
    : vocabulary_(std::move(vocabulary)), options_(options), merges_(merges) {
  byte_tokens_.fill(-1);
  for (int byte = 0; byte < 256; ++byte) {
    const char text = static_cast<char>(byte);
    if (options_.byte_level) {
      byte_tokens_[static_cast<size_t>(byte)] = vocabulary_->Find(std::string_view(&text, 1));
    } else if (options_.byte_fallback) {
      byte_tokens_[static_cast<size_t>(byte)] = vocabulary_->Find(ByteTokenText(byte));
    }
  }
}

absl::StatusOr<std::unique_ptr<Bpe>> Bpe::Create(std::shared_ptr<const Vocabulary> vocabulary,
                                                 const std::vector<TokenPair>& merges, const BpeOptions& options) {
  if (options.unknown != -1 && !vocabulary->Has(options.unknown)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the unknown token ", options.unknown, " is not in the vocabulary of ", vocabulary->size()));
  }
  std::unique_ptr<Bpe> bpe(new Bpe(vocabulary, options, merges.size()));
  std::string joined;
  for (size_t i = 0; i < merges.size(); ++i) {
    const auto [left, right] = merges[i];
    if (!vocabulary->Has(left) || !vocabulary->Has(right)) {
      return absl::InvalidArgumentError(
          absl::StrCat("merge ", i, " names token ", vocabulary->Has(left) ? right : left, ", which does not exist"));
    }
    joined.assign(vocabulary->Text(left));
    joined.append(vocabulary->Text(right));
    const TokenId id = vocabulary->Find(joined);
    if (id < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("merge ", i, " joins tokens ", left, " and ", right, " to a text that is no token"));
    }
    // Of a pair that is there twice the last one counts, as in the reference.
    bpe->merges_.Put(left, right, {static_cast<uint32_t>(i), id});
  }
  return bpe;
}

void Bpe::Encode(std::string_view word, uint32_t offset, std::vector<Piece>* pieces) const {
  if (word.empty()) return;
  if (options_.ignore_merges && word.size() <= vocabulary_->longest()) {
    const TokenId id = vocabulary_->Find(word);
    if (id >= 0) return pieces->push_back({id, offset, offset + static_cast<uint32_t>(word.size())});
  }
  const size_t first = pieces->size();
  AppendSymbols(word, offset, pieces);
  const size_t left = MergeSymbols(pieces->data() + first, pieces->size() - first,
                                   [this](const Piece& a, const Piece& b) { return merges_.Find(a.id, b.id); });
  pieces->resize(first + left);
}

void Bpe::AppendSymbols(std::string_view word, uint32_t offset, std::vector<Piece>* pieces) const {
  uint32_t length = 1;
  bool after_unknown = false;  // the character before had no token, which a token of the same id does not show
  for (uint32_t i = 0; i < word.size(); i += length) {
    const bool fuse = after_unknown && options_.fuse_unknown;
    after_unknown = false;
    TokenId id;
    if (options_.byte_level) {
      id = byte_tokens_[static_cast<uint8_t>(word[i])];
    } else {
      length = static_cast<uint32_t>(DecodeUtf8(word, i).length);
      id = vocabulary_->Find(word.substr(i, length));
    }
    const uint32_t begin = offset + i;
    if (id < 0 && options_.byte_fallback && AppendFallback(word.substr(i, length), begin, pieces)) continue;
    if (id < 0) {
      id = options_.unknown;
      if (id < 0) continue;
      after_unknown = true;
      if (fuse) {
        pieces->back().end = begin + length;
        continue;
      }
    }
    pieces->push_back({id, begin, begin + length});
  }
}

bool Bpe::AppendFallback(std::string_view character, uint32_t offset, std::vector<Piece>* pieces) const {
  for (const char byte : character) {
    if (byte_tokens_[static_cast<uint8_t>(byte)] < 0) return false;
  }
  for (uint32_t i = 0; i < character.size(); ++i) {
    pieces->push_back({byte_tokens_[static_cast<uint8_t>(character[i])], offset + i, offset + i + 1});
  }
  return true;
}

void Bpe::Fingerprint(Hasher* hasher) const {
  hasher->Field("bpe");
  for (const bool option :
       {options_.byte_level, options_.byte_fallback, options_.ignore_merges, options_.fuse_unknown}) {
    hasher->Field(int64_t{option});
  }
  hasher->Field(int64_t{options_.unknown});
  vocabulary_->Fingerprint(hasher);
  // In order of rank: the table has none.
  std::vector<std::pair<uint32_t, uint64_t>> ordered;
  merges_.ForEach([&](uint64_t pair, const Merge& merge) { ordered.emplace_back(merge.rank, pair); });
  std::sort(ordered.begin(), ordered.end());
  hasher->Field(static_cast<int64_t>(ordered.size()));
  for (const auto& [rank, pair] : ordered) hasher->Field(static_cast<int64_t>(pair));
}

}  // namespace precis::engine
