// Text to the terms that keyword search compares.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "precis/base/byte_range.h"

namespace precis::text {

struct Term {
  std::string text;  // case-folded, accents removed, stemmed where the analyser stems
  ByteRange bytes;   // where it stands in the analysed text
  int position;      // counts words; parts of one identifier share their word's position
};

struct AnalyzerOptions {
  bool stem = true;               // English (Porter); off for other languages
  bool split_identifiers = true;  // camelCase and snake_case: the whole and its parts
  bool operator==(const AnalyzerOptions&) const = default;
};

// Changes whenever the same text may give other terms: part of every derived index's manifest.
inline constexpr int kAnalyzerVersion = 1;

// Thread-safe, deterministic. Unicode word segmentation (UAX #29); CJK gives single characters and their bigrams. Terms
// longer than 64 bytes are cut. Any bytes are accepted.
std::vector<Term> Analyze(std::string_view text, const AnalyzerOptions& options = {});

// The terms' texts alone; faster.
std::vector<std::string> AnalyzeTerms(std::string_view text, const AnalyzerOptions& options = {});

}  // namespace precis::text
