#pragma once

#include <memory>

#include "methods/method.h"

namespace precis::compress {

// Abstractive summary of a text of any length by merging or by updating (BooookScore, Chang et al. 2024, section 2).
// The receipt says which places of the text nothing in the summary is about, and how many sentences were left out for
// lack of support; it claims no more.
std::unique_ptr<Method> MakeHierarchical();

}  // namespace precis::compress
