#include "tokenizers/score_bpe.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "absl/strings/str_cat.h"
#include "precis/base/utf8.h"

namespace precis::engine {
namespace {

constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  // U+2581

// Where a U+2581 stands behind another character, from `from` on; npos: nowhere.
size_t FindBorder(std::string_view text, size_t from) {
  for (size_t at = text.find(kSpaceMark, from + 1); at != std::string_view::npos;
       at = text.find(kSpaceMark, at + kSpaceMark.size())) {
    if (at < kSpaceMark.size() || text.substr(at - kSpaceMark.size(), kSpaceMark.size()) != kSpaceMark) return at;
  }
  return std::string_view::npos;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ScoreBpe>> ScoreBpe::Create(std::shared_ptr<const Vocabulary> vocabulary,
                                                           const std::vector<float>& scores,
                                                           const std::array<TokenId, 256>& byte_tokens,
                                                           TokenId unknown) {
  if (scores.size() < static_cast<size_t>(vocabulary->size())) {
    return absl::InvalidArgumentError(
        absl::StrCat("there are ", scores.size(), " scores for ", vocabulary->size(), " tokens"));
  }
  std::unique_ptr<ScoreBpe> model(new ScoreBpe(vocabulary, byte_tokens, unknown));
  std::vector<float> ordered;
  for (TokenId id = 0; id < vocabulary->size(); ++id) {
    if (!vocabulary->Has(id)) continue;
    const float score = scores[static_cast<size_t>(id)];
    if (!std::isfinite(score)) {
      return absl::InvalidArgumentError(absl::StrCat("the score of token ", id, " is not a finite number"));
    }
    ordered.push_back(score);
    const std::string_view text = vocabulary->Text(id);
    for (size_t at = FindBorder(text, 0); at != std::string_view::npos; at = FindBorder(text, at)) {
      model->joins_space_[static_cast<uint8_t>(text[at - 1])] = true;
    }
  }
  std::sort(ordered.begin(), ordered.end(), std::greater<>());
  ordered.erase(std::unique(ordered.begin(), ordered.end()), ordered.end());
  model->ranks_.assign(static_cast<size_t>(vocabulary->size()), Merge::kNone);
  for (TokenId id = 0; id < vocabulary->size(); ++id) {
    if (!vocabulary->Has(id)) continue;
    const auto at = std::lower_bound(ordered.begin(), ordered.end(), scores[static_cast<size_t>(id)], std::greater<>());
    model->ranks_[static_cast<size_t>(id)] = static_cast<uint32_t>(at - ordered.begin());
  }
  return model;
}

size_t ScoreBpe::FindCut(std::string_view text, size_t from) const {
  size_t at = from;
  do {
    at = FindBorder(text, at);
  } while (at != std::string_view::npos && joins_space_[static_cast<uint8_t>(text[at - 1])]);
  return std::min(at, text.size());
}

void ScoreBpe::Encode(std::string_view word, uint32_t offset, std::vector<Piece>* pieces) const {
  for (size_t begin = 0; begin < word.size();) {
    const size_t end = FindCut(word, begin);
    const std::string_view stretch = word.substr(begin, end - begin);
    const auto first = offset + static_cast<uint32_t>(begin);
    const TokenId id = stretch.size() <= vocabulary_->longest() ? vocabulary_->Find(stretch) : -1;
    if (id < 0) {
      EncodeStretch(stretch, first, pieces);
    } else {
      whole_words_.Append({id, first, offset + static_cast<uint32_t>(end)}, pieces,
                          [&] { EncodeStretch(stretch, first, pieces); });
    }
    begin = end;
  }
}

void ScoreBpe::EncodeStretch(std::string_view stretch, uint32_t offset, std::vector<Piece>* pieces) const {
  const size_t first = pieces->size();
  bool all_tokens = true;
  for (uint32_t i = 0; i < stretch.size();) {
    const auto length = static_cast<uint32_t>(DecodeUtf8(stretch, i).length);
    const TokenId id = vocabulary_->Find(stretch.substr(i, length));
    all_tokens = all_tokens && id >= 0;
    pieces->push_back({id, offset + i, offset + i + length});
    i += length;
  }
  const size_t left = MergeSymbols(pieces->data() + first, pieces->size() - first, [&](const Piece& a, const Piece& b) {
    const size_t length = b.end - a.begin;
    if (length > vocabulary_->longest()) return Merge{};
    const TokenId id = vocabulary_->Find(stretch.substr(a.begin - offset, length));
    return id < 0 ? Merge{} : Merge{ranks_[static_cast<size_t>(id)], id};
  });
  pieces->resize(first + left);
  if (all_tokens) return;
  std::vector<Piece> symbols(pieces->begin() + static_cast<ptrdiff_t>(first), pieces->end());
  pieces->resize(first);
  for (const Piece& symbol : symbols) {
    if (symbol.id >= 0) {
      pieces->push_back(symbol);
    } else {
      AppendUnknown(stretch.substr(symbol.begin - offset, symbol.end - symbol.begin), symbol.begin, pieces);
    }
  }
}

void ScoreBpe::AppendUnknown(std::string_view character, uint32_t offset, std::vector<Piece>* pieces) const {
  const bool by_bytes = std::all_of(character.begin(), character.end(),
                                    [&](char byte) { return byte_tokens_[static_cast<uint8_t>(byte)] >= 0; });
  if (!by_bytes) {
    if (unknown_ >= 0) pieces->push_back({unknown_, offset, offset + static_cast<uint32_t>(character.size())});
    return;
  }
  for (uint32_t i = 0; i < character.size(); ++i) {
    pieces->push_back({byte_tokens_[static_cast<uint8_t>(character[i])], offset + i, offset + i + 1});
  }
}

void ScoreBpe::Fingerprint(Hasher* hasher) const {
  hasher->Field("score-bpe").Field(int64_t{unknown_});
  for (const TokenId id : byte_tokens_) hasher->Field(int64_t{id});
  vocabulary_->Fingerprint(hasher);
  for (const uint32_t rank : ranks_) hasher->Field(int64_t{rank});
}

}  // namespace precis::engine
