#include "tokenizers/vocabulary.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "formats/quoted.h"

namespace precis::engine {

absl::Status Vocabulary::Add(std::string_view token, TokenId id) {
  if (id < 0 || id >= kMaxVocabulary) {
    return absl::InvalidArgumentError(absl::StrCat("token ", Quoted(token), " has the id ", id, ", ids from 0 to ",
                                                   kMaxVocabulary - 1, " are supported"));
  }
  if (token.size() > kMaxTokenBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("token ", id, " has ", token.size(), " bytes, at most ", kMaxTokenBytes, " are supported"));
  }
  if (id >= size()) slots_.resize(static_cast<size_t>(id) + 1);
  Slot& slot = slots_[static_cast<size_t>(id)];
  if (slot.present) {
    return absl::InvalidArgumentError(
        absl::StrCat("tokens ", Quoted(slot.text), " and ", Quoted(token), " have the same id ", id));
  }
  slot = {std::string(token), true};
  ids_.emplace(std::string(token), id);
  longest_ = std::max(longest_, token.size());
  return absl::OkStatus();
}

void Vocabulary::Fingerprint(Hasher* hasher) const {
  hasher->Field(int64_t{size()});
  for (const Slot& slot : slots_) hasher->Field(int64_t{slot.present}).Field(slot.text);
}

}  // namespace precis::engine
