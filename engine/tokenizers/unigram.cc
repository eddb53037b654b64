#include "tokenizers/unigram.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "precis/base/utf8.h"

namespace precis::engine {

absl::StatusOr<std::unique_ptr<Unigram>> Unigram::Create(std::shared_ptr<const Vocabulary> vocabulary,
                                                         std::vector<double> scores, double worst_score,
                                                         const std::array<TokenId, 256>& byte_tokens, TokenId unknown) {
  if (unknown < 0) return absl::InvalidArgumentError("a Unigram model needs an unknown token, and none is named");
  if (scores.size() < static_cast<size_t>(vocabulary->size())) {
    return absl::InvalidArgumentError(
        absl::StrCat("there are ", scores.size(), " scores for ", vocabulary->size(), " tokens"));
  }
  std::vector<std::pair<std::string, int32_t>> entries;
  for (TokenId id = 0; id < vocabulary->size(); ++id) {
    if (!vocabulary->Has(id)) continue;
    if (!std::isfinite(scores[static_cast<size_t>(id)])) {
      return absl::InvalidArgumentError(absl::StrCat("the score of token ", id, " is not a finite number"));
    }
    if (!vocabulary->Text(id).empty()) entries.emplace_back(vocabulary->Text(id), id);
  }
  constexpr double kUnknownPenalty = 10;
  std::unique_ptr<Unigram> model(new Unigram());
  model->vocabulary_ = std::move(vocabulary);
  model->scores_ = std::move(scores);
  model->unknown_score_ = worst_score - kUnknownPenalty;
  model->byte_tokens_ = byte_tokens;
  model->unknown_ = unknown;
  model->trie_ = ByteTrie(std::move(entries));
  return model;
}

void Unigram::Encode(std::string_view word, uint32_t offset, std::vector<Piece>* pieces) const {
  // The best way to reach each byte, if there is one. An id of -1 is the unknown token, which is kept apart from one
  // with its id.
  struct Reached {
    double score;
    uint32_t begin;
    TokenId id;
    bool reached;
  };
  std::array<Reached, 64> few;  // for nearly all words; only what they need is initialised
  std::vector<Reached> many;
  Reached* best = few.data();
  if (word.size() < few.size()) {
    std::fill_n(best, word.size() + 1, Reached{});
  } else {
    many.resize(word.size() + 1);
    best = many.data();
  }
  const auto offer = [&](size_t begin, size_t end, TokenId id, double score) {
    const double total = best[begin].score + score;
    if (!best[end].reached || total > best[end].score) best[end] = {total, static_cast<uint32_t>(begin), id, true};
  };
  for (size_t i = 0; i < word.size();) {
    const auto length = static_cast<size_t>(DecodeUtf8(word, i).length);
    bool single = false;
    trie_.Prefixes(word, i, [&](size_t token_length, int32_t id) {
      single = single || token_length == length;
      offer(i, i + token_length, id, scores_[static_cast<size_t>(id)]);
    });
    if (!single) offer(i, i + length, -1, unknown_score_);
    i += length;
  }
  const size_t first = pieces->size();
  for (auto end = static_cast<uint32_t>(word.size()); end > 0;) {
    const Reached& node = best[end];
    const bool unknown = node.id < 0 || node.id == unknown_;
    if (unknown && pieces->size() > first && pieces->back().id == -1) {
      pieces->back().begin = offset + node.begin;
    } else {
      pieces->push_back({unknown ? -1 : node.id, offset + node.begin, offset + end});
    }
    end = node.begin;
  }
  std::reverse(pieces->begin() + static_cast<std::ptrdiff_t>(first), pieces->end());
  const auto is_unknown = [](const Piece& piece) { return piece.id == -1; };
  if (std::none_of(pieces->begin() + static_cast<std::ptrdiff_t>(first), pieces->end(), is_unknown)) return;
  const std::vector<Piece> chosen(pieces->begin() + static_cast<std::ptrdiff_t>(first), pieces->end());
  pieces->resize(first);
  for (const Piece& piece : chosen) {
    if (piece.id >= 0) {
      pieces->push_back(piece);
    } else {
      AppendUnknown(word.substr(piece.begin - offset, piece.end - piece.begin), piece.begin, pieces);
    }
  }
}

void Unigram::AppendUnknown(std::string_view word, uint32_t offset, std::vector<Piece>* pieces) const {
  const bool by_bytes =
      std::all_of(word.begin(), word.end(), [&](char byte) { return byte_tokens_[static_cast<uint8_t>(byte)] >= 0; });
  if (!by_bytes) {
    pieces->push_back({unknown_, offset, offset + static_cast<uint32_t>(word.size())});
    return;
  }
  for (uint32_t i = 0; i < word.size(); ++i) {
    pieces->push_back({byte_tokens_[static_cast<uint8_t>(word[i])], offset + i, offset + i + 1});
  }
}

void Unigram::Fingerprint(Hasher* hasher) const {
  hasher->Field("unigram").Field(int64_t{unknown_}).Field(unknown_score_);
  for (const TokenId id : byte_tokens_) hasher->Field(int64_t{id});
  vocabulary_->Fingerprint(hasher);
  for (TokenId id = 0; id < vocabulary_->size(); ++id) hasher->Field(scores_[static_cast<size_t>(id)]);
}

}  // namespace precis::engine
