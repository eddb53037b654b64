// What a full stop after a word means.
#pragma once

#include <string_view>

namespace precis::text {

enum class StopKind {
  kOrdinary,      // ends a sentence
  kNever,         // "Dr.", "e.g.", "Fig.": something follows
  kBeforeNumber,  // "No. 5", "p. 12": something follows if it is a number
  kMayEnd,        // "Inc.", "U.S.", an initial: ends one only where the next word usually begins a sentence
};

// `word` is what stands before the stop, without it, back to white space or an opening bracket; at most 32 bytes.
StopKind KindOfStop(std::string_view word);

// "The", "However": words that begin sentences far more often than they continue a name.
bool IsSentenceStarter(std::string_view word);

}  // namespace precis::text
