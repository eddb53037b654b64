#include "assemble.h"

#include <algorithm>

#include "boundaries.h"
#include "precis/base/utf8.h"
#include "precis/compress/compressor.h"

namespace precis::compress {
namespace {

constexpr size_t kSourceLineBytes = 512;

// A run of the text before backslashes are put in.
struct Run {
  int64_t begin;
  Span span;  // without `output`
  int piece;  // -1: a delimiter
  bool ours;  // marks and separators: never escaped
};

bool IsLineBreak(char32_t c) { return (c >= 10 && c <= 13) || c == 0x85 || c == 0x2028 || c == 0x2029; }

// What may stand between the start of a line and something that reads as a mark: no letters and digits, nothing visible
// beyond ASCII.
bool IsLeader(char32_t c) {
  if (c < 0x80) return !(c >= '0' && c <= '9') && !((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && c != '[';
  return IsSpace(c) || c == 0xAD || (c >= 0x200B && c <= 0x200F) || (c >= 0x202A && c <= 0x202E) ||
         (c >= 0x2060 && c <= 0x2069);
}

// "[", digits, "]", with spaces allowed inside.
bool ReadsAsMark(std::string_view text, size_t i) {
  if (text[i] != '[') return false;
  ++i;
  while (i < text.size() && (text[i] == ' ' || text[i] == '\t')) ++i;
  const size_t digits = i;
  while (i < text.size() && text[i] >= '0' && text[i] <= '9') ++i;
  if (i == digits) return false;
  while (i < text.size() && (text[i] == ' ' || text[i] == '\t')) ++i;
  return i < text.size() && text[i] == ']';
}

void FindForgedMarks(std::string_view text, const std::vector<Run>& runs, bool anywhere,
                     std::vector<int64_t>* escapes) {
  for (size_t r = 0; r < runs.size(); ++r) {
    if (runs[r].ours) continue;
    const size_t end = r + 1 < runs.size() ? static_cast<size_t>(runs[r + 1].begin) : text.size();
    bool could_be_mark = true;
    for (size_t i = static_cast<size_t>(runs[r].begin); i < end;) {
      if (could_be_mark && ReadsAsMark(text, i)) escapes->push_back(static_cast<int64_t>(i));
      const DecodedChar c = DecodeUtf8(text, i);
      if (IsLineBreak(c.code_point) || (anywhere && IsSpace(c.code_point))) {
        could_be_mark = true;
      } else if (!IsLeader(c.code_point)) {
        could_be_mark = false;
      }
      i += static_cast<size_t>(c.length);
    }
  }
}

void FindReserved(std::string_view text, const std::vector<Run>& runs, const std::string& reserved,
                  std::vector<int64_t>* escapes) {
  const auto first = static_cast<size_t>(DecodeUtf8(reserved, 0).length);
  const size_t inside = first < reserved.size() ? first : 0;
  size_t run = 0;
  for (size_t at = text.find(reserved); at != std::string_view::npos; at = text.find(reserved, at + 1)) {
    while (run + 1 < runs.size() && static_cast<size_t>(runs[run + 1].begin) <= at) ++run;
    // Only what the caller's own separators spell in full is left alone.
    const size_t end = run + 1 < runs.size() ? static_cast<size_t>(runs[run + 1].begin) : text.size();
    if (runs[run].ours && at + reserved.size() <= end) continue;
    escapes->push_back(static_cast<int64_t>(at + inside));
  }
}

class Writer {
 public:
  explicit Writer(const ContextFormat& format) : format_(format) {}

  void Add(std::string_view text, Span span, int piece, bool ours) {
    if (text.empty()) return;
    runs_.push_back({static_cast<int64_t>(text_.size()), std::move(span), piece, ours});
    text_.append(text);
  }
  bool empty() const { return text_.empty(); }

  Layout Finish() {
    std::vector<int64_t> escapes;
    if (format_.citation_style != CitationStyle::kNone) {
      const bool lines = std::any_of(format_.passage_separator.begin(), format_.passage_separator.end(),
                                     [](char c) { return c == '\n' || c == '\r'; });
      FindForgedMarks(text_, runs_, !lines, &escapes);
    }
    for (const std::string& reserved : format_.reserved) FindReserved(text_, runs_, reserved, &escapes);
    std::sort(escapes.begin(), escapes.end());
    escapes.erase(std::unique(escapes.begin(), escapes.end()), escapes.end());

    Layout layout;
    layout.text.reserve(text_.size() + escapes.size());
    size_t next = 0;
    for (size_t r = 0; r < runs_.size(); ++r) {
      const int64_t end = r + 1 < runs_.size() ? runs_[r + 1].begin : static_cast<int64_t>(text_.size());
      int64_t begin = runs_[r].begin;
      while (begin < end) {
        const bool escape = next < escapes.size() && escapes[next] == begin;
        if (escape) {
          ++next;
          Span backslash;
          backslash.passage = runs_[r].span.passage;
          backslash.number = runs_[r].span.number;
          Emit("\\", std::move(backslash), -1, 0, &layout);
        }
        const int64_t stop = next < escapes.size() ? std::min(end, escapes[next]) : end;
        Span span = runs_[r].span;
        if (span.verbatim()) {
          span.source = {span.source.begin + (begin - runs_[r].begin), span.source.begin + (stop - runs_[r].begin)};
        }
        Emit(Slice(text_, {begin, stop}), std::move(span), runs_[r].piece, begin - runs_[r].begin, &layout);
        begin = stop;
      }
    }
    return layout;
  }

 private:
  static void Emit(std::string_view text, Span span, int piece, int64_t offset, Layout* layout) {
    const auto begin = static_cast<int64_t>(layout->text.size());
    layout->text.append(text);
    span.output = {begin, static_cast<int64_t>(layout->text.size())};
    layout->spans.push_back(std::move(span));
    layout->pieces.push_back(piece);
    layout->piece_offsets.push_back(offset);
  }

  const ContextFormat& format_;
  std::string text_;
  std::vector<Run> runs_;
};

// On one line, without control characters.
std::string OneLine(std::string_view text) {
  std::string line;
  for (size_t i = 0; i < text.size();) {
    const DecodedChar c = DecodeUtf8(text, i);
    const bool space = IsSpace(c.code_point) || c.code_point < 0x20 || c.code_point == 0x7F;
    if (!space) {
      AppendUtf8(c.code_point, &line);
    } else if (!line.empty() && line.back() != ' ') {
      line.push_back(' ');
    }
    i += static_cast<size_t>(c.length);
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

// Whether a line ends between two kept pieces of a passage: what follows is another paragraph, a heading, an entry.
bool OnDifferentLines(const Draft& draft, const Piece& a, const Piece& b) {
  if (!a.verbatim() || !b.verbatim() || a.passage != b.passage || b.source.begin < a.source.end) return false;
  const std::string& text = (*draft.passages)[static_cast<size_t>(a.passage)].text;
  const std::string_view between = Slice(text, {a.source.end, b.source.begin});
  return between.find('\n') != std::string_view::npos || between.find('\r') != std::string_view::npos;
}

// The omission mark where a line ends with it.
std::string LineBreak(std::string mark) {
  if (mark.find('\n') != std::string::npos) return mark;
  while (!mark.empty() && (mark.back() == ' ' || mark.back() == '\t')) mark.pop_back();
  return mark + "\n";
}

}  // namespace

std::string PassageMark(int number) { return "[" + std::to_string(number) + "] "; }

std::string SourceLine(const Passage& passage) {
  std::string line = OneLine(passage.title);
  const std::string uri = OneLine(passage.uri);
  if (line.empty()) {
    line = uri;
  } else if (!uri.empty()) {
    line += " (" + uri + ")";
  }
  for (const std::string& heading : passage.heading_path) {
    const std::string name = OneLine(heading);
    if (!name.empty()) line += (line.empty() ? "" : " > ") + name;
  }
  if (line.size() > kSourceLineBytes) line.resize(FloorToCharBoundary(line, kSourceLineBytes));
  return line;
}

Layout Assemble(const Draft& draft, const ContextFormat& format) {
  Writer writer(format);
  const std::string line_break = LineBreak(format.omission_mark);
  int number = 0, piece_index = 0;
  for (const Block& block : draft.blocks) {
    if (!writer.empty()) writer.Add(format.passage_separator, {}, -1, true);
    Span own;
    own.passage = block.passage;
    if (format.citation_style == CitationStyle::kBracketNumber) {
      own.number = ++number;
      writer.Add(PassageMark(number), own, -1, true);
    }
    if (format.include_source_line && block.passage >= 0) {
      const std::string line = SourceLine((*draft.passages)[static_cast<size_t>(block.passage)]);
      if (!line.empty()) {
        writer.Add(line, own, -1, false);
        writer.Add("\n", own, -1, true);
      }
    }
    for (size_t p = 0; p < block.pieces.size(); ++p, ++piece_index) {
      const Piece& piece = block.pieces[p];
      if (p > 0) {
        const bool line_ends = OnDifferentLines(draft, block.pieces[p - 1], piece);
        writer.Add(line_ends ? line_break : format.omission_mark, own, -1, true);
      }
      Span span;
      span.number = own.number;
      if (piece.verbatim()) {
        span.kind = SpanKind::kVerbatim;
        span.passage = piece.passage;
        span.source = piece.source;
      } else {
        span.kind = SpanKind::kRewritten;
        span.passage = piece.cited.size() == 1 ? piece.cited[0] : -1;
        span.cited_passages = piece.cited;
      }
      writer.Add(draft.TextOf(piece), std::move(span), piece_index, false);
    }
  }
  return writer.Finish();
}

}  // namespace precis::compress
