// The generated tables behind char_class.h.
#pragma once

#include <cstdint>

namespace precis::engine {

// From `begin` to the next run's begin, every code point has `flags` (bits of CharClass).
struct CharClassRun {
  uint32_t begin;
  uint16_t flags;
};
extern const CharClassRun kCharClassRuns[];
extern const int kCharClassRunCount;

// first, first + step, ... last become lower-case by adding `delta`.
struct LowerCaseRun {
  uint32_t first, last;
  int step, delta;
};
extern const LowerCaseRun kLowerCaseRuns[];
extern const int kLowerCaseRunCount;

}  // namespace precis::engine
