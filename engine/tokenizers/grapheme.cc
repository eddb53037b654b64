#include "tokenizers/grapheme.h"

#include <algorithm>

#include "precis/base/utf8.h"

namespace precis::engine {
namespace {

using Class = GraphemeClass;

const std::vector<Class>& Classes() {
  static const std::vector<Class>* classes = [] {
    auto* made = new std::vector<Class>(0x110000);
    for (int i = 0; i < internal::kGraphemeRunCount; ++i) {
      const size_t end = i + 1 < internal::kGraphemeRunCount ? internal::kGraphemeRuns[i + 1].begin : made->size();
      std::fill(made->begin() + internal::kGraphemeRuns[i].begin, made->begin() + static_cast<std::ptrdiff_t>(end),
                static_cast<Class>(internal::kGraphemeRuns[i].value));
    }
    return made;
  }();
  return *classes;
}

bool IsExtend(Class c) { return c == Class::kExtend || c == Class::kNonJoiner || c == Class::kLinker; }

// Syllables without a trailing consonant take a vowel too.
bool IsOpenSyllable(char32_t c) { return (c - 0xAC00) % 28 == 0; }

bool HangulJoins(Class left, char32_t left_char, Class right) {
  if (left == Class::kLead) return right == Class::kLead || right == Class::kVowel || right == Class::kSyllable;
  const bool open = left == Class::kVowel || (left == Class::kSyllable && IsOpenSyllable(left_char));
  if (open) return right == Class::kVowel || right == Class::kTrail;
  return (left == Class::kTrail || left == Class::kSyllable) && right == Class::kTrail;
}

}  // namespace

Graphemes::Graphemes() : classes_(&Classes()) {}

Grapheme Graphemes::At(std::string_view text, size_t begin) const {
  constexpr size_t kReplacementBytes = 3;  // of U+FFFD
  DecodedChar left = DecodeUtf8(text, begin);
  Class left_class = (*classes_)[left.code_point];
  Grapheme grapheme{begin + static_cast<size_t>(left.length),
                    left.valid ? static_cast<size_t>(left.length) : kReplacementBytes};
  bool picture = left_class == Class::kPicture;     // so far a picture and Extends behind it, perhaps a joiner
  bool conjunct = left_class == Class::kConsonant;  // so far a consonant and what may stand in a conjunct
  bool linked = false;                              // a linker among it
  while (grapheme.end < text.size()) {
    const DecodedChar right = DecodeUtf8(text, grapheme.end);
    const Class right_class = (*classes_)[right.code_point];
    bool joins = false;
    if (left_class == Class::kControl || right_class == Class::kControl) {
      joins = left.code_point == '\r' && right.code_point == '\n';
    } else if (IsExtend(right_class) || right_class == Class::kJoiner || right_class == Class::kSpacing) {
      joins = true;
    } else {
      joins = left_class == Class::kPrepend || HangulJoins(left_class, left.code_point, right_class) ||
              (right_class == Class::kConsonant && conjunct && linked) ||
              (right_class == Class::kPicture && picture && left_class == Class::kJoiner);
    }
    if (!joins) break;
    grapheme.end += static_cast<size_t>(right.length);
    grapheme.size += right.valid ? static_cast<size_t>(right.length) : kReplacementBytes;

    picture = right_class == Class::kPicture ||
              (picture && left_class != Class::kJoiner && (IsExtend(right_class) || right_class == Class::kJoiner));
    if (right_class == Class::kConsonant) {
      conjunct = true;
      linked = false;
    } else {
      conjunct =
          conjunct && (right_class == Class::kExtend || right_class == Class::kJoiner || right_class == Class::kLinker);
      linked = conjunct && (linked || right_class == Class::kLinker);
    }
    left = right;
    left_class = right_class;
  }
  return grapheme;
}

}  // namespace precis::engine
