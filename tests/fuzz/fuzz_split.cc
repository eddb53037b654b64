// Any text to pieces; the first two bytes choose the mode, the size of a piece and the overlap.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "precis/base/utf8.h"
#include "precis/split/splitter.h"
#include "tests/index/split/fake_tokenizers.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace precis::split;
  if (size < 2) return 0;
  const std::string text = precis::ReplaceInvalidUtf8({reinterpret_cast<const char*>(data) + 2, size - 2});
  static const WordTokenizer* tokenizer = new WordTokenizer();
  constexpr SplitMode kModes[] = {SplitMode::kProse, SplitMode::kMarkdown, SplitMode::kCodeLines, SplitMode::kAuto};
  SplitOptions options;
  options.mode = kModes[data[0] % 4];
  options.max_tokens = 16 + data[0] / 4;
  options.overlap_tokens = data[1] % (options.max_tokens / 2 + 1);
  options.tokenizer = tokenizer;
  const auto result = Split(text, options, precis::CallContext());
  if (!result.ok()) abort();  // every option is in its range
  const auto blank = [](std::string_view part) { return part.find_first_not_of(" \t\n\r\v\f") == part.npos; };
  int64_t covered = 0;
  int64_t begin = -1;
  for (const Piece& piece : result->pieces) {
    if (piece.range.begin < begin || piece.range.begin >= piece.range.end) abort();
    if (piece.range.end > static_cast<int64_t>(text.size()) || piece.tokens > options.max_tokens) abort();
    if (options.overlap_tokens == 0 && piece.range.begin < covered) abort();
    const std::string_view bytes = std::string_view(text).substr(
        static_cast<size_t>(piece.range.begin), static_cast<size_t>(piece.range.end - piece.range.begin));
    if (piece.tokens != static_cast<int>(tokenizer->Tokens(bytes).size())) abort();
    if (covered < piece.range.begin) {
      const std::string_view gap =
          std::string_view(text).substr(static_cast<size_t>(covered), static_cast<size_t>(piece.range.begin - covered));
      // White space beyond ASCII counts too; only text that ASCII can tell is looked at.
      bool ascii = true;
      for (const char c : gap) ascii = ascii && static_cast<uint8_t>(c) < 0x80;
      if (ascii && !blank(gap)) abort();
    }
    begin = piece.range.begin;
    covered = std::max(covered, piece.range.end);
  }
  return 0;
}
