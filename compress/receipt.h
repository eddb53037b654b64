// The parts of a receipt that follow from the request and the finished context alone.
#pragma once

#include "precis/compress/types.h"
#include "protect.h"

namespace precis::compress {

// Fills passages, sentences and protection.
void DescribeContext(const Request& request, const ProtectedSet& protection, Context* context);

}  // namespace precis::compress
