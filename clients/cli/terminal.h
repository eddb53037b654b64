// What a person sees: colour, tables, a progress bar. All of it falls away when the stream is not a terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace precis::cli {

enum class Style { kPlain, kBold, kDim, kRed, kGreen, kYellow, kCyan };

// True if colour and bars make sense there: a terminal, NO_COLOR not set, TERM not "dumb".
bool IsRichTerminal(int fd);
// Columns of the terminal behind `fd`; 100 where there is none.
int TerminalWidth(int fd);

// `text` with the style's escape codes if `fd` is a rich terminal.
std::string Styled(std::string_view text, Style style, int fd);

// Text from documents and models, made safe to print: control characters (escape sequences!) become visible, line
// breaks and tabs stay.
std::string Printable(std::string_view text);
// The same on one line of at most `columns` characters, white space folded, "..." where cut.
std::string OneLine(std::string_view text, int columns);

// "1,234,567".
std::string WithThousands(int64_t value);
// "1 chunk", "1,234 chunks".
std::string Counted(int64_t count, std::string_view noun);
// "12.3 MB"; powers of ten, as file managers print.
std::string HumanBytes(int64_t bytes);
// "1.2 s", "340 ms", "2 min 05 s".
std::string HumanDuration(double seconds);

// Columns padded to their widest cell; the last column is cut to fit the terminal.
class Table {
 public:
  explicit Table(std::vector<std::string> headers) : headers_(std::move(headers)) {}
  void AddRow(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.empty(); }
  void Print() const;  // to standard output

 private:
  std::vector<std::string> headers_;
  std::vector<std::vector<std::string>> rows_;
};

// A bar on standard error with rate and time left. Without a terminal: a plain line every few seconds.
class Progress {
 public:
  // `total` in the unit that measures the work (bytes); `enabled` false: silent.
  Progress(std::string label, int64_t total, bool enabled);
  ~Progress();
  // `detail` is shown behind the bar. Redraws at most ten times a second.
  void Update(int64_t done, const std::string& detail);
  // Clears the bar, so that other output can be printed.
  void Clear();

 private:
  void Draw(const std::string& detail);
  std::string label_;
  int64_t total_, done_ = 0;
  bool enabled_, rich_, drawn_ = false;
  std::chrono::steady_clock::time_point start_, last_;
};

}  // namespace precis::cli
