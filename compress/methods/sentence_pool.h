// The sentences of a draft, and what each is worth to a query: the part of `extractive` that other methods will share.
#pragma once

#include <string_view>
#include <vector>

#include "methods/method.h"

namespace precis::compress {

struct Sentence {
  Unit unit;
  std::string_view text;
  int passage = -1;           // whose text it is; of a rewritten piece the first that it cites
  int64_t tokens = 0;         // estimated
  double keyword = 0;         // BM25 against the query over the greatest, [0, 1]; 0 without a query
  double prior = 0;           // of its passage by score and order, [0, 1]
  double relevance = 0;       // what they come to, [0, 1]; candidates only
  std::vector<float> vector;  // L2 norm 1; candidates only
};

struct SentenceWeights {
  double keyword = 0, prior = 0;  // the rest is the vectors'
};

struct SentencePool {
  std::vector<Sentence> sentences;  // in the order of the draft, without repetitions
  std::vector<int> candidates;      // that have vectors, in the order of the draft
  std::vector<int> others;          // best first by words and order
  bool embedded = false;            // the vectors are the encoder's, not made of words
};

// BM25 of each sentence against the request's query, over the greatest: [0, 1].
std::vector<double> SentenceKeywords(const MethodInput& input, const std::vector<std::string_view>& sentences);

// At most `max_candidates` sentences get vectors: those with the best words first, or without a query the first ones of
// every passage in turn. Adds warnings for repetitions left out, for a cap that took hold, and for a missing encoder.
// Errors: Cancelled, DeadlineExceeded; FailedPrecondition (the encoder is down and the policy is kFail).
absl::StatusOr<SentencePool> MakeSentencePool(const MethodInput& input, int64_t max_candidates,
                                              const SentenceWeights& weights);

}  // namespace precis::compress
