#include "src/abbreviations.h"

#include <algorithm>
#include <array>
#include <string>

#include "src/chars.h"

namespace precis::text {
namespace {

// Sorted, in lower case, without the last stop.
constexpr auto kNever = std::to_array<std::string_view>(
    {"adm", "approx", "aug",  "brig", "capt", "cf",   "cmdr", "col", "dec",  "dr",  "e.g",  "eg",  "eq",
     "eqs", "esp",    "feb",  "fig",  "figs", "gen",  "gov",  "hon", "i.e",  "ie",  "incl", "jan", "lt",
     "maj", "messrs", "mr",   "mrs",  "ms",   "mt",   "nov",  "oct", "prof", "ref", "refs", "rep", "resp",
     "rev", "sen",    "sept", "sgt",  "st",   "supt", "tab",  "vol", "vols", "vs",  "viz"});
constexpr auto kBeforeNumber = std::to_array<std::string_view>(
    {"app", "art", "ch", "chap", "ed", "no", "nos", "p", "para", "pp", "pt", "sec", "sect", "ver"});
constexpr auto kMayEnd = std::to_array<std::string_view>({"al", "assn", "ave", "blvd", "bros", "co", "corp", "dept",
                                                          "dist", "est", "inc", "jr", "llc", "ltd", "sr", "univ"});
constexpr auto kStarters = std::to_array<std::string_view>(
    {"a",       "after",  "all",   "also",   "although", "an",      "and",   "another", "as",      "at",
     "because", "before", "both",  "but",    "by",       "during",  "each",  "even",    "finally", "for",
     "from",    "he",     "her",   "his",    "how",      "however", "i",     "if",      "in",      "instead",
     "it",      "its",    "many",  "most",   "no",       "on",      "one",   "or",      "our",     "she",
     "since",   "so",     "some",  "such",   "that",     "the",     "their", "then",    "there",   "these",
     "they",    "this",   "those", "though", "thus",     "to",      "under", "unlike",  "use",     "we",
     "what",    "when",   "where", "while",  "who",      "why",     "with",  "yet",     "you",     "your"});

template <size_t n>
bool Contains(const std::array<std::string_view, n>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

std::string Lower(std::string_view word) {
  std::string lower(word);
  std::transform(lower.begin(), lower.end(), lower.begin(), AsciiLower);
  return lower;
}

// "U.S", "Ph.D", "a.m": groups of at most two letters between stops.
bool IsDottedInitialism(std::string_view word) {
  size_t letters = 0, groups = 1;
  for (const char c : word) {
    if (c == '.') {
      if (letters == 0) return false;
      letters = 0;
      ++groups;
    } else if (!IsAsciiLetter(c) || ++letters > 2) {
      return false;
    }
  }
  return groups > 1 && letters > 0;
}

}  // namespace

StopKind KindOfStop(std::string_view word) {
  if (word.empty()) return StopKind::kOrdinary;
  if (word.size() == 1 && IsAsciiUpper(word[0])) return StopKind::kMayEnd;
  const std::string lower = Lower(word);
  if (Contains(kNever, lower)) return StopKind::kNever;
  if (Contains(kBeforeNumber, lower)) return StopKind::kBeforeNumber;
  if (Contains(kMayEnd, lower) || IsDottedInitialism(word)) return StopKind::kMayEnd;
  return StopKind::kOrdinary;
}

bool IsSentenceStarter(std::string_view word) { return word.size() <= 12 && Contains(kStarters, Lower(word)); }

}  // namespace precis::text
