// BM25 over a few texts held in memory (sentences of retrieved passages). The index over a whole collection uses the
// same formula: index/search.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "precis/text/analyzer.h"

namespace precis::text {

struct Bm25Parameters {
  double k1 = 1.2;
  double b = 0.75;
};

// log(1 + (n - df + 0.5) / (df + 0.5)), Lucene's form: never negative.
double Bm25Idf(int64_t documents, int64_t document_frequency);

// The share of one term: idf * tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / mean_length)).
double Bm25TermScore(double idf, double term_frequency, double length, double mean_length, const Bm25Parameters& p);

// A score for each text, 0 where no term of the query occurs. Statistics come from these texts alone.
std::vector<double> Bm25Scores(std::string_view query, std::span<const std::string_view> texts,
                               const AnalyzerOptions& analyzer = {}, const Bm25Parameters& parameters = {});

}  // namespace precis::text
