#include "tokenizers/score_bpe.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "absl/strings/str_cat.h"
#include "precis/base/utf8.h"

namespace precis::engine {

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

void ScoreBpe::Encode(std::string_view word, uint32_t offset, std::vector<Piece>* pieces) const {
  const size_t first = pieces->size();
  bool all_tokens = true;
  for (uint32_t i = 0; i < word.size();) {
    const auto length = static_cast<uint32_t>(DecodeUtf8(word, i).length);
    const TokenId id = vocabulary_->Find(word.substr(i, length));
    all_tokens = all_tokens && id >= 0;
    pieces->push_back({id, offset + i, offset + i + length});
    i += length;
  }
  const size_t left = MergeSymbols(pieces->data() + first, pieces->size() - first, [&](const Piece& a, const Piece& b) {
    const size_t length = b.end - a.begin;
    if (length > vocabulary_->longest()) return Merge{};
    const TokenId id = vocabulary_->Find(word.substr(a.begin - offset, length));
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
      AppendUnknown(word.substr(symbol.begin - offset, symbol.end - symbol.begin), symbol.begin, pieces);
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
