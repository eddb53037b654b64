#include "src/porter.h"

#include <string_view>

namespace precis::text {
namespace {

bool IsConsonant(std::string_view w, size_t i) {
  switch (w[i]) {
    case 'a':
    case 'e':
    case 'i':
    case 'o':
    case 'u':
      return false;
    case 'y':
      return i == 0 || !IsConsonant(w, i - 1);
    default:
      return true;
  }
}

// m of the paper: the number of vowel-consonant sequences.
int Measure(std::string_view stem) {
  int m = 0;
  bool after_vowel = false;
  bool consonant = true;
  for (size_t i = 0; i < stem.size(); ++i) {
    // As IsConsonant, without its recursion over runs of "y".
    consonant = stem[i] == 'y' ? (i == 0 || !consonant) : IsConsonant(stem, i);
    if (consonant && after_vowel) ++m;
    after_vowel = !consonant;
  }
  return m;
}

// *v*: the stem has a vowel.
bool HasVowel(std::string_view stem) {
  for (size_t i = 0; i < stem.size(); ++i) {
    if (!IsConsonant(stem, i)) return true;
  }
  return false;
}

// *d: ends in a double consonant.
bool EndsInDouble(std::string_view w) {
  return w.size() >= 2 && w[w.size() - 1] == w[w.size() - 2] && IsConsonant(w, w.size() - 1);
}

// *o: ends consonant-vowel-consonant, the last not w, x or y.
bool EndsInShortSyllable(std::string_view w) {
  const size_t n = w.size();
  if (n < 3 || !IsConsonant(w, n - 3) || IsConsonant(w, n - 2) || !IsConsonant(w, n - 1)) return false;
  return w[n - 1] != 'w' && w[n - 1] != 'x' && w[n - 1] != 'y';
}

struct Rule {
  std::string_view suffix, replacement;
};

bool EndsWith(std::string_view w, std::string_view suffix) {
  return w.size() >= suffix.size() && w.substr(w.size() - suffix.size()) == suffix;
}

std::string_view StemOf(const std::string& w, std::string_view suffix) {
  return std::string_view(w).substr(0, w.size() - suffix.size());
}

// The longest suffix that matches decides alone, whether or not its stem is long enough.
void ApplyLongest(std::string* w, const Rule* rules, size_t count, int min_measure) {
  const Rule* best = nullptr;
  for (size_t i = 0; i < count; ++i) {
    if (EndsWith(*w, rules[i].suffix) && (best == nullptr || rules[i].suffix.size() > best->suffix.size())) {
      best = &rules[i];
    }
  }
  if (best == nullptr || Measure(StemOf(*w, best->suffix)) < min_measure) return;
  w->resize(w->size() - best->suffix.size());
  w->append(best->replacement);
}

void Step1a(std::string* w) {
  if (EndsWith(*w, "sses") || EndsWith(*w, "ies")) {
    w->resize(w->size() - 2);
  } else if (EndsWith(*w, "s") && !EndsWith(*w, "ss")) {
    w->pop_back();
  }
}

void Step1b(std::string* w) {
  if (EndsWith(*w, "eed")) {
    if (Measure(StemOf(*w, "eed")) > 0) w->pop_back();
    return;
  }
  const std::string_view suffix = EndsWith(*w, "ed") ? "ed" : EndsWith(*w, "ing") ? "ing" : "";
  if (suffix.empty() || !HasVowel(StemOf(*w, suffix))) return;
  w->resize(w->size() - suffix.size());
  if (EndsWith(*w, "at") || EndsWith(*w, "bl") || EndsWith(*w, "iz")) {
    w->push_back('e');
  } else if (EndsInDouble(*w) && w->back() != 'l' && w->back() != 's' && w->back() != 'z') {
    w->pop_back();
  } else if (Measure(*w) == 1 && EndsInShortSyllable(*w)) {
    w->push_back('e');
  }
}

void Step1c(std::string* w) {
  if (EndsWith(*w, "y") && HasVowel(StemOf(*w, "y"))) w->back() = 'i';
}

constexpr Rule kStep2[] = {{"ational", "ate"}, {"tional", "tion"}, {"enci", "ence"},   {"anci", "ance"},
                           {"izer", "ize"},    {"abli", "able"},   {"alli", "al"},     {"entli", "ent"},
                           {"eli", "e"},       {"ousli", "ous"},   {"ization", "ize"}, {"ation", "ate"},
                           {"ator", "ate"},    {"alism", "al"},    {"iveness", "ive"}, {"fulness", "ful"},
                           {"ousness", "ous"}, {"aliti", "al"},    {"iviti", "ive"},   {"biliti", "ble"}};
constexpr Rule kStep3[] = {{"icate", "ic"}, {"ative", ""}, {"alize", "al"}, {"iciti", "ic"},
                           {"ical", "ic"},  {"ful", ""},   {"ness", ""}};
constexpr Rule kStep4[] = {{"al", ""},   {"ance", ""}, {"ence", ""},  {"er", ""},   {"ic", ""},  {"able", ""},
                           {"ible", ""}, {"ant", ""},  {"ement", ""}, {"ment", ""}, {"ent", ""}, {"ou", ""},
                           {"ism", ""},  {"ate", ""},  {"iti", ""},   {"ous", ""},  {"ive", ""}, {"ize", ""}};

void Step4(std::string* w) {
  // "ion" wants an s or t before it, and no suffix of the table ends like it.
  if (EndsWith(*w, "ion")) {
    const std::string_view stem = StemOf(*w, "ion");
    if ((EndsWith(stem, "s") || EndsWith(stem, "t")) && Measure(stem) > 1) w->resize(stem.size());
    return;
  }
  ApplyLongest(w, kStep4, std::size(kStep4), 2);
}

void Step5(std::string* w) {
  if (EndsWith(*w, "e")) {
    const std::string_view stem = StemOf(*w, "e");
    const int m = Measure(stem);
    if (m > 1 || (m == 1 && !EndsInShortSyllable(stem))) w->pop_back();
  }
  if (EndsWith(*w, "ll") && Measure(*w) > 1) w->pop_back();
}

}  // namespace

void PorterStem(std::string* word) {
  if (word->size() < 3) return;
  for (const char c : *word) {
    if (c < 'a' || c > 'z') return;
  }
  Step1a(word);
  Step1b(word);
  Step1c(word);
  ApplyLongest(word, kStep2, std::size(kStep2), 1);
  ApplyLongest(word, kStep3, std::size(kStep3), 1);
  Step4(word);
  Step5(word);
}

}  // namespace precis::text
