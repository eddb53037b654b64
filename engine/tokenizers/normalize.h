// Rewrites a text before it is cut into words: the steps that tokenizer.json calls normalizers.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "tokenizers/aligned_text.h"

namespace precis::engine {

// Immutable, thread-safe. Invalid bytes pass unchanged unless a step says otherwise.
class Normalizer {
 public:
  virtual ~Normalizer() = default;
  virtual void Apply(AlignedText* text) const = 0;
  // Names it with its parameters, for the fingerprint.
  virtual std::string Description() const = 0;
};

struct BertNormalization {
  bool clean_text = true;     // drops control characters, turns white space into spaces; invalid bytes are dropped
  bool chinese_chars = true;  // spaces around Chinese characters
  bool strip_accents = true;  // decomposes and drops accents
  bool lowercase = true;
};
std::unique_ptr<Normalizer> MakeBertNormalizer(const BertNormalization& options);

enum class UnicodeForm { kNfc, kNfd, kNfkc, kNfkd };
std::unique_ptr<Normalizer> MakeUnicodeNormalizer(UnicodeForm form);
std::unique_ptr<Normalizer> MakeLowercase();
std::unique_ptr<Normalizer> MakeStripAccents();
// Every `from` by `to`; `from` is not empty.
std::unique_ptr<Normalizer> MakeReplace(std::string from, std::string to);
// Each run of two or more spaces by `to`.
std::unique_ptr<Normalizer> MakeJoinSpaces(std::string to);
// `prefix` before a text that is not empty.
std::unique_ptr<Normalizer> MakePrepend(std::string prefix);
// Drops white space at the ends.
std::unique_ptr<Normalizer> MakeStrip(bool left, bool right);

}  // namespace precis::engine
