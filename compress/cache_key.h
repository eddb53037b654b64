// The name under which a finished context is cached: everything that may change it (design.md section 4).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "methods/method.h"
#include "precis/compress/compressor.h"

namespace precis::compress {

// A checked step: its method's info and its parameters with defaults. For "auto" the info names no method of the table.
struct CheckedStep {
  MethodInfo info;
  Parameters parameters;
};

std::string ContextCacheKey(const Request& request, const std::vector<CheckedStep>& steps, const Resources& resources);

}  // namespace precis::compress
