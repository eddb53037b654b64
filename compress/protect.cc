#include "protect.h"

#include <algorithm>
#include <iterator>

namespace precis::compress {

bool IsRequired(const Protection& protection, ProtectedKind kind) {
  switch (kind) {
    case ProtectedKind::kNumber:
      return protection.numbers;
    case ProtectedKind::kNegation:
      return protection.negations;
    case ProtectedKind::kIdentifier:
      return protection.identifiers;
    case ProtectedKind::kQuotation:
      return protection.quotations;
    case ProtectedKind::kLiteral:
      return !protection.literals.empty();
  }
  return false;
}

ProtectedSet::ProtectedSet(const std::vector<Passage>& passages, const Protection& protection)
    : passages_(passages), protection_(protection) {
  for (const Passage& passage : passages) {
    spans_.push_back(FindProtected(passage.text, protection));
    for (const ProtectedSpan& span : spans_.back()) any_required_ |= IsRequired(protection, span.kind);
  }
}

std::vector<Unit> ProtectedSet::RequiredUnits(const PieceTable& table) const {
  std::vector<Unit> units;
  if (!any_required_) return units;
  for (int i = 0; i < table.size(); ++i) {
    const Piece& piece = table.piece(i);
    if (!piece.verbatim()) continue;
    for (const ProtectedSpan& span : spans_[static_cast<size_t>(piece.passage)]) {
      if (!IsRequired(protection_, span.kind) || !piece.source.Contains(span.range)) continue;
      units.push_back({i, {span.range.begin - piece.source.begin, span.range.end - piece.source.begin}});
    }
  }
  return units;
}

std::vector<ProtectedReceipt> ProtectedSet::Count(const std::string& text, const std::vector<Span>& spans) const {
  std::vector<ProtectedReceipt> receipts(kProtectedKinds);
  for (int k = 0; k < kProtectedKinds; ++k) {
    receipts[static_cast<size_t>(k)].kind = static_cast<ProtectedKind>(k);
    receipts[static_cast<size_t>(k)].required = IsRequired(protection_, static_cast<ProtectedKind>(k));
  }
  const auto covers = VerbatimCover(spans, spans_.size());
  for (size_t p = 0; p < spans_.size(); ++p) {
    for (const ProtectedSpan& protected_span : spans_[p]) {
      ProtectedReceipt& receipt = receipts[static_cast<size_t>(protected_span.kind)];
      ++receipt.found;
      bool kept = Covers(covers[p], protected_span.range);
      for (size_t s = 0; !kept && s < spans.size(); ++s) {
        kept =
            spans[s].kind == SpanKind::kRewritten &&
            std::binary_search(spans[s].cited_passages.begin(), spans[s].cited_passages.end(), static_cast<int>(p)) &&
            Slice(text, spans[s].output).find(Slice(passages_[p].text, protected_span.range)) != std::string_view::npos;
      }
      receipt.kept += kept;
    }
  }
  return receipts;
}

std::vector<std::vector<ByteRange>> VerbatimCover(const std::vector<Span>& spans, size_t passages) {
  std::vector<std::vector<ByteRange>> covers(passages);
  for (const Span& span : spans) {
    if (span.verbatim()) covers[static_cast<size_t>(span.passage)].push_back(span.source);
  }
  for (auto& cover : covers) {
    std::sort(cover.begin(), cover.end(), [](const ByteRange& a, const ByteRange& b) { return a.begin < b.begin; });
    size_t kept = 0;
    for (const ByteRange& range : cover) {
      if (kept > 0 && range.begin <= cover[kept - 1].end) {
        cover[kept - 1].end = std::max(cover[kept - 1].end, range.end);
      } else {
        cover[kept++] = range;
      }
    }
    cover.resize(kept);
  }
  return covers;
}

bool Covers(const std::vector<ByteRange>& cover, const ByteRange& range) {
  const auto it = std::upper_bound(cover.begin(), cover.end(), range.begin,
                                   [](int64_t begin, const ByteRange& r) { return begin < r.begin; });
  return it != cover.begin() && std::prev(it)->Contains(range);
}

}  // namespace precis::compress
