// The tokens of a model as byte strings, both ways. Ids may have gaps.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "precis/base/hash.h"
#include "precis/engine/tokenizer.h"

namespace precis::engine {

inline constexpr int64_t kMaxVocabulary = 4 << 20;
inline constexpr size_t kMaxTokenBytes = 65535;

// Immutable after the last Add; then thread-safe.
class Vocabulary {
 public:
  // Errors: InvalidArgument for an id outside [0, kMaxVocabulary), a token longer than kMaxTokenBytes, or an id that
  // has a token already. Of two ids with one text, Find answers the first; files with such twins exist.
  [[nodiscard]] absl::Status Add(std::string_view token, TokenId id);

  // -1 when there is none.
  TokenId Find(std::string_view token) const {
    const auto found = ids_.find(absl::string_view(token.data(), token.size()));
    return found == ids_.end() ? -1 : found->second;
  }
  bool Has(TokenId id) const { return id >= 0 && id < size() && slots_[static_cast<size_t>(id)].present; }
  // Empty for an id without a token.
  std::string_view Text(TokenId id) const {
    return Has(id) ? std::string_view(slots_[static_cast<size_t>(id)].text) : std::string_view();
  }
  // Largest id + 1.
  TokenId size() const { return static_cast<TokenId>(slots_.size()); }
  size_t longest() const { return longest_; }

  void Fingerprint(Hasher* hasher) const;

 private:
  struct Slot {
    std::string text;
    bool present = false;
  };
  std::vector<Slot> slots_;
  absl::flat_hash_map<std::string, TokenId> ids_;
  size_t longest_ = 0;
};

}  // namespace precis::engine
