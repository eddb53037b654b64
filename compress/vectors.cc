#include "vectors.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <unordered_map>

#include "precis/text/analyzer.h"
#include "precis/text/bm25.h"

namespace precis::compress {
namespace {

constexpr size_t kLexicalDimensions = 256;

uint64_t Fnv1a(std::string_view text) {
  uint64_t hash = 14695981039346656037u;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211u;
  return hash;
}

}  // namespace

float Dot(std::span<const float> a, std::span<const float> b) {
  float lanes[8] = {};
  size_t i = 0;
  for (; i + 8 <= a.size(); i += 8) {
    for (size_t l = 0; l < 8; ++l) lanes[l] += a[i + l] * b[i + l];
  }
  for (size_t l = 0; i < a.size(); ++i, ++l) lanes[l] += a[i] * b[i];
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

void NormalizeVector(std::vector<float>* vector) {
  const float norm = std::sqrt(Dot(*vector, *vector));
  if (norm <= 0) return;
  for (float& value : *vector) value /= norm;
}

void AddTo(std::span<const float> vector, std::vector<float>* sum) {
  if (sum->size() < vector.size()) sum->resize(vector.size(), 0.0f);
  for (size_t i = 0; i < vector.size(); ++i) (*sum)[i] += vector[i];
}

double CosineOf(std::span<const float> a, std::span<const float> b) {
  double dot = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    dot += static_cast<double>(a[i]) * b[i];
    aa += static_cast<double>(a[i]) * a[i];
    bb += static_cast<double>(b[i]) * b[i];
  }
  if (aa <= 0 || bb <= 0) return 0;
  return std::clamp(dot / std::sqrt(aa * bb), 0.0, 1.0);
}

std::vector<std::vector<float>> LexicalVectors(std::span<const std::string_view> texts) {
  std::vector<std::vector<std::string>> terms(texts.size());
  std::unordered_map<std::string, int64_t> frequencies;
  for (size_t i = 0; i < texts.size(); ++i) {
    terms[i] = text::AnalyzeTerms(texts[i]);
    std::vector<std::string> unique = terms[i];
    std::sort(unique.begin(), unique.end());
    unique.erase(std::unique(unique.begin(), unique.end()), unique.end());
    for (const std::string& term : unique) ++frequencies[term];
  }
  std::vector<std::vector<float>> vectors(texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    vectors[i].assign(kLexicalDimensions, 0.0f);
    for (const std::string& term : terms[i]) {
      const double idf = text::Bm25Idf(static_cast<int64_t>(texts.size()), frequencies[term]);
      vectors[i][Fnv1a(term) % kLexicalDimensions] += static_cast<float>(idf);
    }
    NormalizeVector(&vectors[i]);
  }
  return vectors;
}

}  // namespace precis::compress
