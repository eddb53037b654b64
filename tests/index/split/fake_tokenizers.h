// Tokenizers small enough to reason about.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "precis/base/utf8.h"
#include "precis/engine/tokenizer.h"

namespace precis::split {

// Ids mean nothing; only how many there are and where they stand.
class FakeTokenizer : public engine::Tokenizer {
 public:
  absl::StatusOr<std::vector<engine::Token>> EncodeWithOffsets(std::string_view text,
                                                               const engine::EncodeOptions&) const override {
    return Tokens(text);
  }
  absl::StatusOr<std::vector<engine::TokenId>> Encode(std::string_view text,
                                                      const engine::EncodeOptions&) const override {
    return std::vector<engine::TokenId>(Tokens(text).size(), 0);
  }
  absl::StatusOr<std::string> Decode(std::span<const engine::TokenId>, bool) const override { return std::string(); }
  std::string_view TokenBytes(engine::TokenId) const override { return {}; }
  int vocabulary_size() const override { return 1; }
  const engine::SpecialTokens& special() const override { return special_; }
  int special_tokens_added() const override { return 2; }
  const std::string& fingerprint() const override { return fingerprint_; }

  virtual std::vector<engine::Token> Tokens(std::string_view text) const = 0;

 private:
  engine::SpecialTokens special_;
  std::string fingerprint_ = "fake";
};

// Words between ASCII white space, one token for every four bytes begun.
class WordTokenizer : public FakeTokenizer {
 public:
  std::vector<engine::Token> Tokens(std::string_view text) const override {
    std::vector<engine::Token> tokens;
    int64_t run = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] == ' ' || (text[i] >= '\t' && text[i] <= '\r')) {
        run = 0;
        continue;
      }
      const auto at = static_cast<int64_t>(i);
      if (run++ % 4 == 0) {
        tokens.push_back({0, {at, at + 1}});
      } else {
        tokens.back().bytes.end = at + 1;
      }
    }
    return tokens;
  }
};

// Every byte is a token, white space too: the most tokens a byte-level tokenizer can give.
class ByteTokenizer : public FakeTokenizer {
 public:
  std::vector<engine::Token> Tokens(std::string_view text) const override {
    std::vector<engine::Token> tokens;
    for (int64_t i = 0; i < static_cast<int64_t>(text.size()); ++i) tokens.push_back({0, {i, i + 1}});
    return tokens;
  }
};

// Neither additive nor monotone: a hash of the whole text decides whether each word counts once or twice.
class NastyTokenizer : public WordTokenizer {
 public:
  std::vector<engine::Token> Tokens(std::string_view text) const override {
    std::vector<engine::Token> tokens = WordTokenizer::Tokens(text);
    if (std::hash<std::string_view>()(text) % 2 == 0) return tokens;
    std::vector<engine::Token> twice;
    for (const engine::Token& token : tokens) {
      twice.push_back(token);
      twice.push_back({0, {token.bytes.end, token.bytes.end}});
    }
    return twice;
  }
};

}  // namespace precis::split
