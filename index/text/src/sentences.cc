#include "precis/text/sentences.h"

#include <unicode/uchar.h>

#include <algorithm>

#include "precis/base/utf8.h"
#include "precis/text/lines.h"
#include "src/abbreviations.h"
#include "src/chars.h"

namespace precis::text {
namespace {

// How far back a stop looks for its word: longer words are no abbreviations. Keeps the scan linear.
constexpr int64_t kMaxWord = 32;

bool IsLatinStop(char32_t c) { return c == '.' || c == '!' || c == '?' || c == 0x2026; }

// Full stops of scripts that put no space after them, or that have no other use for the mark.
bool IsOtherStop(char32_t c) {
  return c == 0x3002 || c == 0xFF01 || c == 0xFF1F || c == 0xFF61 || c == 0x0964 || c == 0x0965 || c == 0x061F ||
         c == 0x06D4 || c == 0x1362 || c == 0x203C || c == 0x2047 || c == 0x2048 || c == 0x2049;
}

// May stand between a stop and the white space that ends the sentence.
bool IsCloser(char32_t c) {
  switch (c) {
    case '"':
    case '\'':
    case ')':
    case ']':
    case '}':
    case '*':
    case '_':
    case '`':
    case 0x00BB:  // guillemet
    case 0x2019:  // right single quote
    case 0x201D:  // right double quote
    case 0x300D:  // corner brackets
    case 0x300F:
    case 0x3011:
    case 0xFF09:  // full-width parenthesis
      return true;
    default:
      return false;
  }
}

bool IsOpener(char32_t c) {
  switch (c) {
    case '"':
    case '\'':
    case '(':
    case '[':
    case '{':
    case '*':
    case '_':
    case '`':
    case 0x00AB:
    case 0x00BF:
    case 0x00A1:
    case 0x2018:
    case 0x201C:
      return true;
    default:
      return false;
  }
}

class Splitter {
 public:
  Splitter(std::string_view text, int64_t max_bytes) : text_(text), max_bytes_(max_bytes) {}

  std::vector<ByteRange> Run() {
    LineScanner scanner(text_);
    Line line;
    int64_t block_begin = 0, block_end = 0;  // lines that may hold one sentence over several lines
    const auto flush = [&] {
      if (block_end > block_begin) SplitBlock({block_begin, block_end});
      block_begin = block_end;
    };
    while (scanner.Next(&line)) {
      switch (line.kind) {
        case LineKind::kText:
          if (block_end == block_begin) block_begin = line.range.begin;
          block_end = line.range.end;
          break;
        case LineKind::kListItem:
          flush();
          block_begin = line.range.begin;
          block_end = line.range.end;
          break;
        case LineKind::kFence:
        case LineKind::kFenced:
        case LineKind::kRule:
        case LineKind::kTableRow:
        case LineKind::kHeading:
        case LineKind::kBlank:
          flush();
          Emit(line.range.begin, line.range.end);
          block_begin = block_end = line.next;
          break;
      }
    }
    flush();
    return std::move(sentences_);
  }

 private:
  DecodedChar At(int64_t i) const { return DecodeUtf8(text_, static_cast<size_t>(i)); }
  char Byte(int64_t i) const { return text_[static_cast<size_t>(i)]; }

  // Adds [begin, end) without its surrounding white space, cut to max_bytes.
  void Emit(int64_t begin, int64_t end) {
    begin = std::min(SkipSpace(text_.substr(0, static_cast<size_t>(end)), begin), end);
    end = TrimEnd(text_, begin, end);
    while (end - begin > max_bytes_) {
      int64_t cut = LastSpaceIn(begin, begin + max_bytes_);
      if (cut <= begin) {
        cut = static_cast<int64_t>(FloorToCharBoundary(text_, static_cast<size_t>(begin + max_bytes_)));
        // A character wider than max_bytes stays whole.
        if (cut <= begin) cut = begin + At(begin).length;
      }
      sentences_.push_back({begin, TrimEnd(text_, begin, cut)});
      begin = SkipSpace(text_, cut);
    }
    if (begin < end) sentences_.push_back({begin, end});
  }

  // Where white space begins, looking back from `limit`; `begin` where there is none.
  int64_t LastSpaceIn(int64_t begin, int64_t limit) const {
    for (int64_t i = limit; i > begin; --i) {
      if (SpaceLength(text_, i) > 0) return i;
    }
    return begin;
  }

  void SplitBlock(const ByteRange& block) {
    int64_t sentence_begin = block.begin;
    for (int64_t i = block.begin; i < block.end;) {
      const char byte = Byte(i);
      const bool ascii = static_cast<uint8_t>(byte) < 0x80;
      if (ascii && byte != '.' && byte != '!' && byte != '?') {
        ++i;
        continue;
      }
      const DecodedChar c = At(i);
      const bool other = !ascii && IsOtherStop(c.code_point);
      if (!other && !IsLatinStop(c.code_point)) {
        i += c.length;
        continue;
      }
      const int64_t stop = i;
      const int64_t stops_end = SkipWhile(i, block.end, [](char32_t x) { return IsLatinStop(x) || IsOtherStop(x); });
      const int64_t after = SkipReferences(SkipWhile(stops_end, block.end, IsCloser), block.end);
      if (other || EndsSentence(block, stop, stops_end, after)) {
        Emit(sentence_begin, after);
        sentence_begin = after;
      }
      i = after;
    }
    Emit(sentence_begin, block.end);
  }

  template <typename Predicate>
  int64_t SkipWhile(int64_t i, int64_t end, Predicate is_skipped) const {
    while (i < end) {
      const DecodedChar c = At(i);
      if (!c.valid || !is_skipped(c.code_point)) break;
      i += c.length;
    }
    return i;
  }

  // "[12]" behind a stop belongs to its sentence.
  int64_t SkipReferences(int64_t i, int64_t end) const {
    while (i < end && Byte(i) == '[') {
      int64_t j = i + 1;
      while (j < end && j < i + 5 && IsAsciiDigit(Byte(j))) ++j;
      if (j == i + 1 || j >= end || Byte(j) != ']') break;
      i = j + 1;
    }
    return i;
  }

  // Whether the Latin stops [stop, stops_end), with closing marks up to `after`, end a sentence of `block`.
  bool EndsSentence(const ByteRange& block, int64_t stop, int64_t stops_end, int64_t after) const {
    if (after >= block.end) return true;
    if (SpaceLength(text_, after) == 0) return false;  // "3.11", "file.txt", "end.Next"
    const int64_t next = SkipWhile(SkipSpace(text_, after), block.end, IsOpener);
    if (next >= block.end) return true;
    const DecodedChar first = At(next);
    if (first.valid && u_islower(static_cast<UChar32>(first.code_point))) return false;
    // A mark that sentences do not begin with: "Inc., a firm".
    if (first.code_point == ',' || first.code_point == ';' || first.code_point == ':') return false;
    const bool single_stop = stops_end - stop == 1 && Byte(stop) == '.';
    if (!single_stop || after != stops_end) return true;

    int64_t word_begin = stop;
    while (word_begin > block.begin && stop - word_begin <= kMaxWord) {
      const char c = Byte(word_begin - 1);
      if (!IsAsciiAlnum(c) && c != '.') break;
      --word_begin;
    }
    const std::string_view word = Slice(text_, {word_begin, stop});
    if (word.size() > kMaxWord) return true;
    // "1. First item".
    const bool opens_block = SkipSpace(text_, block.begin) == word_begin;
    if (opens_block && !word.empty() && std::all_of(word.begin(), word.end(), IsAsciiDigit)) return false;
    switch (KindOfStop(word)) {
      case StopKind::kOrdinary:
        return true;
      case StopKind::kNever:
        return false;
      case StopKind::kBeforeNumber:
        return !(first.code_point < 0x80 && IsAsciiDigit(static_cast<char>(first.code_point)));
      case StopKind::kMayEnd: {
        int64_t next_end = next;
        while (next_end < block.end && next_end - next <= kMaxWord && IsAsciiLetter(Byte(next_end))) ++next_end;
        return IsSentenceStarter(Slice(text_, {next, next_end}));
      }
    }
    return true;
  }

  std::string_view text_;
  int64_t max_bytes_;
  std::vector<ByteRange> sentences_;
};

}  // namespace

std::vector<ByteRange> SplitSentences(std::string_view text, int64_t max_bytes) {
  return Splitter(text, std::max<int64_t>(max_bytes, 1)).Run();
}

}  // namespace precis::text
