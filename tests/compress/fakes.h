// Stand-ins for models: tokenizers whose counts are easy to break a budget with, and an encoder whose vectors mean
// something.
#pragma once

#include <atomic>
#include <cmath>
#include <functional>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "precis/base/utf8.h"
#include "precis/compress/types.h"
#include "precis/engine/embedder.h"
#include "precis/engine/generator.h"
#include "precis/engine/segment_scorer.h"
#include "precis/engine/token_scorer.h"
#include "precis/engine/tokenizer.h"
#include "precis/text/analyzer.h"

namespace precis::compress {

// Subclasses say where tokens begin.
class FakeTokenizer : public engine::Tokenizer {
 public:
  explicit FakeTokenizer(std::string name) : name_(std::move(name)) {}
  absl::StatusOr<std::vector<engine::Token>> EncodeWithOffsets(std::string_view text,
                                                               const engine::EncodeOptions&) const override {
    ++calls;
    std::vector<engine::Token> tokens;
    for (const ByteRange& range : Ranges(text)) tokens.push_back({static_cast<engine::TokenId>(tokens.size()), range});
    return tokens;
  }
  absl::StatusOr<std::vector<engine::TokenId>> Encode(std::string_view text,
                                                      const engine::EncodeOptions&) const override {
    ++calls;
    bytes += static_cast<int64_t>(text.size());
    return std::vector<engine::TokenId>(Ranges(text).size(), 1);
  }
  absl::StatusOr<std::string> Decode(std::span<const engine::TokenId>, bool) const override { return std::string(); }
  std::string_view TokenBytes(engine::TokenId) const override { return {}; }
  int vocabulary_size() const override { return 1 << 30; }
  const engine::SpecialTokens& special() const override { return special_; }
  int special_tokens_added() const override { return 0; }
  const std::string& fingerprint() const override { return name_; }

  mutable std::atomic<int64_t> calls{0}, bytes{0};

 protected:
  virtual std::vector<ByteRange> Ranges(std::string_view text) const = 0;

 private:
  std::string name_;
  engine::SpecialTokens special_;
};

// Words and punctuation, as WordPiece sees them.
class WordTokenizer final : public FakeTokenizer {
 public:
  WordTokenizer() : FakeTokenizer("words") {}

 protected:
  std::vector<ByteRange> Ranges(std::string_view text) const override {
    std::vector<ByteRange> ranges;
    bool in_word = false;
    for (size_t i = 0; i < text.size(); ++i) {
      const auto c = static_cast<unsigned char>(text[i]);
      const bool word = std::isalnum(c) || c >= 0x80;
      const auto at = static_cast<int64_t>(i);
      if (word && in_word && ranges.back().size() < 8) {
        ranges.back().end = at + 1;
      } else if (!std::isspace(c)) {
        ranges.push_back({at, at + 1});
      }
      in_word = word;
    }
    return ranges;
  }
};

// Nothing is additive here: where a token ends depends on the byte after it and on how many tokens came before, spaces
// and line breaks merge with anything, and a longer text may have fewer tokens.
class NastyTokenizer final : public FakeTokenizer {
 public:
  NastyTokenizer() : FakeTokenizer("nasty") {}

 protected:
  std::vector<ByteRange> Ranges(std::string_view text) const override {
    std::vector<ByteRange> ranges;
    size_t begin = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      const unsigned a = static_cast<unsigned char>(text[i]);
      const unsigned b = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 7;
      const bool end = (a * 31 + b * 17 + ranges.size() % 5) % 3 == 0 || i - begin >= 6 || i + 1 == text.size();
      if (!end) continue;
      ranges.push_back({static_cast<int64_t>(begin), static_cast<int64_t>(i + 1)});
      begin = i + 1;
    }
    return ranges;
  }
};

// A vector of hashed stems: texts with words in common are alike.
class FakeEmbedder final : public engine::Embedder {
 public:
  FakeEmbedder() {
    info_.name = "fake-encoder";
    info_.fingerprint = "fake-encoder-1";
    info_.dimensions = 64;
  }
  const engine::ModelInfo& info() const override { return info_; }
  const engine::Tokenizer& tokenizer() const override { return tokenizer_; }
  absl::StatusOr<std::vector<engine::Embedding>> Embed(std::span<const std::string_view> texts,
                                                       const engine::EmbedOptions& options,
                                                       const CallContext& call) override {
    ++calls;
    last_tags.assign(options.tags.begin(), options.tags.end());
    if (on_call) on_call();
    if (!fail_with.ok()) return fail_with;
    std::vector<engine::Embedding> result;
    for (const std::string_view text : texts) {
      if (auto status = call.Check(); !status.ok()) return status;
      ++embedded;
      engine::Embedding embedding;
      embedding.vector.assign(64, 1e-3f);
      for (const std::string& term : text::AnalyzeTerms(text)) {
        embedding.vector[std::hash<std::string>{}(term) % 64] += 1.0f;
      }
      double norm = 0;
      for (const float v : embedding.vector) norm += static_cast<double>(v) * v;
      for (float& v : embedding.vector) v = static_cast<float>(v / std::sqrt(norm));
      result.push_back(std::move(embedding));
    }
    return result;
  }
  std::function<void()> on_call;
  absl::Status fail_with;
  int calls = 0;
  int64_t embedded = 0;
  std::vector<engine::CacheTag> last_tags;

 private:
  engine::ModelInfo info_;
  WordTokenizer tokenizer_;
};

// Writes the first sentence of each text that it is given between <texts> and </texts>, or `answer`.
class FakeGenerator final : public engine::Generator {
 public:
  FakeGenerator() {
    info_.name = "fake-generator";
    info_.fingerprint = "fake-generator-1";
    info_.max_tokens = 4096;
  }
  const engine::ModelInfo& info() const override { return info_; }
  const engine::Tokenizer& tokenizer() const override { return tokenizer_; }
  absl::StatusOr<std::string> RenderChat(const std::vector<engine::ChatMessage>&) const override {
    return std::string();
  }
  absl::StatusOr<int64_t> CountPromptTokens(const engine::GenerateRequest& request) const override {
    return tokenizer_.CountTokens(request.messages.back().content);
  }
  absl::StatusOr<engine::GenerateResult> Generate(const engine::GenerateRequest& request, const CallContext& call,
                                                  const engine::DeltaSink&) override {
    ++calls;
    if (on_call) on_call();
    if (auto status = call.Check(); !status.ok()) return status;
    if (!fail_with.ok()) return fail_with;
    prompts.push_back(request.messages.back().content);
    engine::GenerateResult result;
    result.text = script ? script(request) : answer;
    if (script) return result;
    if (result.text.empty()) {
      const std::string& prompt = prompts.back();
      const size_t begin = prompt.find("<texts>\n") + 8, end = prompt.find("\n</texts>");
      const std::string texts = prompt.substr(begin, end - begin);
      for (size_t at = 0; at < texts.size();) {
        const size_t next = std::min(texts.find("\n\n", at), texts.size());
        const std::string text = texts.substr(at, next - at);
        result.text += (result.text.empty() ? "" : " ") + text.substr(0, text.find('.') + 1);
        at = next + 2;
      }
    }
    return result;
  }
  std::function<void()> on_call;
  absl::Status fail_with;
  std::string answer;
  std::function<std::string(const engine::GenerateRequest&)> script;  // says the answer; before `answer`
  int calls = 0;
  std::vector<std::string> prompts;

 private:
  engine::ModelInfo info_;
  WordTokenizer tokenizer_;
};

// A model that expects every token that stood in the context or the text before, and the others by a hash.
class FakeScorer final : public engine::TokenScorer {
 public:
  absl::StatusOr<std::vector<engine::TokenScore>> ScoreTokens(std::string_view context, std::string_view text,
                                                              const CallContext& call) override {
    ++calls;
    if (on_call) on_call();
    if (auto status = call.Check(); !status.ok()) return status;
    if (!fail_with.ok()) return fail_with;
    const auto before = *tokenizer_.EncodeWithOffsets(context, {});
    const auto tokens = *tokenizer_.EncodeWithOffsets(text, {});
    if (static_cast<int64_t>(before.size() + tokens.size()) > window) {
      return absl::FailedPreconditionError(
          absl::StrCat("the text has ", tokens.size(), " tokens, the model takes ", window));
    }
    scored += static_cast<int64_t>(tokens.size());
    std::set<std::string> known;
    for (const auto& token : before) known.insert(std::string(Slice(context, token.bytes)));
    std::vector<engine::TokenScore> scores;
    for (const auto& token : tokens) {
      const std::string word(Slice(text, token.bytes));
      const bool expected = !known.insert(word).second;
      const auto surprisal = expected ? 0.5f : 2.0f + static_cast<float>(std::hash<std::string>{}(word) % 1000) / 250;
      scores.push_back({token, scores.empty() && context.empty() ? 0.0f : -surprisal});
    }
    return scores;
  }
  std::function<void()> on_call;
  absl::Status fail_with;
  int64_t window = 2048;
  int calls = 0;
  int64_t scored = 0;

 private:
  WordTokenizer tokenizer_;
};

// Attention: how many of the question's words a segment has. Entropy: how many numbers.
class FakeSegmentScorer final : public engine::SegmentScorer {
 public:
  absl::StatusOr<std::vector<float>> ScoreSegments(std::span<const std::string_view> segments,
                                                   std::string_view question,
                                                   const engine::SegmentScoreOptions& options,
                                                   const CallContext& call) override {
    ++calls;
    last_options = options;
    last_segments.assign(segments.begin(), segments.end());
    if (on_call) on_call();
    if (auto status = call.Check(); !status.ok()) return status;
    if (!fail_with.ok()) return fail_with;
    std::set<std::string> asked;
    const auto words = *tokenizer_.EncodeWithOffsets(question, {});
    for (const auto& token : words) asked.insert(std::string(Slice(question, token.bytes)));
    std::vector<float> scores;
    for (const std::string_view segment : segments) {
      float score = 0;
      if (options.scoring == engine::SegmentScoring::kEntropy) {
        for (const char c : segment) score += c >= '0' && c <= '9' ? 1.0f : 0.0f;
      } else {
        const auto own = *tokenizer_.EncodeWithOffsets(segment, {});
        for (const auto& token : own) score += asked.count(std::string(Slice(segment, token.bytes))) > 0 ? 1.0f : 0.0f;
      }
      scores.push_back(score);
    }
    return scores;
  }
  std::function<void()> on_call;
  absl::Status fail_with;
  int calls = 0;
  engine::SegmentScoreOptions last_options;
  std::vector<std::string> last_segments;

 private:
  WordTokenizer tokenizer_;
};

// Sentences of made-up words, with numbers, negations, code, quotations, other scripts and odd spacing among them.
class TextMaker {
 public:
  explicit TextMaker(uint32_t seed) : random_(seed) {}

  int Below(int n) { return static_cast<int>(random_() % static_cast<uint32_t>(n)); }
  std::string Word() {
    static const char* const kOdd[] = {"3.14",
                                       "not",
                                       "never",
                                       "read_file",
                                       "--force",
                                       "\"as it is\"",
                                       "2024-01-31",
                                       "na\u00efve",
                                       "\u0434\u0430\u043d\u043d\u044b\u0435",
                                       "\u6570\u636e\u538b\u7f29",
                                       "\u0645\u0631\u062d\u0628\u0627",
                                       "[3]",
                                       "e.g.",
                                       "a[0]",
                                       "5 kg",
                                       "don't",
                                       "\U0001f642",
                                       "</context>",
                                       "E1234",
                                       "`x = 1`"};
    if (Below(12) == 0) return kOdd[Below(std::size(kOdd))];
    std::string word;
    for (int n = 1 + Below(4); n > 0; --n) {
      word += "bcdfglmnprstv"[Below(13)];
      word += "aeiou"[Below(5)];
    }
    return word;
  }
  std::string Sentence() {
    std::string sentence;
    for (int n = 3 + Below(18); n > 0; --n) sentence += (sentence.empty() ? "" : Below(15) == 0 ? ", " : " ") + Word();
    if (sentence[0] >= 'a' && sentence[0] <= 'z') sentence[0] = static_cast<char>(sentence[0] - 32);
    return sentence + (Below(8) == 0 ? "?" : ".");
  }
  std::string Text(int sentences) {
    static const char* const kGaps[] = {" ", " ", " ", " ", "\n", "\n\n", "  ", "\n[2] ", "\n- "};
    std::string text;
    for (int i = 0; i < sentences; ++i) text += (i == 0 ? "" : kGaps[Below(std::size(kGaps))]) + Sentence();
    return text;
  }
  std::vector<Passage> Passages(int count, int sentences) {
    std::vector<Passage> passages;
    for (int i = 0; i < count; ++i) {
      Passage passage;
      passage.text = Text(1 + Below(sentences));
      passage.document_id = absl::StrCat("d", i % 3);
      passage.version_id = "v";
      passage.document_range = {i * 1000, i * 1000 + static_cast<int64_t>(passage.text.size())};
      passage.title = Word();
      passage.score = 1.0 / (1 + Below(20));
      passages.push_back(std::move(passage));
    }
    return passages;
  }

 private:
  std::mt19937 random_;
};

}  // namespace precis::compress
