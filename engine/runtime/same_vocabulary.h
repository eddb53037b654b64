// Whether a draft model speaks the very tokens of the model that it drafts for.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "precis/engine/tokenizer.h"

namespace precis::engine {

// FailedPrecondition with the first difference: the sizes, a token and what it stands for in both, or a special token.
// `name` and `draft_name` are for the message.
absl::Status CheckSameVocabulary(const Tokenizer& tokenizer, const std::string& name, const Tokenizer& draft,
                                 const std::string& draft_name);

}  // namespace precis::engine
