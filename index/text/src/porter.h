// The stemmer of M. F. Porter, "An algorithm for suffix stripping", Program 14(3), 1980.
#pragma once

#include <string>

namespace precis::text {

// Stems `word` in place. Words of other than lower-case ASCII letters, or of fewer than three, stay as they are.
void PorterStem(std::string* word);

}  // namespace precis::text
