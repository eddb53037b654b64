// Does a piece of text say what a sentence says? By rule: its content words, all its names and numbers, and no negation
// that the other side lacks. Precise rather than complete: a paraphrase without common words fails.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace precis::compress {

// What a text states, for comparison.
struct Statement {
  std::set<std::string> terms;    // stems of content words
  std::set<std::string> names;    // those of them that name something: capitals within a sentence, digits, underscores
  std::set<std::string> numbers;  // "1000" for "1,000"; without units
  std::set<std::string> negated;  // stems that a negation stands before
  bool has_negation = false;
};

// Citation marks "[n]" in the text count as nothing.
Statement Analyse(std::string_view text);

// The terms of both, as when one text follows the other.
Statement Joined(const Statement& a, const Statement& b);

// How rare a term is among the texts of a context; terms that none of them has are the rarest.
class TermWeights {
 public:
  explicit TermWeights(const std::vector<Statement>& texts);
  double Of(const std::string& term) const;

 private:
  std::map<std::string, int64_t> frequencies_;
  int64_t texts_;
};

struct Support {
  double recall = 0;      // weight of the sentence's terms that the evidence has, over the weight of all, [0, 1]
  int shared = 0;         // terms that both have
  bool names = false;     // the evidence has all names of the sentence among its terms
  bool numbers = false;   // the evidence has all numbers of the sentence
  bool polarity = false;  // what one negates the other does not assert
};

Support Compare(const Statement& sentence, const Statement& evidence, const TermWeights& weights);

}  // namespace precis::compress
