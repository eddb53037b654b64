// "extractive": the sentences that matter to the query and do not repeat each other, in their original order.
//
// Relevance is a blend of the cosine to the query (without a query: to the centre of all sentences), BM25, and the
// passage's own score; choice is by maximal marginal relevance under the budget; what is left of the budget is filled
// with smaller sentences, and at last with the beginning of one. Without an encoder words stand for meaning.
#pragma once

#include <memory>

#include "methods/method.h"

namespace precis::compress {

std::unique_ptr<Method> MakeExtractive();

}  // namespace precis::compress
