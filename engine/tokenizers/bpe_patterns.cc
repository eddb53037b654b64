// Each pattern is an ordered choice, so the branches below stand in the pattern's order and the first that matches
// wins.
#include "tokenizers/char_class.h"
#include "tokenizers/cutter.h"

namespace precis::engine {
namespace {

using Char = CharClasses::Char;

// Where the match that starts at `begin` ends.
class Matcher {
 public:
  explicit Matcher(std::string_view text) : text_(text) {}

  size_t Gpt2(size_t begin) const {
    if (text_[begin] == '\'') {
      if (const size_t end = Contraction(begin, /*any_case=*/false)) return end;
    }
    const size_t start = AfterSpace(begin);
    const Char c = classes_.At(text_, start);
    if (c.flags & kSpace) return SpacesBeforeWord(begin);
    const uint16_t kind = c.flags & (kLetter | kNumber);
    if (kind != 0) return RunOf(start, kind);
    return Others(start);
  }

  size_t Llama3(size_t begin, int digits) const {
    if (text_[begin] == '\'') {
      if (const size_t end = Contraction(begin, /*any_case=*/true)) return end;
    }
    const Char c = classes_.At(text_, begin);
    const size_t second = begin + static_cast<size_t>(c.length);
    if (c.flags & kLetter) return RunOf(begin, kLetter);
    const bool line_break = IsLineBreak(begin);
    if (!line_break && !(c.flags & kNumber) && second < text_.size() && (classes_.At(text_, second).flags & kLetter)) {
      return RunOf(second, kLetter);
    }
    if (c.flags & kNumber) return RunOf(begin, kNumber, digits);
    const size_t start = AfterSpace(begin);
    if (!(classes_.At(text_, start).flags & kSpace)) {
      // Only a space can have been stepped over, and what follows it is no letter: a number ends here.
      if (classes_.At(text_, start).flags & kNumber) return SpacesBeforeWord(begin);
      size_t end = Others(start);
      while (end < text_.size() && IsLineBreak(end)) ++end;
      return end;
    }
    size_t after_line_break = 0;
    size_t end = begin;
    while (end < text_.size()) {
      const Char space = classes_.At(text_, end);
      if (!(space.flags & kSpace)) break;
      if (IsLineBreak(end)) after_line_break = end + 1;
      end += static_cast<size_t>(space.length);
    }
    return after_line_break != 0 ? after_line_break : SpacesBeforeWord(begin);
  }

 private:
  bool IsLineBreak(size_t at) const { return text_[at] == '\r' || text_[at] == '\n'; }

  // Past one optional space that something follows.
  size_t AfterSpace(size_t at) const { return text_[at] == ' ' && at + 1 < text_.size() ? at + 1 : at; }

  size_t RunOf(size_t at, uint16_t kind) const { return classes_.SkipAny(text_, at, kind); }
  size_t RunOf(size_t at, uint16_t kind, int most) const {
    for (; at < text_.size() && most > 0; --most) {
      const Char c = classes_.At(text_, at);
      if (!(c.flags & kind)) break;
      at += static_cast<size_t>(c.length);
    }
    return at;
  }

  // [^\s\p{L}\p{N}]+
  size_t Others(size_t at) const { return classes_.SkipNone(text_, at, kSpace | kLetter | kNumber); }

  // \s+(?!\S)|\s+: a run of spaces leaves its last one to the word that follows, unless it is the only one.
  size_t SpacesBeforeWord(size_t begin) const {
    size_t end = begin;
    size_t last = begin;
    while (end < text_.size()) {
      const Char c = classes_.At(text_, end);
      if (!(c.flags & kSpace)) break;
      last = end;
      end += static_cast<size_t>(c.length);
    }
    return end == text_.size() || last == begin ? end : last;
  }

  // 's|'t|'re|'ve|'m|'ll|'d at an apostrophe; 0: none. In any case also U+017F, whose upper case is S.
  size_t Contraction(size_t at, bool any_case) const {
    const std::string_view rest = text_.substr(at + 1, 2);
    if (rest.empty()) return 0;
    const auto fold = [any_case](char c) { return any_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c | 32) : c; };
    const char first = fold(rest[0]);
    const char second = rest.size() > 1 ? fold(rest[1]) : '\0';
    if (first == 's' || first == 't' || first == 'm' || first == 'd') return at + 2;
    if ((first == 'r' || first == 'v') && second == 'e') return at + 3;
    if (first == 'l' && second == 'l') return at + 3;
    if (any_case && rest == "\xC5\xBF") return at + 3;
    return 0;
  }

  std::string_view text_;
  CharClasses classes_;
};

template <typename Match>
std::unique_ptr<PreTokenizer> MakeMatcherSplit(std::string name, Match match) {
  return MakeCutter(std::move(name), [match](std::string_view word, const auto& emit) {
    const Matcher matcher(word);
    for (size_t begin = 0; begin < word.size();) {
      const size_t end = match(matcher, begin);
      emit(begin, end);
      begin = end;
    }
  });
}

}  // namespace

std::unique_ptr<PreTokenizer> MakeBpePatternSplit(BpePattern pattern) {
  switch (pattern) {
    case BpePattern::kLlama3:
      return MakeMatcherSplit("llama3", [](const Matcher& m, size_t begin) { return m.Llama3(begin, 3); });
    case BpePattern::kQwen2:
      return MakeMatcherSplit("qwen2", [](const Matcher& m, size_t begin) { return m.Llama3(begin, 1); });
    case BpePattern::kGpt2:
      break;
  }
  return MakeMatcherSplit("gpt2", [](const Matcher& m, size_t begin) { return m.Gpt2(begin); });
}

}  // namespace precis::engine
