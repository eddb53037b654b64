#include "eval/metrics.h"

#include <unicode/uchar.h>

#include <algorithm>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "precis/base/utf8.h"

namespace precis::eval {
namespace {

bool IsAsciiPunctuation(char32_t c) { return c < 0x80 && absl::ascii_ispunct(static_cast<unsigned char>(c)); }
// As Python's \w and str.split() have them.
bool IsWordChar(char32_t c) { return u_isalnum(static_cast<UChar32>(c)) || c == '_'; }
bool IsSpace(char32_t c) { return u_isUWhiteSpace(static_cast<UChar32>(c)) || (c >= 0x1C && c <= 0x1F); }

std::vector<std::string> Words(const std::string& normalized) {
  std::vector<std::string> words;
  for (size_t at = 0; at < normalized.size();) {
    const size_t end = std::min(normalized.find(' ', at), normalized.size());
    words.push_back(normalized.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

double F1(const std::string& text, const std::string& answer) {
  const std::vector<std::string> got = Words(text), wanted = Words(answer);
  // SQuAD 2.0: where one of them is empty, they must both be.
  if (got.empty() || wanted.empty()) return got.empty() && wanted.empty() ? 1 : 0;
  std::map<std::string, int> counts;
  for (const std::string& word : wanted) ++counts[word];
  int common = 0;
  for (const std::string& word : got) {
    if (counts[word]-- > 0) ++common;
  }
  if (common == 0) return 0;
  const double precision = static_cast<double>(common) / static_cast<double>(got.size());
  const double recall = static_cast<double>(common) / static_cast<double>(wanted.size());
  return 2 * precision * recall / (precision + recall);
}

// Reads "[2]" or "[1, 3]" at `at`; the offset behind it, or `at` where there is none.
size_t ReadMark(std::string_view text, size_t at, std::vector<int>* numbers) {
  if (text[at] != '[') return at;
  std::vector<int> found;
  size_t i = at + 1;
  for (;;) {
    while (i < text.size() && text[i] == ' ') ++i;
    int value = 0, digits = 0;
    for (; i < text.size() && absl::ascii_isdigit(static_cast<unsigned char>(text[i])) && digits < 5; ++i, ++digits) {
      value = value * 10 + (text[i] - '0');
    }
    if (digits == 0) return at;
    found.push_back(value);
    while (i < text.size() && text[i] == ' ') ++i;
    if (i >= text.size()) return at;
    if (text[i] == ']') break;
    if (text[i] != ',' && text[i] != ';') return at;
    ++i;
  }
  numbers->insert(numbers->end(), found.begin(), found.end());
  return i + 1;
}

}  // namespace

std::string NormalizeAnswer(std::string_view text) {
  std::u32string kept;
  for (size_t at = 0; at < text.size();) {
    const DecodedChar c = DecodeUtf8(text, at);
    at += static_cast<size_t>(c.length);
    const char32_t lower = static_cast<char32_t>(u_tolower(static_cast<UChar32>(c.code_point)));
    if (!IsAsciiPunctuation(lower)) kept.push_back(lower);
  }
  std::string out;
  bool pending_space = false;
  for (size_t at = 0; at < kept.size();) {
    if (!IsWordChar(kept[at])) {
      if (IsSpace(kept[at])) {
        pending_space = true;
      } else {
        if (pending_space && !out.empty()) out += ' ';
        pending_space = false;
        AppendUtf8(kept[at], &out);
      }
      ++at;
      continue;
    }
    size_t end = at;
    while (end < kept.size() && IsWordChar(kept[end])) ++end;
    const std::u32string word = kept.substr(at, end - at);
    at = end;
    if (word == U"a" || word == U"an" || word == U"the") {
      pending_space = true;
      continue;
    }
    if (pending_space && !out.empty()) out += ' ';
    pending_space = false;
    for (char32_t c : word) AppendUtf8(c, &out);
  }
  return out;
}

double ExactMatch(std::string_view text, const std::vector<std::string>& answers) {
  const std::string normalized = NormalizeAnswer(text);
  return std::any_of(answers.begin(), answers.end(),
                     [&](const std::string& answer) { return NormalizeAnswer(answer) == normalized; });
}

double AnswerF1(std::string_view text, const std::vector<std::string>& answers) {
  const std::string normalized = NormalizeAnswer(text);
  double best = 0;
  for (const std::string& answer : answers) best = std::max(best, F1(normalized, NormalizeAnswer(answer)));
  return best;
}

double ContainsAnswer(std::string_view text, const std::vector<std::string>& answers) {
  const std::string padded = absl::StrCat(" ", NormalizeAnswer(text), " ");
  for (const std::string& answer : answers) {
    const std::string wanted = NormalizeAnswer(answer);
    // An answer of punctuation alone ("-") has no words to look for.
    if (wanted.empty() ? text.find(answer) != std::string_view::npos
                       : padded.find(absl::StrCat(" ", wanted, " ")) != std::string::npos) {
      return 1;
    }
  }
  return 0;
}

bool IsRefusal(std::string_view answer) {
  const std::string text = absl::StrCat(" ", NormalizeAnswer(WithoutMarks(answer)), " ");
  if (text == "  ") return true;
  // Normalised, so without apostrophes and articles.
  static constexpr std::string_view kPhrases[] = {" i dont know ",
                                                  " i do not know ",
                                                  " i cannot answer ",
                                                  " i cant answer ",
                                                  " im not sure ",
                                                  " passages do not ",
                                                  " passage does not ",
                                                  " passages dont ",
                                                  " passage doesnt ",
                                                  " context does not ",
                                                  " context doesnt ",
                                                  " text does not ",
                                                  " text doesnt ",
                                                  " no information ",
                                                  " not enough information ",
                                                  " insufficient context ",
                                                  " insufficient information ",
                                                  " cannot be determined ",
                                                  " cannot be answered ",
                                                  " not mentioned in ",
                                                  " not provided in ",
                                                  " not specified in ",
                                                  " not stated in ",
                                                  " not given in ",
                                                  " not contain answer ",
                                                  " unanswerable ",
                                                  " there is no mention "};
  return std::any_of(std::begin(kPhrases), std::end(kPhrases),
                     [&](std::string_view phrase) { return text.find(phrase) != std::string::npos; }) ||
         text == " unknown " || text == " no answer " || text == " none ";
}

std::vector<int> CitationMarks(std::string_view answer) {
  std::vector<int> numbers;
  for (size_t at = 0; at < answer.size();) {
    const size_t end = ReadMark(answer, at, &numbers);
    at = end == at ? at + 1 : end;
  }
  return numbers;
}

std::string WithoutMarks(std::string_view answer) {
  std::string out;
  std::vector<int> numbers;
  for (size_t at = 0; at < answer.size();) {
    const size_t end = ReadMark(answer, at, &numbers);
    if (end == at) {
      out += answer[at++];
      continue;
    }
    while (!out.empty() && out.back() == ' ') out.pop_back();
    at = end;
  }
  return out;
}

}  // namespace precis::eval
