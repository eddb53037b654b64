// "infini" and "xl3m": keep the segments that a decoder itself finds worth reading for the query.
//
// infini (InfiniRetri, arXiv 2502.12962): sentences by the attention that the query's tokens pay them, read in passes
// that carry the best ones along. The published rule keeps every sentence with one of the `top_tokens` best tokens;
// here they are kept in that order until the budget is full. `layer` -1 is the published last layer.
// xl3m (arXiv 2405.17755): runs of sentences by how sure the model is of what follows them and the query. The paper
// keeps them until the window is filled, here until the budget is.
#pragma once

#include <memory>

#include "methods/method.h"

namespace precis::compress {

std::unique_ptr<Method> MakeInfini();
std::unique_ptr<Method> MakeXl3m();

}  // namespace precis::compress
