#pragma once

#include <memory>

#include "methods/method.h"

namespace precis::compress {

// The best of several short texts that stand for the passages: Nano-Capsulator (arXiv 2402.18700) without its training,
// whose objective (likeness of meaning times agreement of answers, section 3.3) chooses among samples instead.
std::unique_ptr<Method> MakeCapsule();

}  // namespace precis::compress
