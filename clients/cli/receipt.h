// A receipt as a person reads it.
#pragma once

#include "precis/v1/compression.pb.h"
#include "precis/v1/retrieval.pb.h"

namespace precis::cli {

// A few lines to standard output: tokens in and out, what was kept, protection, fidelity, cache, warnings.
void PrintReceipt(const v1::Receipt& receipt);

// A line to standard output where a reranker was asked for and the search did without it.
void NoteRerank(const v1::SearchReport& report);

}  // namespace precis::cli
