// "none": whole passages. When they exceed the budget, those with the best scores until the next one does not fit.
#pragma once

#include <memory>

#include "methods/method.h"

namespace precis::compress {

std::unique_ptr<Method> MakeNone();

}  // namespace precis::compress
