#include "gateway/label_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"

namespace precis::services {
namespace {

// A line whose beginning is no label after so many bytes has none.
constexpr size_t kLongestLabel = 40;

bool IsLead(char c) { return c == ' ' || c == '\t' || c == '*' || c == '#' || c == '-' || c == '>' || c == '_'; }

// Whatever the case; `head` is lower case or the beginning of a line.
bool BeginsWith(std::string_view text, std::string_view head) {
  return text.size() >= head.size() && std::equal(head.begin(), head.end(), text.begin(), [](char a, char b) {
           return absl::ascii_tolower(static_cast<unsigned char>(a)) ==
                  absl::ascii_tolower(static_cast<unsigned char>(b));
         });
}

}  // namespace

LabelReader::Label LabelReader::ReadLabel(std::string_view line, bool complete) {
  const auto unfinished = [&] { return Label{complete ? Label::kNone : Label::kPrefix, 0, 0}; };
  size_t i = 0;
  while (i < line.size() && i < kLongestLabel && IsLead(line[i])) ++i;
  if (i == line.size()) return unfinished();
  Label label;
  const std::string_view rest = line.substr(i);
  static constexpr std::pair<std::string_view, Label::Kind> kWords[] = {
      {"answer", Label::kAnswer}, {"question", Label::kQuestion}, {"a", Label::kAnswer}, {"q", Label::kQuestion}};
  for (const auto& [word, kind] : kWords) {
    if (rest.size() < word.size() && BeginsWith(word, rest)) return unfinished();
    if (!BeginsWith(rest, word)) continue;
    label.kind = kind;
    i += word.size();
    break;
  }
  if (label.kind == Label::kNone) label.kind = Label::kBare;
  while (i < line.size() && i < kLongestLabel && label.kind != Label::kBare && (line[i] == ' ' || line[i] == '#')) ++i;
  size_t digits = 0;
  while (i < line.size() && digits < 4 && absl::ascii_isdigit(static_cast<unsigned char>(line[i]))) {
    label.number = label.number * 10 + (line[i] - '0');
    ++i;
    ++digits;
  }
  if (i == line.size()) return i < kLongestLabel ? unfinished() : Label{};
  if (digits == 0 || label.number == 0) return {};
  while (i < line.size() && i < kLongestLabel && (line[i] == '*' || line[i] == '_' || line[i] == ' ')) ++i;
  if (i == line.size()) return unfinished();
  if (line[i] != ':' && line[i] != '.' && line[i] != ')') return {};
  ++i;
  // "1.5 litres" is no label; where nothing follows yet, that cannot be told.
  if (i == line.size() && !complete) return {Label::kPrefix, 0, 0};
  if (i < line.size() && absl::ascii_isdigit(static_cast<unsigned char>(line[i]))) return {};
  while (i < line.size() && (line[i] == '*' || line[i] == '_')) ++i;
  if (i == line.size() && !complete) return {Label::kPrefix, 0, 0};
  label.length = i;
  return label;
}

bool LabelReader::BeginLine(bool complete) {
  const Label label = ReadLabel(line_, complete);
  if (label.kind == Label::kPrefix) return false;
  const bool bare_counts = label.kind == Label::kBare && !worded_ && label.number == last_number_ + 1;
  if (label.kind == Label::kAnswer || bare_counts) {
    if (label.kind == Label::kAnswer) worded_ = true;
    last_number_ = label.number;
    gap_.clear();
    begun_ = false;
    const auto index = static_cast<size_t>(label.number - 1);
    current_ = index < seen_.size() && ++seen_[index] == 1 ? static_cast<int>(index) : -1;
    line_.erase(0, label.length);
  } else if (label.kind == Label::kQuestion) {
    current_ = -1;
  }
  return true;
}

void LabelReader::Take(std::string_view text, std::vector<Piece>* pieces) {
  if (current_ < 0 || text.empty()) return;
  const size_t first = text.find_first_not_of(" \t\n\r");
  if (first == std::string_view::npos) {
    if (begun_) gap_ += text;
    return;
  }
  const size_t last = text.find_last_not_of(" \t\n\r");
  std::string piece;
  if (begun_) {
    piece = gap_;
    piece += text.substr(0, last + 1);
  } else {
    piece = text.substr(first, last + 1 - first);
  }
  begun_ = true;
  gap_ = text.substr(last + 1);
  if (!pieces->empty() && pieces->back().label == current_) {
    pieces->back().text += piece;
  } else {
    pieces->push_back({current_, std::move(piece)});
  }
}

std::vector<LabelReader::Piece> LabelReader::Add(std::string_view text) {
  std::vector<Piece> pieces;
  for (size_t i = 0; i < text.size(); ++i) {
    if (at_line_start_) {
      line_ += text[i];
      const bool ends = text[i] == '\n';
      if (!BeginLine(ends)) continue;
      Take(line_, &pieces);
      at_line_start_ = ends;
      line_.clear();
      continue;
    }
    const size_t end = std::min(text.find('\n', i), text.size() - 1);
    Take(text.substr(i, end + 1 - i), &pieces);
    at_line_start_ = text[end] == '\n';
    i = end;
  }
  return pieces;
}

std::vector<LabelReader::Piece> LabelReader::Finish() {
  std::vector<Piece> pieces;
  if (at_line_start_ && !line_.empty()) {
    BeginLine(true);
    Take(line_, &pieces);
    line_.clear();
  }
  return pieces;
}

}  // namespace precis::services
