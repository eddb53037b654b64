// The smallest parts that pieces are made of: a sentence, a line, or a part of one that is too long.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "precis/base/byte_range.h"

namespace precis::split {

// How good a place the begin of a unit is to begin a piece at.
enum class Border : int8_t {
  kInside = 0,    // inside a sentence or line, or inside a block that is kept whole
  kSentence = 1,  // a sentence, or an indented line of code
  kBlock = 2,     // a paragraph, list item or table; code without indentation
  kSection = 3,   // a heading; in code, a line without indentation after a blank one
};

struct Unit {
  ByteRange range;
  int tokens = 0;  // of its own bytes
  Border border = Border::kSentence;
  bool whole = true;     // false: a part of a sentence or line
  bool heading = false;  // should not be the last of its piece
  int block = -1;        // fenced code or a table: units of equal number are kept together where they fit
  int path = 0;          // index into UnitList::paths
};

struct UnitList {
  std::vector<Unit> units;                      // by range.begin
  std::vector<std::vector<std::string>> paths;  // of enclosing headings; the first is empty
};

}  // namespace precis::split
