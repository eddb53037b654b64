// Where a user-perceived character (Unicode Annex 29) ends, as the reference sees it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace precis::engine {

// The order is that of golden/make_graphemes.py.
enum class GraphemeClass : uint8_t {
  kOther,
  kControl,
  kExtend,
  kNonJoiner,  // U+200C: an Extend that ends an Indic conjunct
  kJoiner,     // U+200D
  kSpacing,    // SpacingMark
  kPrepend,
  kPicture,    // Extended_Pictographic
  kLead,       // Hangul L
  kVowel,      // Hangul V
  kTrail,      // Hangul T
  kSyllable,   // Hangul LV and LVT
  kConsonant,  // of an Indic conjunct
  kLinker,     // of an Indic conjunct; an Extend
};

namespace internal {
// From `begin` to the next run's begin.
struct GraphemeRun {
  uint32_t begin;
  uint8_t value;
};
extern const GraphemeRun kGraphemeRuns[];
extern const int kGraphemeRunCount;
}  // namespace internal

struct Grapheme {
  size_t end;   // offset behind it
  size_t size;  // its bytes where each invalid byte is written as U+FFFD
};

// Cheap to make. The tables are asked of the reference, like those of char_class.h. Pairs of regional indicators are
// not joined: they have 8 bytes, and only graphemes of less than 6 are of use here.
class Graphemes {
 public:
  Graphemes();
  // The grapheme that begins at `begin` < text.size(), which is a border between two.
  Grapheme At(std::string_view text, size_t begin) const;

 private:
  const std::vector<GraphemeClass>* classes_;
};

}  // namespace precis::engine
