#include "precis/text/bm25.h"

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace precis::text {

double Bm25Idf(int64_t documents, int64_t document_frequency) {
  const auto n = static_cast<double>(documents), df = static_cast<double>(document_frequency);
  return std::log(1.0 + (n - df + 0.5) / (df + 0.5));
}

double Bm25TermScore(double idf, double term_frequency, double length, double mean_length, const Bm25Parameters& p) {
  if (term_frequency <= 0) return 0;
  const double relative = mean_length > 0 ? length / mean_length : 1.0;
  return idf * term_frequency * (p.k1 + 1) / (term_frequency + p.k1 * (1 - p.b + p.b * relative));
}

std::vector<double> Bm25Scores(std::string_view query, std::span<const std::string_view> texts,
                               const AnalyzerOptions& analyzer, const Bm25Parameters& parameters) {
  std::vector<double> scores(texts.size(), 0.0);
  // The query's terms get numbers; a term that is asked for twice counts twice, as in Lucene.
  absl::flat_hash_map<std::string, size_t> numbers;
  std::vector<double> weights;
  for (std::string& term : AnalyzeTerms(query, analyzer)) {
    const auto [entry, added] = numbers.try_emplace(std::move(term), weights.size());
    if (added) weights.push_back(0);
    weights[entry->second] += 1;
  }
  if (weights.empty() || texts.empty()) return scores;

  const size_t terms = weights.size();
  std::vector<int> frequencies(texts.size() * terms, 0);  // [text, term]
  std::vector<int64_t> document_frequencies(terms, 0);
  std::vector<double> lengths(texts.size(), 0);
  double total_length = 0;
  for (size_t t = 0; t < texts.size(); ++t) {
    const std::vector<std::string> words = AnalyzeTerms(texts[t], analyzer);
    lengths[t] = static_cast<double>(words.size());
    total_length += lengths[t];
    for (const std::string& word : words) {
      const auto found = numbers.find(word);
      if (found != numbers.end() && frequencies[t * terms + found->second]++ == 0) {
        ++document_frequencies[found->second];
      }
    }
  }
  const double mean_length = total_length / static_cast<double>(texts.size());
  for (size_t q = 0; q < terms; ++q) {
    const double idf = Bm25Idf(static_cast<int64_t>(texts.size()), document_frequencies[q]);
    for (size_t t = 0; t < texts.size(); ++t) {
      scores[t] += weights[q] * Bm25TermScore(idf, frequencies[t * terms + q], lengths[t], mean_length, parameters);
    }
  }
  return scores;
}

}  // namespace precis::text
