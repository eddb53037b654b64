// A receipt as a person reads it.
#pragma once

#include "precis/v1/compression.pb.h"

namespace precis::cli {

// A few lines to standard output: tokens in and out, what was kept, protection, fidelity, cache, warnings.
void PrintReceipt(const v1::Receipt& receipt);

}  // namespace precis::cli
