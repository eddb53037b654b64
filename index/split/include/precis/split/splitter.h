// Documents to chunks that fit an encoder, counted with its tokenizer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "precis/base/byte_range.h"
#include "precis/base/call_context.h"
#include "precis/engine/tokenizer.h"

namespace precis::split {

enum class SplitMode {
  kAuto,       // by media type and language
  kProse,      // paragraphs, then sentences
  kMarkdown,   // sections by heading, then as prose; code fences and tables stay whole where they fit
  kCodeLines,  // whole lines, preferring blank lines and lines without indentation
  kSea,        // AST (issue of its own): Unimplemented until then
};

struct SplitOptions {
  SplitMode mode = SplitMode::kAuto;
  std::string media_type;              // "text/markdown"; empty: plain
  std::string language;                // "python"; empty: unknown
  int max_tokens = 256;                // of a piece, without special tokens; >= 16
  int overlap_tokens = 32;             // shared by neighbours at most; <= max_tokens / 2; whole sentences or lines only
  const engine::Tokenizer* tokenizer;  // the encoder's; not owned
};

struct Piece {
  ByteRange range;                        // in the text; pieces come in order of `begin`
  int tokens = 0;                         // of the bytes of `range`, counted on their own
  std::vector<std::string> heading_path;  // enclosing headings, outermost first
};

struct SplitResult {
  std::vector<Piece> pieces;
  SplitMode mode = SplitMode::kProse;  // the one that was used
  std::vector<std::string> warnings;   // e.g. a word that had to be cut, with its place
};

// Pieces cover every byte of `text` but white space at their borders, and with overlap 0 no byte twice; each has at
// most max_tokens tokens. Empty or blank text gives no pieces. Time is near linear in the size.
// Errors: InvalidArgument (options out of range, with the limit), Unimplemented (kSea), Cancelled, DeadlineExceeded.
absl::StatusOr<SplitResult> Split(std::string_view text, const SplitOptions& options, const CallContext& call);

// Changes whenever the same input may give other pieces: part of every version id.
inline constexpr int kSplitterVersion = 1;

}  // namespace precis::split
