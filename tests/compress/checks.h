// What is true of every context, whatever made it.
#pragma once

#include <string>

#include "precis/compress/compressor.h"

namespace precis::compress {

// Tokens of the finished context by Budget's own definition, counted anew.
int64_t CountAnew(const Request& request, const std::string& text);

// Empty, or the first promise that does not hold: budget, coverage, verbatim bytes, numbering, receipt.
std::string BrokenPromise(const Request& request, const Context& context);

}  // namespace precis::compress
