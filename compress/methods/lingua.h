// "lingua": drops words that a causal language model expects anyway (LLMLingua, EMNLP 2023), and with a query keeps
// those that the query makes more likely (LongLLMLingua's contrastive perplexity, ACL 2024).
//
// A token's value is its surprisal, or with a query how much the query lowers it; a word's is the mean of its tokens'.
// All words of all passages share one budget, which is filled exactly. Each passage is scored after the ones before it,
// so that what was said already is expected. The aligned mask judges a token by its own surprisal; the reference's
// code judges it by the next one's and always keeps the last (mask=shifted: for comparisons).
#pragma once

#include <memory>

#include "methods/method.h"

namespace precis::compress {

std::unique_ptr<Method> MakeLingua();

}  // namespace precis::compress
