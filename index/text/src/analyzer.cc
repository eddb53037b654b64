#include "precis/text/analyzer.h"

#include <algorithm>

#include "precis/base/utf8.h"
#include "src/chars.h"
#include "src/fold.h"
#include "src/porter.h"

namespace precis::text {
namespace {

constexpr size_t kMaxTermBytes = 64;
// Longer words are encoded data, not identifiers: their parts would say nothing.
constexpr int64_t kMaxIdentifierBytes = 256;
// ICU counts in 32 bits and gets slower with the length of its text, so long runs are handed over in parts.
constexpr int64_t kMaxUnicodeRun = 1 << 16;

bool JoinsWord(char c) { return IsAsciiAlnum(c) || c == '_'; }

// Finds words and hands each term to `sink(std::string&& term, ByteRange bytes, int position)`.
template <typename Sink>
class Analyzer {
 public:
  Analyzer(std::string_view text, const AnalyzerOptions& options, Sink sink)
      : text_(text), size_(static_cast<int64_t>(text.size())), options_(options), sink_(std::move(sink)) {}

  void Run() {
    int64_t i = 0;
    while (i < size_) {
      const char c = Byte(i);
      if (static_cast<uint8_t>(c) >= 0x80) {
        i = UnicodeRun(i, i);
      } else if (JoinsWord(c)) {
        const int64_t end = AsciiWordEnd(i);
        // "na" of "naive" with a diaeresis: the word goes on outside ASCII.
        if (end < size_ && static_cast<uint8_t>(Byte(end)) >= 0x80) {
          i = UnicodeRun(i, end);
        } else {
          AsciiWord(i, end);
          i = end;
        }
      } else {
        ++i;
      }
    }
  }

 private:
  char Byte(int64_t i) const { return text_[static_cast<size_t>(i)]; }

  // UAX #29 for ASCII but for three marks that glue what people search apart: ":" and ";" always end a word, and ","
  // joins digits only as a thousands separator.
  int64_t AsciiWordEnd(int64_t i) const {
    for (++i; i < size_; ++i) {
      const char c = Byte(i);
      if (JoinsWord(c)) continue;
      if (i + 1 >= size_) break;
      const char before = Byte(i - 1), after = Byte(i + 1);
      const bool letters = IsAsciiLetter(before) && IsAsciiLetter(after);
      const bool digits = IsAsciiDigit(before) && IsAsciiDigit(after);
      if ((c == '.' || c == '\'') && (letters || digits)) continue;
      if (c == ',' && digits && IsThousandsGroup(i + 1)) continue;
      break;
    }
    return i;
  }

  // Exactly three digits from `i` on.
  bool IsThousandsGroup(int64_t i) const {
    if (i + 3 > size_) return false;
    for (int64_t j = i; j < i + 3; ++j) {
      if (!IsAsciiDigit(Byte(j))) return false;
    }
    return i + 3 == size_ || !JoinsWord(Byte(i + 3));
  }

  void AsciiWord(int64_t begin, int64_t end) {
    // A word of underscores alone is a rule or a blank to fill in.
    while (begin < end && Byte(begin) == '_') ++begin;
    while (end > begin && Byte(end - 1) == '_') --end;
    if (begin == end) return;
    std::string folded;
    folded.reserve(std::min<size_t>(static_cast<size_t>(end - begin), kMaxTermBytes));
    bool compound = false;
    for (int64_t i = begin; i < end; ++i) {
      const char c = Byte(i);
      if (c == ',') continue;
      if (i > begin && (c == '_' || c == '.' || IsAsciiUpper(c))) compound = true;
      if (folded.size() < kMaxTermBytes) folded.push_back(AsciiLower(c));
    }
    if (folded.size() > 2 && folded.compare(folded.size() - 2, 2, "'s") == 0) folded.resize(folded.size() - 2);
    AddTerm(std::move(folded), {begin, end});
    if (compound && options_.split_identifiers && end - begin <= kMaxIdentifierBytes) AddParts(begin, end);
    ++position_;
  }

  // camelCase, HTTPServer, snake_case, dotted.name; a number's digits stay together.
  void AddParts(int64_t begin, int64_t end) {
    int64_t part = begin;
    int parts = 0;
    for (int64_t i = begin; i <= end; ++i) {
      const char c = i < end ? Byte(i) : '_';
      const bool separator = c == '_' || (c == '.' && IsAsciiLetter(Byte(i - 1)));
      const bool hump = !separator && i > part && IsAsciiUpper(c) &&
                        (!IsAsciiUpper(Byte(i - 1)) || (i + 1 < end && IsAsciiLower(Byte(i + 1))));
      if (!separator && !hump) continue;
      if (i > part && !(part == begin && i == end)) {
        std::string folded(Slice(text_, {part, i}));
        std::transform(folded.begin(), folded.end(), folded.begin(), AsciiLower);
        if (folded.size() > kMaxTermBytes) folded.resize(kMaxTermBytes);
        AddTerm(std::move(folded), {part, i});
        ++parts;
      }
      part = separator ? i + 1 : i;
    }
  }

  // Words of a run that holds more than ASCII, from `begin` on; bytes before `scan` are known to belong to it. Returns
  // its end: ASCII that joins no word, or CJK, which is taken care of here.
  int64_t UnicodeRun(int64_t begin, int64_t scan) {
    int64_t i = scan;
    while (i < size_ && i - begin < kMaxUnicodeRun) {
      const char c = Byte(i);
      if (static_cast<uint8_t>(c) < 0x80) {
        if (!JoinsWord(c) && !(c == '\'' || c == '.')) break;
        ++i;
        continue;
      }
      const DecodedChar decoded = DecodeUtf8(text_, static_cast<size_t>(i));
      if (IsCjk(decoded.code_point)) break;
      i += decoded.length;
    }
    UnicodeWords({begin, i});
    return CjkRun(i);
  }

  void UnicodeWords(const ByteRange& run) {
    words_.clear();
    AppendUnicodeWords(Slice(text_, run), &words_);
    for (const ByteRange& word : words_) {
      const ByteRange bytes = {run.begin + word.begin, run.begin + word.end};
      const std::string_view raw = Slice(text_, bytes);
      if (std::all_of(raw.begin(), raw.end(), [](char c) { return static_cast<uint8_t>(c) < 0x80; })) {
        AsciiWord(bytes.begin, bytes.end);
        continue;
      }
      // Folding at most triples the length (ligatures), so what is cut off below was beyond the limit anyway.
      std::string folded = FoldUnicode(raw.substr(0, FloorToCharBoundary(raw, std::min<size_t>(raw.size(), 1024))));
      if (folded.size() > kMaxTermBytes) folded.resize(FloorToCharBoundary(folded, kMaxTermBytes));
      if (!folded.empty()) AddTerm(std::move(folded), bytes);
      ++position_;
    }
  }

  // Each character, and each with the next one.
  int64_t CjkRun(int64_t i) {
    while (i < size_ && static_cast<uint8_t>(Byte(i)) >= 0x80) {
      const DecodedChar c = DecodeUtf8(text_, static_cast<size_t>(i));
      if (!IsCjk(c.code_point)) break;
      const int64_t next = i + c.length;
      AddTerm(std::string(Slice(text_, {i, next})), {i, next});
      if (next < size_) {
        const DecodedChar second = DecodeUtf8(text_, static_cast<size_t>(next));
        if (IsCjk(second.code_point)) {
          AddTerm(std::string(Slice(text_, {i, next + second.length})), {i, next + second.length});
        }
      }
      ++position_;
      i = next;
    }
    return i;
  }

  void AddTerm(std::string term, const ByteRange& bytes) {
    if (options_.stem) PorterStem(&term);
    sink_(std::move(term), bytes, position_);
  }

  std::string_view text_;
  int64_t size_;
  const AnalyzerOptions& options_;
  Sink sink_;
  int position_ = 0;
  std::vector<ByteRange> words_;
};

}  // namespace

std::vector<Term> Analyze(std::string_view text, const AnalyzerOptions& options) {
  std::vector<Term> terms;
  Analyzer(text, options, [&terms](std::string&& term, const ByteRange& bytes, int position) {
    terms.push_back({std::move(term), bytes, position});
  }).Run();
  return terms;
}

std::vector<std::string> AnalyzeTerms(std::string_view text, const AnalyzerOptions& options) {
  std::vector<std::string> terms;
  Analyzer(text, options, [&terms](std::string&& term, const ByteRange&, int) {
    terms.push_back(std::move(term));
  }).Run();
  return terms;
}

}  // namespace precis::text
