// The rules by which protected spans are found.
#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "boundaries.h"
#include "precis/base/utf8.h"
#include "protect.h"

namespace precis::compress {
namespace {

constexpr int64_t kQuotationBytes = 300;

bool IsAsciiDigit(char c) { return c >= '0' && c <= '9'; }
bool IsAsciiLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
char Lower(char c) { return IsUpper(c) ? static_cast<char>(c + 32) : c; }

bool IsDigit(char32_t c) {
  return (c >= '0' && c <= '9') || (c >= 0x660 && c <= 0x669) || (c >= 0x6F0 && c <= 0x6F9) ||
         (c >= 0x966 && c <= 0x96F) || (c >= 0xFF10 && c <= 0xFF19);
}

// Units that stand one space after their number.
constexpr std::array kUnits = {
    "%",        "percent", "kb",     "mb",      "gb",     "tb",    "kib",  "mib",     "gib",     "tib",
    "bytes",    "byte",    "bit",    "bits",    "kbit",   "mbit",  "gbit", "hz",      "khz",     "mhz",
    "ghz",      "ns",      "us",     "ms",      "s",      "sec",   "secs", "min",     "mins",    "h",
    "hr",       "hours",   "hour",   "days",    "day",    "weeks", "week", "months",  "year",    "years",
    "month",    "seconds", "second", "minutes", "minute", "mm",    "cm",   "m",       "km",      "in",
    "ft",       "mi",      "miles",  "g",       "mg",     "kg",    "lb",   "lbs",     "oz",      "l",
    "ml",       "w",       "kw",     "mw",      "kwh",    "v",     "mv",   "a",       "ma",      "k",
    "c",        "f",       "pa",     "bar",     "psi",    "am",    "pm",   "million", "billion", "trillion",
    "thousand", "hundred", "dozen",  "dollars", "euros",  "usd",   "eur",  "gbp",     "tokens",  "times",
    "pages"};

constexpr std::array kNegations = {"not",     "no",     "never",   "none",   "neither", "nor",
                                   "without", "cannot", "nothing", "nobody", "nowhere", "unless"};

std::string LowerAscii(std::string_view word) {
  std::string lower(word);
  std::transform(lower.begin(), lower.end(), lower.begin(), Lower);
  return lower;
}

bool IsUnit(std::string_view word) {
  const std::string lower = LowerAscii(word);
  return std::any_of(kUnits.begin(), kUnits.end(), [&](const char* unit) { return lower == unit; });
}

size_t CharLength(std::string_view text, size_t at) { return static_cast<size_t>(DecodeUtf8(text, at).length); }

// End of the number whose first digit is at `at`, attached letters included.
size_t NumberEnd(std::string_view text, size_t at) {
  size_t i = at;
  while (i < text.size()) {
    const DecodedChar c = DecodeUtf8(text, i);
    if (IsDigit(c.code_point)) {
      i += static_cast<size_t>(c.length);
      continue;
    }
    // Joiners, where a digit or (after "-" in a version) a letter follows.
    const bool joiner = c.code_point < 0x80 && std::strchr(".,:/-'x^", static_cast<char>(c.code_point)) != nullptr;
    const size_t next = i + static_cast<size_t>(c.length);
    if (joiner && c.code_point != 0 && next < text.size() && IsDigit(DecodeUtf8(text, next).code_point)) {
      i = next;
      continue;
    }
    break;
  }
  // "-rc1", "-beta", then letters that are attached: "5kg", "2nd", "10x", "1e-5".
  if (i + 1 < text.size() && text[i] == '-' && IsAsciiLetter(text[i + 1])) {
    size_t j = i + 1;
    while (j < text.size() && (IsAsciiLetter(text[j]) || IsAsciiDigit(text[j]) || text[j] == '.')) ++j;
    while (j > i && text[j - 1] == '.') --j;
    const bool version = std::any_of(text.begin() + static_cast<std::ptrdiff_t>(i),
                                     text.begin() + static_cast<std::ptrdiff_t>(j), IsAsciiDigit);
    if (version) i = j;
  }
  if (i + 2 < text.size() && Lower(text[i]) == 'e' && (text[i + 1] == '-' || text[i + 1] == '+') &&
      IsAsciiDigit(text[i + 2])) {
    i += 2;
    while (i < text.size() && IsAsciiDigit(text[i])) ++i;
  }
  size_t letters = i;
  while (letters < text.size() && (IsAsciiLetter(text[letters]) || IsAsciiDigit(text[letters]) || text[letters] == '_'))
    ++letters;
  i = letters;
  // Signs that are attached, or a unit one space away.
  if (i < text.size()) {
    const char32_t c = DecodeUtf8(text, i).code_point;
    if (c == '%' || c == 0x2030 || c == 0xB0 || c == 0x20AC || c == 0xA3 || c == '$' || c == 0xB5 || c == 0x3BC) {
      i += CharLength(text, i);
      while (i < text.size() && IsAsciiLetter(text[i])) ++i;  // degrees Celsius, microseconds
      return i;
    }
    if (letters == i && c == ' ') {
      size_t end = i + 1;
      if (end < text.size() && DecodeUtf8(text, end).code_point == 0xB0) {
        end += CharLength(text, end);
        while (end < text.size() && IsAsciiLetter(text[end])) ++end;
        return end;
      }
      while (end < text.size() && (IsAsciiLetter(text[end]) || text[end] == '%')) ++end;
      const bool whole = end == text.size() || static_cast<unsigned char>(text[end]) < 0x80;
      if (end > i + 1 && end - i < 12 && whole &&
          !(end < text.size() && (IsAsciiDigit(text[end]) || text[end] == '_')) &&
          IsUnit(text.substr(i + 1, end - i - 1))) {
        return end;
      }
    }
  }
  return i;
}

void FindNumbers(std::string_view text, std::vector<ProtectedSpan>* found) {
  bool in_word = false;  // a digit after a letter belongs to a word: "utf8"
  for (size_t i = 0; i < text.size();) {
    const DecodedChar c = DecodeUtf8(text, i);
    if (IsDigit(c.code_point) && !in_word) {
      size_t begin = i;
      // A sign or currency before it, where it is not a hyphen inside a word.
      if (begin > 0) {
        const size_t p = FloorToCharBoundary(text, begin - 1);
        const char32_t before = DecodeUtf8(text, p).code_point;
        const bool sign = before == '-' || before == '+' || before == 0x2212;
        const bool free =
            p == 0 || IsSpace(DecodeUtf8(text, FloorToCharBoundary(text, p - 1)).code_point) || text[p - 1] == '(';
        if ((sign && free) || before == '$' || before == 0x20AC || before == 0xA3 || before == 0xA5) begin = p;
      }
      const size_t end = NumberEnd(text, i);
      found->push_back({ProtectedKind::kNumber, {static_cast<int64_t>(begin), static_cast<int64_t>(end)}});
      i = end;
      continue;
    }
    in_word = c.code_point < 0x80
                  ? (IsAsciiLetter(static_cast<char>(c.code_point)) || c.code_point == '_' ||
                     (in_word && IsDigit(c.code_point)))
                  : (!IsSpace(c.code_point) && c.code_point < 0x2000 && !IsDigit(c.code_point) && c.code_point > 0xBF);
    // "v1.2": the letter goes with the number, and both are one version.
    if (in_word && (c.code_point == 'v' || c.code_point == 'V') && i + 1 < text.size() && IsAsciiDigit(text[i + 1]) &&
        (i == 0 || !(IsAsciiLetter(text[i - 1]) || IsAsciiDigit(text[i - 1]) || text[i - 1] == '_'))) {
      const size_t end = NumberEnd(text, i + 1);
      found->push_back({ProtectedKind::kNumber, {static_cast<int64_t>(i), static_cast<int64_t>(end)}});
      i = end;
      in_word = false;
      continue;
    }
    i += static_cast<size_t>(c.length);
  }
}

// The next run of characters that are no spaces, from `*at` on.
bool NextChunk(std::string_view text, size_t* at, ByteRange* chunk) {
  size_t i = *at;
  while (i < text.size()) {
    const DecodedChar c = DecodeUtf8(text, i);
    if (!IsSpace(c.code_point)) break;
    i += static_cast<size_t>(c.length);
  }
  if (i >= text.size()) return false;
  const size_t begin = i;
  while (i < text.size()) {
    const DecodedChar c = DecodeUtf8(text, i);
    if (IsSpace(c.code_point)) break;
    i += static_cast<size_t>(c.length);
  }
  *chunk = {static_cast<int64_t>(begin), static_cast<int64_t>(i)};
  *at = i;
  return true;
}

// The chunk without the ASCII punctuation around it.
ByteRange Strip(std::string_view text, ByteRange chunk, const char* leading, const char* trailing) {
  while (!chunk.empty() && std::strchr(leading, text[static_cast<size_t>(chunk.begin)]) != nullptr) ++chunk.begin;
  while (!chunk.empty() && std::strchr(trailing, text[static_cast<size_t>(chunk.end - 1)]) != nullptr) --chunk.end;
  return chunk;
}

// Letters and apostrophes only, lower case, U+2019 as "'".
std::string PlainWord(std::string_view word) {
  std::string plain;
  for (size_t i = 0; i < word.size(); i += CharLength(word, i)) {
    const char32_t c = DecodeUtf8(word, i).code_point;
    if (c == 0x2019) {
      plain.push_back('\'');
    } else if (c < 0x80) {
      plain.push_back(Lower(static_cast<char>(c)));
    } else {
      return "";
    }
  }
  return plain;
}

bool IsNegation(std::string_view word) {
  if (word.size() > 16) return false;
  const std::string plain = PlainWord(word);
  if (plain.size() > 3 && plain.ends_with("n't")) return true;
  return std::any_of(kNegations.begin(), kNegations.end(), [&](const char* negation) { return plain == negation; });
}

void FindNegations(std::string_view text, std::vector<ProtectedSpan>* found) {
  constexpr char kAround[] = "\"'()[]{}<>.,;:!?*_`";
  size_t at = 0;
  ByteRange chunk;
  while (NextChunk(text, &at, &chunk)) {
    ByteRange word = Strip(text, chunk, kAround, kAround);
    if (word.empty() || !IsNegation(Slice(text, word))) continue;
    const bool ends_clause = word.end < chunk.end;
    size_t after = at;
    ByteRange next;
    if (!ends_clause && NextChunk(text, &after, &next) && next.begin - chunk.end <= 4) {
      const ByteRange negated = Strip(text, next, "", kAround);
      if (!negated.empty()) word.end = negated.end;
    }
    found->push_back({ProtectedKind::kNegation, word});
  }
}

bool ReadsAsIdentifier(std::string_view w) {
  if (w.size() < 2) return false;
  bool letter = false, digit = false, camel = false, joined = false;
  int upper = 0, lower = 0;
  size_t slashes = 0, dots = 0;
  for (size_t i = 0; i < w.size(); ++i) {
    const char c = w[i];
    const bool word_before = i > 0 && (IsAsciiLetter(w[i - 1]) || IsAsciiDigit(w[i - 1]));
    const bool word_after = i + 1 < w.size() && (IsAsciiLetter(w[i + 1]) || IsAsciiDigit(w[i + 1]));
    letter |= IsAsciiLetter(c);
    digit |= IsAsciiDigit(c);
    upper += IsUpper(c);
    lower += IsLower(c);
    camel |= i > 0 && IsUpper(c) && IsLower(w[i - 1]);
    if (c == '_' && (word_before || word_after)) joined = true;
    if (c == ':' && i + 1 < w.size() && w[i + 1] == ':') joined = true;
    if (c == '-' && i + 1 < w.size() && w[i + 1] == '>') joined = true;
    if (c == '(' && i > 0 && i + 1 < w.size() && w[i + 1] == ')') joined = true;
    if (c == '@' && word_before && word_after) joined = true;
    if (c == '=' && word_before && word_after) joined = true;
    if (c == '.' && word_before && word_after && (IsAsciiLetter(w[i + 1]) || IsAsciiLetter(w[i - 1]))) ++dots;
    slashes += c == '/' || c == '\\';
  }
  if (!letter) return false;
  if (joined || camel || w.find("://") != std::string_view::npos) return true;
  if (w[0] == '-' && w.size() >= 2 && (IsAsciiLetter(w[1]) || (w[1] == '-' && w.size() > 2 && IsAsciiLetter(w[2]))))
    return true;
  if (w[0] == '/' || w.starts_with("./") || w.starts_with("~/") || w.starts_with("../") || slashes >= 2) return true;
  if (slashes == 1 && dots > 0) return true;
  if (w.starts_with("0x") && digit) return true;
  // "E1234", "CVE-2024-1", "HTTP2": capitals, then digits.
  if (digit && upper > 0 && lower == 0 && IsUpper(w[0])) return true;
  // "file.txt", "os.path": not "e.g" and "U.S".
  if (dots > 0) {
    const size_t dot = w.rfind('.');
    return dot >= 2 && w.size() - dot - 1 >= 2 && IsAsciiLetter(w[dot + 1]);
  }
  return false;
}

void FindIdentifiers(std::string_view text, std::vector<ProtectedSpan>* found) {
  size_t at = 0;
  ByteRange chunk;
  while (NextChunk(text, &at, &chunk)) {
    // A closing bracket stays where its opening one is inside.
    ByteRange word = Strip(text, chunk, "\"'`([{<,;:!?*", "\"'`]}>,;:!?.*");
    while (!word.empty() && text[static_cast<size_t>(word.end - 1)] == ')' &&
           Slice(text, word).find('(') == std::string_view::npos) {
      --word.end;
      word = Strip(text, word, "", "\"'`]}>,;:!?.*");
    }
    if (!word.empty() && ReadsAsIdentifier(Slice(text, word))) found->push_back({ProtectedKind::kIdentifier, word});
  }
}

// The closing mark of an opening one; 0: no opening mark.
char32_t ClosingQuote(char32_t open) {
  switch (open) {
    case '"':
      return '"';
    case '`':
      return '`';
    case 0x201C:
      return 0x201D;
    case 0x201E:
      return 0x201C;
    case 0xAB:
      return 0xBB;
    case 0x300C:
      return 0x300D;
    case 0x300E:
      return 0x300F;
    default:
      return 0;
  }
}

void FindQuotations(std::string_view text, std::vector<ProtectedSpan>* found) {
  for (size_t i = 0; i < text.size();) {
    const DecodedChar open = DecodeUtf8(text, i);
    const size_t inside = i + static_cast<size_t>(open.length);
    const char32_t close = ClosingQuote(open.code_point);
    size_t end = 0;
    for (size_t j = inside; close != 0 && j < text.size() && static_cast<int64_t>(j - i) < kQuotationBytes;) {
      const DecodedChar c = DecodeUtf8(text, j);
      if (c.code_point == '\n' && (close == '`' || (j + 1 < text.size() && text[j + 1] == '\n'))) break;
      if (c.code_point == close) {
        if (j > inside) end = j + static_cast<size_t>(c.length);
        break;
      }
      j += static_cast<size_t>(c.length);
    }
    if (end > 0) found->push_back({ProtectedKind::kQuotation, {static_cast<int64_t>(i), static_cast<int64_t>(end)}});
    i = end > 0 ? end : inside;
  }
}

}  // namespace

std::vector<ProtectedSpan> FindProtected(std::string_view text, const Protection& protection) {
  std::vector<ProtectedSpan> found;
  FindNumbers(text, &found);
  FindNegations(text, &found);
  FindIdentifiers(text, &found);
  FindQuotations(text, &found);
  for (const std::string& literal : protection.literals) {
    for (size_t at = text.find(literal); at != std::string_view::npos; at = text.find(literal, at + 1)) {
      found.push_back({ProtectedKind::kLiteral, {static_cast<int64_t>(at), static_cast<int64_t>(at + literal.size())}});
    }
  }
  return found;
}

}  // namespace precis::compress
