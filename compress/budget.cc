#include "budget.h"

#include <algorithm>

namespace precis::compress {

absl::StatusOr<int64_t> Counter::Count(std::string_view context) {
  if (context.empty()) return 0;
  PRECIS_ASSIGN_OR_RETURN(const int64_t alone, budget_->tokenizer->CountTokens(context));
  if (budget_->before.empty() && budget_->after.empty()) return alone;
  if (around_ < 0) {
    PRECIS_ASSIGN_OR_RETURN(around_, budget_->tokenizer->CountTokens(budget_->before + budget_->after));
  }
  std::string prompt;
  prompt.reserve(budget_->before.size() + context.size() + budget_->after.size());
  prompt.append(budget_->before).append(context).append(budget_->after);
  PRECIS_ASSIGN_OR_RETURN(const int64_t in_place, budget_->tokenizer->CountTokens(prompt));
  return std::max(alone, in_place - around_);
}

absl::StatusOr<TokenMap> TokenMap::Make(const Draft& draft, const ContextFormat& format,
                                        const engine::Tokenizer& tokenizer) {
  const Layout layout = Assemble(draft, format);
  PRECIS_ASSIGN_OR_RETURN(const std::vector<engine::Token> tokens, tokenizer.EncodeWithOffsets(layout.text, {}));
  TokenMap map;
  map.starts_.reserve(tokens.size());
  for (const engine::Token& token : tokens) {
    const int64_t previous = map.starts_.empty() ? 0 : map.starts_.back();
    map.starts_.push_back(std::max(previous, token.bytes.begin));
  }
  std::vector<int> blocks;
  for (size_t b = 0; b < draft.blocks.size(); ++b) {
    for (size_t p = 0; p < draft.blocks[b].pieces.size(); ++p) blocks.push_back(static_cast<int>(b));
  }
  int last_block = -1;
  int64_t last_end = 0;
  for (size_t s = 0; s < layout.spans.size(); ++s) {
    if (layout.pieces[s] < 0) continue;
    const Span& span = layout.spans[s];
    map.anchors_.push_back({layout.pieces[s], layout.piece_offsets[s], span.output.begin});
    const int block = blocks[static_cast<size_t>(layout.pieces[s])];
    if (block != last_block) {
      map.block_heads_.resize(static_cast<size_t>(block) + 1);
      map.block_heads_[static_cast<size_t>(block)] = {last_end, span.output.begin};
      last_block = block;
    }
    last_end = span.output.end;
  }
  return map;
}

int64_t TokenMap::Overlapping(int64_t begin, int64_t end) const {
  if (begin >= end) return 0;
  const auto first = std::lower_bound(starts_.begin(), starts_.end(), begin);
  const auto last = std::lower_bound(first, starts_.end(), end);
  const bool inside = first != starts_.begin() && (first == starts_.end() || *first != begin);
  return (last - first) + (inside ? 1 : 0);
}

int64_t TokenMap::OutputOffset(int piece, int64_t offset) const {
  auto it = std::upper_bound(
      anchors_.begin(), anchors_.end(), Anchor{piece, offset, 0},
      [](const Anchor& a, const Anchor& b) { return a.piece != b.piece ? a.piece < b.piece : a.offset < b.offset; });
  if (it == anchors_.begin()) return 0;
  --it;
  return it->output + (offset - it->offset);
}

int64_t TokenMap::Estimate(const Unit& unit) const {
  return Overlapping(OutputOffset(unit.piece, unit.range.begin), OutputOffset(unit.piece, unit.range.end));
}

int64_t TokenMap::BlockOverhead(int block) const {
  const ByteRange& head = block_heads_[static_cast<size_t>(block)];
  return Overlapping(head.begin, head.end);
}

absl::StatusOr<int64_t> Fitter::Cost(const std::vector<Unit>& units) {
  PRECIS_RETURN_IF_ERROR(call_.Check());
  const Draft kept = Restrict(table_, Normalize(units, table_));
  return counter_.Count(Assemble(kept, format_).text);
}

absl::StatusOr<bool> Fitter::Fits(const std::vector<Unit>& units) {
  PRECIS_ASSIGN_OR_RETURN(const int64_t cost, Cost(units));
  return cost <= budget_;
}

}  // namespace precis::compress
