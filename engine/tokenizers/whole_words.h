// Remembers which tokens a merging model gives for their own text, so that a frequent word costs one look-up.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "tokenizers/model.h"

namespace precis::engine {

// Thread-safe: relaxed atomics, because a lost update costs a second look and never another result.
class WholeWords {
 public:
  explicit WholeWords(TokenId vocabulary_size) : states_(static_cast<size_t>(vocabulary_size)) {}

  // Appends the pieces of `word`, whose text is that of token `id`. `encode()` appends them the slow way.
  template <typename Encode>
  void Append(const Piece& word, std::vector<Piece>* pieces, const Encode& encode) const {
    std::atomic<State>& state = states_[static_cast<size_t>(word.id)];
    if (state.load(std::memory_order_relaxed) == State::kWhole) {
      pieces->push_back(word);
      return;
    }
    const size_t before = pieces->size();
    encode();
    const bool whole = pieces->size() == before + 1 && pieces->back().id == word.id && pieces->back().end == word.end;
    state.store(whole ? State::kWhole : State::kSplit, std::memory_order_relaxed);
  }

 private:
  enum class State : uint8_t { kNotAsked, kWhole, kSplit };
  mutable std::vector<std::atomic<State>> states_;
};

}  // namespace precis::engine
