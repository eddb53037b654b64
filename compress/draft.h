// What flows through a chain of methods: blocks of pieces. A block gets one mark in the finished context; a piece is a
// run of bytes of one passage, or text that a method wrote and the passages that it cites.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "precis/base/byte_range.h"
#include "precis/compress/types.h"

namespace precis::compress {

struct Piece {
  int passage = -1;        // of a verbatim piece
  ByteRange source;        // in that passage's text
  std::string rewritten;   // of a rewritten piece
  std::vector<int> cited;  // not empty exactly for a rewritten piece

  bool verbatim() const { return cited.empty(); }
};

struct Block {
  int passage = -1;  // -1: made from several
  std::vector<Piece> pieces;
};

// `passages` is not owned. Pieces are also known by their flat index: counted over all blocks, from 0.
struct Draft {
  const std::vector<Passage>* passages = nullptr;
  std::vector<Block> blocks;

  std::string_view TextOf(const Piece& piece) const {
    if (!piece.verbatim()) return piece.rewritten;
    return Slice((*passages)[static_cast<size_t>(piece.passage)].text, piece.source);
  }
};

// One block for each passage that is not blank, whole.
Draft WholePassages(const std::vector<Passage>& passages);

// A range in the text of a piece.
struct Unit {
  int piece = 0;  // flat index
  ByteRange range;
  friend bool operator==(const Unit&, const Unit&) = default;
};

// Which parts of a draft to keep: in order, disjoint, none empty. Made by Normalize.
using Selection = std::vector<Unit>;

// All that can be asked about a draft by flat index.
class PieceTable {
 public:
  explicit PieceTable(const Draft& draft);  // `draft` must outlive it and not change
  int size() const { return static_cast<int>(pieces_.size()); }
  const Piece& piece(int i) const { return *pieces_[static_cast<size_t>(i)]; }
  int block(int i) const { return blocks_[static_cast<size_t>(i)]; }
  std::string_view text(int i) const { return draft_->TextOf(piece(i)); }
  const Draft& draft() const { return *draft_; }

 private:
  const Draft* draft_;
  std::vector<const Piece*> pieces_;
  std::vector<int> blocks_;
};

// Sorts, joins what overlaps, touches, or has only a little white space between.
Selection Normalize(std::vector<Unit> units, const PieceTable& table);

// The kept parts as a draft of their own; blocks that keep nothing are gone.
Draft Restrict(const PieceTable& table, const Selection& selection);

}  // namespace precis::compress
