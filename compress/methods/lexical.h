// "lexical": no model at all. Drops words that carry little and words that recur; keeps numbers, negations, rare words
// and the punctuation that ends sentences. Fast, and the baseline that every method with a model must beat.
#pragma once

#include <memory>
#include <string_view>

#include "methods/method.h"

namespace precis::compress {

std::unique_ptr<Method> MakeLexical();

// Whether an English word, in lower case, only holds a sentence together. No negation is one.
bool IsStopWord(std::string_view word);

}  // namespace precis::compress
