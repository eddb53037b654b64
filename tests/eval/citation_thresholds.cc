// What pairs of thresholds of the citation checker's support test let through, with a real encoder.
//
//   citation_thresholds MODEL < PAIRS     PAIRS: a JSON object a line, {"answer", "supported": 0 or 1, "passages"}; see
//                                         thresholds.py. The cases of tests/compress/citation_cases.h are added.
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "citation_cases.h"
#include "fidelity.h"
#include "nlohmann/json.hpp"
#include "precis/engine/load.h"
#include "precis/text/sentences.h"
#include "support.h"
#include "vectors.h"

namespace precis::compress {
namespace {

struct Point {
  double recall, cosine;
};
struct Case {
  bool supported;
  std::vector<Point> evidence;  // whatever has the answer's names, numbers and polarity
};

// The sentences of the passages alone and in pairs, as the checker compares them.
Case Measure(const std::string& answer, bool supported, const std::vector<std::string>& passages,
             engine::Embedder& encoder) {
  std::vector<std::string> texts;
  std::vector<Statement> statements;
  for (const std::string& passage : passages) {
    const std::vector<ByteRange> sentences = text::SplitSentences(passage);
    for (size_t i = 0; i < sentences.size(); ++i) {
      for (const size_t first : {i, i > 0 ? i - 1 : i}) {
        texts.emplace_back(Slice(passage, {sentences[first].begin, sentences[i].end}));
        statements.push_back(Analyse(texts.back()));
        if (i == 0) break;
      }
    }
  }
  const TermWeights weights(statements);
  const Statement said = Analyse(answer);
  Case result{supported, {}};
  std::vector<std::string_view> views = {answer};
  for (size_t i = 0; i < texts.size(); ++i) {
    const Support support = Compare(said, statements[i], weights);
    if (support.shared == 0 || !support.names || !support.numbers || !support.polarity) continue;
    result.evidence.push_back({support.recall, 0});
    views.push_back(texts[i]);
  }
  const auto vectors = encoder.Embed(views, SentenceOptions(), {});
  if (!vectors.ok()) {
    std::fprintf(stderr, "%s\n", std::string(vectors.status().message()).c_str());
    std::exit(1);
  }
  for (size_t i = 0; i < result.evidence.size(); ++i) {
    result.evidence[i].cosine = CosineOf((*vectors)[0].vector, (*vectors)[i + 1].vector);
  }
  return result;
}

void Print(const char* name, const std::vector<Case>& cases) {
  if (cases.empty()) return;
  size_t supported = 0;
  for (const Case& one : cases) supported += one.supported ? 1 : 0;
  std::printf("%s: supported / swapped that pass, of %zu / %zu cases\n recall", name, supported,
              cases.size() - supported);
  for (int c = 40; c <= 75; c += 5) std::printf("  cos %.2f", c / 100.0);
  std::printf("\n");
  for (int r = 45; r <= 85; r += 5) {
    std::printf("  %.2f ", r / 100.0);
    for (int c = 40; c <= 75; c += 5) {
      int passed[2] = {0, 0};
      for (const Case& one : cases) {
        bool passes = false;
        for (const Point& point : one.evidence) passes |= point.recall >= r / 100.0 && point.cosine >= c / 100.0;
        passed[one.supported] += passes;
      }
      std::printf("  %3d /%3d", passed[1], passed[0]);
    }
    std::printf("\n");
  }
}

int Main(const char* model) {
  const auto encoder = engine::LoadEmbedder(model, {});
  if (!encoder.ok()) {
    std::fprintf(stderr, "%s\n", std::string(encoder.status().message()).c_str());
    return 1;
  }
  std::vector<Case> written, documents;
  for (const CitationCase& c : kCitationCases) {
    written.push_back(Measure(c.answer, true, {c.supports}, **encoder));
    written.push_back(Measure(c.answer, false, {c.swapped}, **encoder));
  }
  for (std::string line; std::getline(std::cin, line);) {
    const auto pair = nlohmann::json::parse(line);
    documents.push_back(Measure(pair["answer"], pair["supported"] == 1, pair["passages"], **encoder));
  }
  Print("citation_cases.h", written);
  Print("documents", documents);
  return 0;
}

}  // namespace
}  // namespace precis::compress

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: citation_thresholds MODEL < PAIRS\n", stderr);
    return 2;
  }
  return precis::compress::Main(argv[1]);
}
