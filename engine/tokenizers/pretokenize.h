// Cuts a normalised text into words that the model tokenizes one by one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "precis/base/hash.h"
#include "tokenizers/aligned_text.h"

namespace precis::engine {

// Immutable, thread-safe.
class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  // Cuts each of `words`, ranges of `text` in order, as if it stood alone; may also rewrite the text. What `spare`
  // holds does not matter: its memory is there to be used.
  virtual void Apply(AlignedText* text, std::vector<TextRange>* words, std::vector<TextRange>* spare) const = 0;
  // Names it with its parameters, for the fingerprint.
  virtual std::string Description() const = 0;
};

// The published patterns of byte-level BPE tokenizers, matched by hand instead of by a regular-expression engine.
enum class BpePattern {
  kGpt2,    // 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
  kLlama3,  // (?i:'s|...)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
  kQwen2,   // the same with \p{N}
};
std::unique_ptr<PreTokenizer> MakeBpePatternSplit(BpePattern pattern);

// Each digit (or each run of digits) a word of its own.
std::unique_ptr<PreTokenizer> MakeDigits(bool individual);

// At white space, which is dropped, and around each punctuation character.
std::unique_ptr<PreTokenizer> MakeBertPreTokenizer();

// At white space, which is dropped.
std::unique_ptr<PreTokenizer> MakeWhitespaceSplit();

// Runs of word characters and runs of other characters; white space is dropped: \w+|[^\w\s]+.
std::unique_ptr<PreTokenizer> MakeWhitespace();

// Each punctuation character a word of its own.
std::unique_ptr<PreTokenizer> MakePunctuation();

// What becomes of the separator that a text is split at.
enum class SplitBehavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext };
bool ParseSplitBehavior(std::string_view name, SplitBehavior* behavior);

// At each `separator`, which is not empty.
std::unique_ptr<PreTokenizer> MakeStringSplit(std::string separator, SplitBehavior behavior);

// A space in front of each word that does not begin with one.
std::unique_ptr<PreTokenizer> MakePrefixSpace();

// SentencePiece's view of spaces: each becomes `replacement`, which begins a word.
struct MetaspaceOptions {
  enum class Prepend {
    kAlways,
    kFirst,
    kNever
  };  // a replacement in front of the word: kFirst only at the text's start
  std::string replacement = "\xE2\x96\x81";
  Prepend prepend = Prepend::kAlways;
  bool split = true;
};
std::unique_ptr<PreTokenizer> MakeMetaspace(const MetaspaceOptions& options);

}  // namespace precis::engine
