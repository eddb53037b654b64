#pragma once

#include <memory>

#include "methods/method.h"

namespace precis::compress {

// TCRA-LLM (arXiv 2310.15556), section 3.1: each passage is replaced by a summary of 70, 50 or 30 % of its words. Here
// a generator writes it when it is needed, in the way the paper made its training data: asked again, "make it shorter",
// while it is too long. Good for facts of a domain that the generator knows; third parties saw 3 to 6 points of F1
// lost.
std::unique_ptr<Method> MakeTcraSummary();

}  // namespace precis::compress
