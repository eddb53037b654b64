// "tcra_semantic": drops the words without which a text still means the same to the encoder (TCRA-LLM, arXiv
// 2310.15556, section 3.2).
//
// For a text of n words, n + 1 vectors: of the text, and of the text without each of its words. The distance between
// the first and the other is what the word is worth. The paper drops the words up to a percentile of the distances of
// its text (parameter `percentile`); by default all texts share one exact budget instead, and a distance counts against
// the mean of its text, since a word of a short sentence is always worth more.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "methods/method.h"
#include "precis/base/byte_range.h"
#include "precis/engine/embedder.h"

namespace precis::compress {

std::unique_ptr<Method> MakeTcraSemantic();

// A text and those of its words that are to be weighed; ranges in the text, in order.
struct WeighedText {
  std::string_view text;
  std::vector<ByteRange> words;
};

// For each text the distances || emb(text) - emb(text without word i) ||. All variants of all texts go to the embedder
// in one call, or in several where they have more than `max_bytes` together. Errors: the embedder's.
absl::StatusOr<std::vector<std::vector<double>>> LeaveOneOutDistances(std::span<const WeighedText> texts,
                                                                      int64_t max_bytes, engine::Embedder& embedder,
                                                                      const CallContext& call,
                                                                      const ProgressSink& progress);

// The j-th percentile with linear interpolation between neighbours (NumPy's default). `values` must not be empty.
double Percentile(std::vector<double> values, double j);

}  // namespace precis::compress
