// "crag": clusters the passages by meaning and gives one summary a cluster, the largest first (CRAG, arXiv 2406.00029).
//
// A generator writes the summaries, from the passages nearest to the centre; what it writes with numbers or names that
// the passages lack is left out, and each sentence cites the passages that it shares its words with. Summaries do not
// depend on query or budget and are cached by the set of passages. Without a generator a cluster is shown by its own
// sentences, nearest to the centre first. The budget is shared by size of the clusters and, with a query, by their
// likeness to it.
#pragma once

#include <memory>

#include "methods/method.h"

namespace precis::compress {

std::unique_ptr<Method> MakeCrag();

}  // namespace precis::compress
