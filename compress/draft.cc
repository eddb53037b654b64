#include "draft.h"

#include <algorithm>

#include "boundaries.h"

namespace precis::compress {
namespace {

// More white space than this between two kept parts is left out like any other text.
constexpr int64_t kJoinedGapBytes = 64;

}  // namespace

Draft WholePassages(const std::vector<Passage>& passages) {
  Draft draft;
  draft.passages = &passages;
  for (size_t i = 0; i < passages.size(); ++i) {
    const std::string& text = passages[i].text;
    if (IsBlank(text)) continue;
    Block block;
    block.passage = static_cast<int>(i);
    block.pieces.push_back({.passage = block.passage, .source = {0, static_cast<int64_t>(text.size())}});
    draft.blocks.push_back(std::move(block));
  }
  return draft;
}

PieceTable::PieceTable(const Draft& draft) : draft_(&draft) {
  for (size_t b = 0; b < draft.blocks.size(); ++b) {
    for (const Piece& piece : draft.blocks[b].pieces) {
      pieces_.push_back(&piece);
      blocks_.push_back(static_cast<int>(b));
    }
  }
}

Selection Normalize(std::vector<Unit> units, const PieceTable& table) {
  std::sort(units.begin(), units.end(), [](const Unit& a, const Unit& b) {
    if (a.piece != b.piece) return a.piece < b.piece;
    if (a.range.begin != b.range.begin) return a.range.begin < b.range.begin;
    return a.range.end < b.range.end;
  });
  Selection selection;
  for (const Unit& unit : units) {
    if (unit.range.empty()) continue;
    if (!selection.empty() && selection.back().piece == unit.piece) {
      ByteRange& last = selection.back().range;
      const int64_t gap = unit.range.begin - last.end;
      if (gap <= 0 ||
          (gap <= kJoinedGapBytes && IsBlank(Slice(table.text(unit.piece), {last.end, unit.range.begin})))) {
        last.end = std::max(last.end, unit.range.end);
        continue;
      }
    }
    selection.push_back(unit);
  }
  return selection;
}

Draft Restrict(const PieceTable& table, const Selection& selection) {
  Draft result;
  result.passages = table.draft().passages;
  int block = -1;
  for (const Unit& unit : selection) {
    if (table.block(unit.piece) != block) {
      block = table.block(unit.piece);
      result.blocks.push_back({.passage = table.draft().blocks[static_cast<size_t>(block)].passage});
    }
    Piece piece = table.piece(unit.piece);
    if (piece.verbatim()) {
      piece.source = {piece.source.begin + unit.range.begin, piece.source.begin + unit.range.end};
    } else {
      piece.rewritten = std::string(Slice(piece.rewritten, unit.range));
    }
    result.blocks.back().pieces.push_back(std::move(piece));
  }
  return result;
}

}  // namespace precis::compress
