#include "cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "precis/base/utf8.h"

namespace precis::cli {
namespace {

constexpr auto kRedraw = std::chrono::milliseconds(100);
constexpr auto kPlainLine = std::chrono::seconds(5);

// Characters as a terminal counts them, near enough: code points.
int Columns(std::string_view text) {
  int count = 0;
  for (char c : text) count += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return count;
}

std::string Cut(std::string_view text, int columns) {
  int count = 0;
  for (size_t i = 0; i < text.size();) {
    if (count == columns - 3 && Columns(text.substr(i)) > 3) return std::string(text.substr(0, i)) + "...";
    i += static_cast<size_t>(DecodeUtf8(text, i).length);
    ++count;
  }
  return std::string(text);
}

std::string Format(const char* format, double value) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, format, value);
  return buffer;
}

}  // namespace

bool IsRichTerminal(int fd) {
  const char* term = std::getenv("TERM");
  const char* no_color = std::getenv("NO_COLOR");
  return isatty(fd) && !(no_color && *no_color) && !(term && std::strcmp(term, "dumb") == 0);
}

int TerminalWidth(int fd) {
  winsize size;
  if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20) return size.ws_col;
  return 100;
}

std::string Styled(std::string_view text, Style style, int fd) {
  if (style == Style::kPlain || !IsRichTerminal(fd)) return std::string(text);
  const char* code = "0";
  switch (style) {
    case Style::kBold:
      code = "1";
      break;
    case Style::kDim:
      code = "2";
      break;
    case Style::kRed:
      code = "31";
      break;
    case Style::kGreen:
      code = "32";
      break;
    case Style::kYellow:
      code = "33";
      break;
    case Style::kCyan:
      code = "36";
      break;
    case Style::kPlain:
      break;
  }
  return std::string("\x1b[") + code + "m" + std::string(text) + "\x1b[0m";
}

std::string Printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const DecodedChar c = DecodeUtf8(text, i);
    const bool control = (c.code_point < 0x20 && c.code_point != '\n' && c.code_point != '\t') ||
                         (c.code_point >= 0x7F && c.code_point < 0xA0);
    // Direction overrides can make a line read as something else.
    const bool direction =
        (c.code_point >= 0x202A && c.code_point <= 0x202E) || (c.code_point >= 0x2066 && c.code_point <= 0x2069);
    if (!c.valid || control || direction) {
      AppendUtf8(0xFFFD, &out);
    } else {
      out.append(text.substr(i, static_cast<size_t>(c.length)));
    }
    i += static_cast<size_t>(c.length);
  }
  return out;
}

std::string OneLine(std::string_view text, int columns) {
  std::string folded;
  bool space = false;
  for (char c : Printable(text)) {
    if (c == ' ' || c == '\n' || c == '\t') {
      space = !folded.empty();
      continue;
    }
    if (space) folded.push_back(' ');
    space = false;
    folded.push_back(c);
  }
  return Cut(folded, std::max(columns, 8));
}

std::string WithThousands(int64_t value) {
  std::string digits = std::to_string(value < 0 ? -value : value);
  for (int i = static_cast<int>(digits.size()) - 3; i > 0; i -= 3) digits.insert(static_cast<size_t>(i), ",");
  return value < 0 ? "-" + digits : digits;
}

std::string Counted(int64_t count, std::string_view noun) {
  return WithThousands(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

std::string HumanBytes(int64_t bytes) {
  static constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  int unit = 0;
  while (value >= 1000 && unit < 4) {
    value /= 1000;
    ++unit;
  }
  return Format(unit == 0 ? "%.0f " : "%.1f ", value) + kUnits[unit];
}

std::string HumanDuration(double seconds) {
  if (seconds < 0.001) return Format("%.0f us", seconds * 1e6);
  if (seconds < 1) return Format("%.0f ms", seconds * 1e3);
  if (seconds < 60) return Format("%.1f s", seconds);
  const auto whole = static_cast<int64_t>(seconds + 0.5);
  char buffer[64];
  if (whole < 3600) {
    std::snprintf(buffer, sizeof buffer, "%d min %02d s", static_cast<int>(whole / 60), static_cast<int>(whole % 60));
  } else {
    std::snprintf(buffer, sizeof buffer, "%d h %02d min", static_cast<int>(whole / 3600),
                  static_cast<int>(whole / 60 % 60));
  }
  return buffer;
}

void Table::Print() const {
  std::vector<int> widths;
  for (const auto& header : headers_) widths.push_back(Columns(header));
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size() && i < widths.size(); ++i) widths[i] = std::max(widths[i], Columns(row[i]));
  }
  const bool terminal = isatty(STDOUT_FILENO);
  const int width = TerminalWidth(STDOUT_FILENO);
  const auto print = [&](const std::vector<std::string>& cells, Style style) {
    std::string line;
    int column = 0;
    for (size_t i = 0; i < cells.size(); ++i) {
      const bool last = i + 1 == cells.size();
      const std::string cell = last && terminal ? Cut(cells[i], std::max(width - column, 12)) : cells[i];
      line += cell;
      if (!last) line += std::string(static_cast<size_t>(widths[i] - Columns(cell) + 2), ' ');
      column += widths[i] + 2;
    }
    std::printf("%s\n", Styled(line, style, STDOUT_FILENO).c_str());
  };
  print(headers_, Style::kBold);
  for (const auto& row : rows_) print(row, Style::kPlain);
}

Progress::Progress(std::string label, int64_t total, bool enabled)
    : label_(std::move(label)),
      total_(total),
      enabled_(enabled),
      rich_(IsRichTerminal(STDERR_FILENO)),
      start_(std::chrono::steady_clock::now()),
      last_(start_) {}  // what is done at once needs no bar

Progress::~Progress() { Clear(); }

void Progress::Update(int64_t done, const std::string& detail) {
  done_ = done;
  const auto now = std::chrono::steady_clock::now();
  const auto wait = rich_ ? std::chrono::steady_clock::duration(kRedraw) : kPlainLine;
  if (!enabled_ || (now - last_ < wait && !(rich_ && done >= total_))) return;
  last_ = now;
  Draw(detail);
}

void Progress::Clear() {
  if (drawn_ && rich_) std::fprintf(stderr, "\r\x1b[K");
  drawn_ = false;
}

void Progress::Draw(const std::string& detail) {
  const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  const double share = total_ > 0 ? std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_)) : 0;
  std::string left = "?";
  if (share > 0.005 && elapsed > 0.5) left = HumanDuration(elapsed / share * (1 - share));
  char percent[16];
  std::snprintf(percent, sizeof percent, "%3.0f %%", share * 100);
  std::string line = label_ + " " + percent;
  if (rich_) {
    constexpr int kBar = 24;
    const int full = static_cast<int>(share * kBar + 0.5);
    std::string bar;
    for (int i = 0; i < kBar; ++i) bar += i < full ? "#" : "-";
    line += " [" + bar + "]";
  }
  line += "  " + detail + "  left " + left;
  if (rich_) {
    std::fprintf(stderr, "\r%s\x1b[K", Cut(line, TerminalWidth(STDERR_FILENO) - 1).c_str());
  } else {
    std::fprintf(stderr, "%s\n", line.c_str());
  }
  std::fflush(stderr);
  drawn_ = true;
}

}  // namespace precis::cli
