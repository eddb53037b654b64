#include "tokenizers/added_tokens.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "tokenizers/char_class.h"

namespace precis::engine {
namespace {

// The character that ends at `end` > 0.
CharClasses::Char Before(const CharClasses& classes, std::string_view text, size_t end) {
  size_t begin = end - 1;
  while (begin > 0 && end - begin < 4 && (static_cast<uint8_t>(text[begin]) & 0xC0) == 0x80) --begin;
  const CharClasses::Char c = classes.At(text, begin);
  if (begin + static_cast<size_t>(c.length) == end) return c;
  return {0, 1};
}

}  // namespace

AddedTokens::AddedTokens(const std::vector<AddedToken>& tokens, const std::vector<std::string>& patterns)
    : tokens_(tokens) {
  std::vector<std::pair<std::string, int32_t>> all, plain;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (patterns[i].empty()) continue;
    all.emplace_back(patterns[i], static_cast<int32_t>(i));
    if (!tokens[i].special) plain.push_back(all.back());
  }
  trie_all_ = ByteTrie(std::move(all));
  trie_plain_ = ByteTrie(std::move(plain));
}

std::vector<AddedTokens::Match> AddedTokens::Find(std::string_view text, bool parse_special) const {
  std::vector<Match> matches;
  const ByteTrie& trie = parse_special ? trie_all_ : trie_plain_;
  if (trie.empty()) return matches;
  const CharClasses classes;
  size_t taken = 0;  // up to here the text belongs to the match before
  for (size_t i = trie.FindStart(text, 0); i < text.size(); i = trie.FindStart(text, i)) {
    size_t length = 0;
    int32_t index = -1;
    trie.Prefixes(text, i, [&](size_t found_length, int32_t value) {
      length = found_length;
      index = value;
    });
    if (index < 0) {
      ++i;
      continue;
    }
    const AddedToken& token = tokens_[static_cast<size_t>(index)];
    size_t begin = i;
    size_t end = i + length;
    i = end;
    if (token.single_word) {
      const bool left = begin > 0 && (Before(classes, text, begin).flags & kWordChar);
      const bool right = end < text.size() && (classes.At(text, end).flags & kWordChar);
      if (left || right) continue;
    }
    while (token.lstrip && begin > taken) {
      const CharClasses::Char c = Before(classes, text, begin);
      if (!(c.flags & kSpace)) break;
      begin -= static_cast<size_t>(c.length);
    }
    while (token.rstrip && end < text.size()) {
      const CharClasses::Char c = classes.At(text, end);
      if (!(c.flags & kSpace)) break;
      end += static_cast<size_t>(c.length);
    }
    matches.push_back({{static_cast<uint32_t>(begin), static_cast<uint32_t>(end)}, token.id});
    taken = end;
    if (end > i) i = end;
  }
  return matches;
}

absl::Status CheckAddedTokens(const std::vector<AddedToken>& tokens) {
  if (tokens.size() > kMaxAddedTokens) {
    return absl::InvalidArgumentError(
        absl::StrCat("there are ", tokens.size(), " added tokens, at most ", kMaxAddedTokens, " are supported"));
  }
  for (const AddedToken& token : tokens) {
    if (token.text.empty() || token.text.size() > kMaxAddedTokenBytes) {
      return absl::InvalidArgumentError(absl::StrCat("added token ", token.id, " has ", token.text.size(),
                                                     " bytes, 1 to ", kMaxAddedTokenBytes, " are supported"));
    }
  }
  return absl::OkStatus();
}

void FingerprintAddedTokens(const std::vector<AddedToken>& tokens, Hasher* hasher) {
  hasher->Field("added").Field(static_cast<int64_t>(tokens.size()));
  for (const AddedToken& token : tokens) {
    hasher->Field(int64_t{token.id}).Field(token.text);
    hasher->Field(int64_t{token.special} | token.normalized << 1 | token.single_word << 2 | token.lstrip << 3 |
                  token.rstrip << 4);
  }
}

}  // namespace precis::engine
