#include "methods/summary_support.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "boundaries.h"
#include "precis/text/sentences.h"

namespace precis::compress {
namespace {

constexpr size_t kMostCited = 3;

// How well a source bears a sentence out.
struct Likeness {
  size_t source = 0;
  bool whole = false;  // it has all names and numbers
  double recall = 0;
};

void SortUnique(std::vector<int>* values) {
  std::sort(values->begin(), values->end());
  values->erase(std::unique(values->begin(), values->end()), values->end());
}

}  // namespace

CheckedSummary CheckSummary(const std::vector<SourceText>& sources, std::string_view known, std::string_view text) {
  std::vector<Statement> statements;
  Statement all;
  for (const SourceText& source : sources) {
    statements.push_back(Analyse(source.text));
    all = Joined(all, statements.back());
  }
  const TermWeights weights(statements);
  std::unordered_map<std::string_view, std::vector<size_t>> sources_of;  // by term
  for (size_t i = 0; i < statements.size(); ++i) {
    for (const std::string& term : statements[i].terms) sources_of[term].push_back(i);
  }
  const Statement allowed = known.empty() ? all : Joined(all, Analyse(known));
  CheckedSummary checked;
  std::set<std::string> said;
  for (const ByteRange& range : text::SplitSentences(text)) {
    const std::string_view sentence = Slice(text, range);
    if (!said.insert(CollapseSpace(sentence)).second) continue;
    const Statement statement = Analyse(sentence);
    const Support support = Compare(statement, allowed, weights);
    if (Compare(statement, all, weights).shared == 0 || !support.names || !support.numbers) {
      ++checked.unsupported;
      continue;
    }
    std::set<size_t> alike;
    for (const std::string& term : statement.terms) {
      const auto found = sources_of.find(term);
      if (found != sources_of.end()) alike.insert(found->second.begin(), found->second.end());
    }
    std::vector<Likeness> best;
    for (const size_t i : alike) {
      const Support own = Compare(statement, statements[i], weights);
      best.push_back({i, own.names && own.numbers, own.recall});
    }
    std::stable_sort(best.begin(), best.end(), [](const Likeness& a, const Likeness& b) {
      return a.whole != b.whole ? a.whole : a.recall > b.recall;
    });
    SummarySentence kept;
    kept.text = std::string(sentence);
    for (size_t n = 0; n < best.size() && n < kMostCited; ++n) {
      // One source that has every name and number makes those that lack some of them no better witnesses.
      if (best[n].whole != best[0].whole || best[n].recall * 2 < best[0].recall) break;
      const SourceText& source = sources[best[n].source];
      if (best[n].recall * 10 >= best[0].recall * 9) {
        kept.parts.insert(kept.parts.end(), source.parts.begin(), source.parts.end());
      }
      for (const int passage : source.passages) {
        const bool known_already = std::find(kept.cited.begin(), kept.cited.end(), passage) != kept.cited.end();
        if (!known_already && kept.cited.size() < kMostCited) kept.cited.push_back(passage);
      }
    }
    SortUnique(&kept.cited);
    SortUnique(&kept.parts);
    checked.sentences.push_back(std::move(kept));
  }
  return checked;
}

}  // namespace precis::compress
