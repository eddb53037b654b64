// Special tokens whose role no file states are known by their published names.
#pragma once

#include <vector>

#include "precis/engine/tokenizer.h"
#include "tokenizers/added_tokens.h"

namespace precis::engine {

// Sets the roles that are still -1.
void FillSpecialByName(const std::vector<AddedToken>& added, SpecialTokens* special);

}  // namespace precis::engine
