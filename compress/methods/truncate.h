// "truncate": the first tokens of the passages in their order, cut at the end of a word.
#pragma once

#include <memory>

#include "methods/method.h"

namespace precis::compress {

std::unique_ptr<Method> MakeTruncate();

}  // namespace precis::compress
