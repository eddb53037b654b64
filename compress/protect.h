// Spans that carry facts: found in passages by rule, kept by every method where the caller asks for it.
#pragma once

#include <string_view>
#include <vector>

#include "draft.h"
#include "precis/compress/types.h"

namespace precis::compress {

// Changes whenever the same text may have other protected spans; part of the cache key.
inline constexpr int kProtectionVersion = 1;

struct ProtectedSpan {
  ProtectedKind kind;
  ByteRange range;  // in the passage's text
};

// All protected spans of a text, of all kinds, by kind then begin. Linear in the text (times the number of literals).
//   number       digits with what joins them ("3.14", "2024-01-31", "1.2.3-rc1", "-5"), currency and percent signs, and
//                a unit, attached or one space away ("5kg", "5 kg")
//   negation     an English negating word and the word after it ("not safe", "don't use")
//   identifier   what reads as code: a_b, aB, a::b, a.b.c, f(), paths, URLs, mail addresses, --flags, E1234, 0x1F
//   quotation    from an opening to its closing quotation mark within 300 bytes and one paragraph; `backticks`
//   literal      every occurrence of the caller's strings
std::vector<ProtectedSpan> FindProtected(std::string_view text, const Protection& protection);

bool IsRequired(const Protection& protection, ProtectedKind kind);

// The protected spans of all passages of a request.
class ProtectedSet {
 public:
  ProtectedSet(const std::vector<Passage>& passages, const Protection& protection);

  // The required spans as parts of the table's verbatim pieces; what lies in none of them is left out.
  std::vector<Unit> RequiredUnits(const PieceTable& table) const;
  bool any_required() const { return any_required_; }

  // Found and kept by kind. A span is kept when its bytes are in verbatim spans of its passage, or its text in a
  // rewritten span that cites it.
  std::vector<ProtectedReceipt> Count(const std::string& text, const std::vector<Span>& spans) const;

 private:
  const std::vector<Passage>& passages_;
  const Protection& protection_;
  std::vector<std::vector<ProtectedSpan>> spans_;  // by passage
  bool any_required_ = false;
};

// For each passage the ranges of its text that verbatim spans hold, sorted and joined.
std::vector<std::vector<ByteRange>> VerbatimCover(const std::vector<Span>& spans, size_t passages);
bool Covers(const std::vector<ByteRange>& cover, const ByteRange& range);

}  // namespace precis::compress
