#include "fakes.h"

#include <chrono>
#include <cmath>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "precis/base/status_macros.h"

namespace precis::services {
namespace {

constexpr int kDimensions = 32;
constexpr int64_t kEncoderWindow = 128;

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\t'; }

// A token is a word with the white space before it; ids are hashes. Joined, tokens are the text.
class WordTokenizer final : public engine::Tokenizer {
 public:
  explicit WordTokenizer(std::string fingerprint) : fingerprint_(std::move(fingerprint)) {}

  absl::StatusOr<std::vector<engine::Token>> EncodeWithOffsets(std::string_view text,
                                                               const engine::EncodeOptions& options) const override {
    std::vector<engine::Token> tokens;
    if (options.add_special) tokens.push_back({1, {}});
    size_t begin = 0;
    while (begin < text.size()) {
      size_t end = begin;
      while (end < text.size() && IsSpace(text[end])) ++end;
      while (end < text.size() && !IsSpace(text[end])) ++end;
      tokens.push_back(
          {static_cast<engine::TokenId>(std::hash<std::string_view>()(text.substr(begin, end - begin)) % 30000),
           {static_cast<int64_t>(begin), static_cast<int64_t>(end)}});
      begin = end;
    }
    if (options.add_special)
      tokens.push_back({2, {static_cast<int64_t>(text.size()), static_cast<int64_t>(text.size())}});
    return tokens;
  }
  absl::StatusOr<std::vector<engine::TokenId>> Encode(std::string_view text,
                                                      const engine::EncodeOptions& options) const override {
    PRECIS_ASSIGN_OR_RETURN(const auto tokens, EncodeWithOffsets(text, options));
    std::vector<engine::TokenId> ids;
    for (const engine::Token& token : tokens) ids.push_back(token.id);
    return ids;
  }
  absl::StatusOr<std::string> Decode(std::span<const engine::TokenId>, bool) const override {
    return absl::UnimplementedError("fake");
  }
  std::string_view TokenBytes(engine::TokenId) const override { return ""; }
  int vocabulary_size() const override { return 30000; }
  const engine::SpecialTokens& special() const override { return special_; }
  int special_tokens_added() const override { return 2; }
  const std::string& fingerprint() const override { return fingerprint_; }

 private:
  const std::string fingerprint_;
  const engine::SpecialTokens special_;
};

class FakeEncoder final : public engine::Embedder {
 public:
  FakeEncoder(std::string name, std::shared_ptr<FakeEngines> engines)
      : engines_(std::move(engines)), tokenizer_("fake-tokenizer-" + name) {
    info_.name = name;
    info_.architecture = "bert";
    info_.fingerprint = engines_->encoder_fingerprint;
    info_.tokenizer_fingerprint = tokenizer_.fingerprint();
    info_.numeric_mode = "fp32";
    info_.max_tokens = kEncoderWindow;
    info_.dimensions = kDimensions;
    info_.pooling = "mean";
  }
  const engine::ModelInfo& info() const override { return info_; }
  const engine::Tokenizer& tokenizer() const override { return tokenizer_; }

  absl::StatusOr<std::vector<engine::Embedding>> Embed(std::span<const std::string_view> texts,
                                                       const engine::EmbedOptions& options,
                                                       const CallContext& call) override {
    for (++engines_->held; engines_->hold_embedding && call.Check().ok();) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    --engines_->held;
    std::vector<engine::Embedding> result;
    for (size_t i = 0; i < texts.size(); ++i) {
      PRECIS_RETURN_IF_ERROR(call.Check());
      PRECIS_ASSIGN_OR_RETURN(const auto tokens, tokenizer_.EncodeWithOffsets(texts[i], {true, false}));
      engine::Embedding embedding;
      embedding.tokens_total = embedding.tokens_used = static_cast<int64_t>(tokens.size());
      if (embedding.tokens_total > kEncoderWindow) {
        if (options.long_input == engine::LongInput::kError) {
          return absl::InvalidArgumentError(
              absl::StrCat("text ", i, " has ", tokens.size(), " tokens, the model takes ", kEncoderWindow));
        }
        if (options.long_input == engine::LongInput::kTruncate) {
          embedding.truncated = true;
          embedding.tokens_used = kEncoderWindow;
        }
      }
      embedding.vector.assign(kDimensions, 0.01f);
      for (const engine::Token& token : tokens) {
        std::string word;
        for (char c : Slice(texts[i], token.bytes)) {
          if (std::isalnum(static_cast<unsigned char>(c))) word += static_cast<char>(std::tolower(c));
        }
        if (!word.empty()) embedding.vector[std::hash<std::string>()(word) % kDimensions] += 1;
      }
      float norm = 0;
      for (float v : embedding.vector) norm += v * v;
      for (float& v : embedding.vector) v /= std::sqrt(norm);
      ++engines_->embedded;
      result.push_back(std::move(embedding));
    }
    return result;
  }

 private:
  const std::shared_ptr<FakeEngines> engines_;
  const WordTokenizer tokenizer_;
  engine::ModelInfo info_;
};

class FakeGenerator final : public engine::LanguageModel {
 public:
  FakeGenerator(std::string name, std::shared_ptr<FakeEngines> engines)
      : engines_(std::move(engines)), tokenizer_("fake-tokenizer-" + name) {
    info_.name = name;
    info_.architecture = "llama";
    info_.fingerprint = "fake-generator-1";
    info_.tokenizer_fingerprint = tokenizer_.fingerprint();
    info_.numeric_mode = "exact";
    info_.max_tokens = engines_->window;
  }
  const engine::ModelInfo& info() const override { return info_; }
  const engine::Tokenizer& tokenizer() const override { return tokenizer_; }

  absl::StatusOr<std::string> RenderChat(const std::vector<engine::ChatMessage>& messages) const override {
    std::string text;
    for (const engine::ChatMessage& message : messages)
      absl::StrAppend(&text, message.role, ": ", message.content, "\n");
    return text;
  }
  absl::StatusOr<int64_t> CountPromptTokens(const engine::GenerateRequest& request) const override {
    PRECIS_ASSIGN_OR_RETURN(const std::string text, Prompt(request));
    return tokenizer_.CountTokens(text);
  }

  absl::StatusOr<engine::GenerateResult> Generate(const engine::GenerateRequest& request, const CallContext& call,
                                                  const engine::DeltaSink& sink) override {
    PRECIS_ASSIGN_OR_RETURN(const std::string prompt, Prompt(request));
    engine::GenerateResult result;
    PRECIS_ASSIGN_OR_RETURN(result.prompt_tokens, tokenizer_.CountTokens(prompt));
    if (result.prompt_tokens + request.max_tokens > info_.max_tokens) {
      return absl::FailedPreconditionError(absl::StrCat("prompt has ", result.prompt_tokens,
                                                        " tokens, with max_tokens ", request.max_tokens,
                                                        " they exceed the window of ", info_.max_tokens));
    }
    {
      std::lock_guard<std::mutex> lock(engines_->mutex);
      engines_->prompts.push_back(prompt);
    }
    ++engines_->generating;
    const absl::Status status = Stream(Answer(prompt), request.max_tokens, call, sink, &result);
    --engines_->generating;
    PRECIS_RETURN_IF_ERROR(status);
    return result;
  }

  absl::StatusOr<std::vector<engine::TokenScore>> ScoreTokens(std::string_view, std::string_view text,
                                                              const CallContext&) override {
    PRECIS_ASSIGN_OR_RETURN(const auto tokens, tokenizer_.EncodeWithOffsets(text, {}));
    std::vector<engine::TokenScore> scores;
    for (const engine::Token& token : tokens) scores.push_back({token, -1.0f});
    return scores;
  }

  // How many of the question's words a segment has; entropy: how long it is.
  absl::StatusOr<std::vector<float>> ScoreSegments(std::span<const std::string_view> segments,
                                                   std::string_view question,
                                                   const engine::SegmentScoreOptions& options,
                                                   const CallContext& call) override {
    PRECIS_RETURN_IF_ERROR(call.Check());
    std::vector<float> scores;
    for (const std::string_view segment : segments) {
      float score = 0;
      for (absl::string_view word : absl::StrSplit(absl::string_view(question.data(), question.size()), ' ')) {
        score += segment.find(std::string_view(word.data(), word.size())) != std::string_view::npos ? 1.0f : 0.0f;
      }
      scores.push_back(options.scoring == engine::SegmentScoring::kEntropy ? static_cast<float>(segment.size())
                                                                           : score);
    }
    return scores;
  }

  absl::StatusOr<std::vector<engine::TokenScore>> ScoreAnswer(const std::vector<engine::ChatMessage>& messages,
                                                              std::string_view text, const std::string&,
                                                              const CallContext&) override {
    ++engines_->scored_answers;
    PRECIS_ASSIGN_OR_RETURN(const std::string prompt, RenderChat(messages));
    const bool question = prompt.find("Write ") != std::string::npos;
    const bool context = prompt.find("<context>\n") != std::string::npos;  // the system text names the mark alone
    PRECIS_ASSIGN_OR_RETURN(const auto tokens, tokenizer_.EncodeWithOffsets(text, {}));
    std::vector<engine::TokenScore> scores;
    for (const engine::Token& token : tokens) {
      scores.push_back({token, question && context ? engines_->question_logprob.load()
                               : question          ? engines_->question_logprob_without.load()
                               : context           ? engines_->answer_logprob.load()
                                                   : engines_->answer_logprob_without.load()});
    }
    return scores;
  }

 private:
  absl::StatusOr<std::string> Prompt(const engine::GenerateRequest& request) const {
    if (request.messages.empty()) return request.prompt;
    return RenderChat(request.messages);
  }

  std::string Answer(const std::string& prompt) const {
    // Of texts to summarise the first sentence.
    if (const size_t texts = prompt.find("<texts>\n"); texts != std::string::npos) {
      const size_t first = texts + sizeof("<texts>\n") - 1;
      return prompt.substr(first, prompt.find_first_of(".\n", first) - first) + ".";
    }
    std::vector<std::string> questions;
    for (int i = 1;; ++i) {
      const std::string label = absl::StrCat("\nQuestion ", i, ": ");
      const size_t begin = prompt.find(label);
      if (begin == std::string::npos) break;
      questions.push_back(prompt.substr(begin + label.size(), prompt.find('\n', begin + 1) - begin - label.size()));
    }
    if (questions.empty()) return AnswerTo(prompt, prompt);
    const FakeLabels labels = engines_->labels;
    std::string text;
    for (size_t i = 0; i < questions.size(); ++i) {
      const std::string answer = AnswerTo(questions[i], prompt);
      if (labels == FakeLabels::kNone) {
        absl::StrAppend(&text, answer, " ");
      } else if (labels != FakeLabels::kLastMissing || i + 1 < questions.size()) {
        absl::StrAppend(&text, "Answer ", i + 1, ": ", answer, "\n");
      }
    }
    if (labels == FakeLabels::kFirstTwice) absl::StrAppend(&text, "Answer 1: Something else.");
    return text;
  }

  // The first passage of the context with its mark; a question about something "unknown" is refused.
  static std::string AnswerTo(const std::string& question, const std::string& prompt) {
    if (question.find("unknown") != std::string::npos) return "The passages do not answer this question.";
    const size_t mark = prompt.find("<context>\n[1] ");
    if (mark == std::string::npos) return "Hello from the fake generator.";
    const size_t begin = mark + sizeof("<context>\n[1] ") - 1;
    const size_t end = prompt.find_first_of(".\n", begin);
    return prompt.substr(begin, end - begin) + " [1].";
  }

  absl::Status Stream(const std::string& answer, int max_tokens, const CallContext& call, const engine::DeltaSink& sink,
                      engine::GenerateResult* result) {
    PRECIS_ASSIGN_OR_RETURN(const auto tokens, tokenizer_.EncodeWithOffsets(answer, {}));
    for (size_t i = 0; engines_->endless || i < tokens.size(); ++i) {
      PRECIS_RETURN_IF_ERROR(call.Check());
      if (!engines_->endless && result->completion_tokens == max_tokens) {
        result->finish = engine::FinishReason::kMaxTokens;
        return absl::OkStatus();
      }
      const std::string piece = i < tokens.size() ? std::string(Slice(answer, tokens[i].bytes)) : " and";
      ++engines_->steps;
      ++result->completion_tokens;
      result->text += piece;
      if (!sink(piece)) {
        ++engines_->refused_steps;
        return absl::CancelledError("the sink said stop");
      }
      if (engines_->endless) std::this_thread::yield();
    }
    return absl::OkStatus();
  }

  const std::shared_ptr<FakeEngines> engines_;
  const WordTokenizer tokenizer_;
  engine::ModelInfo info_;
};

bool IsEncoder(const std::string& name) { return name.find("encoder") != std::string::npos; }

// Cross: the share of the passage that is the query. Sparse: the first letters.
class FakeHead final : public engine::CrossEncoder, public engine::SparseEncoder {
 public:
  const engine::ModelInfo& info() const override { return info_; }
  const engine::Tokenizer& tokenizer() const override { return tokenizer_; }
  absl::StatusOr<std::vector<engine::PairScore>> Score(std::string_view query,
                                                       std::span<const std::string_view> passages, engine::LongInput,
                                                       const CallContext&) override {
    std::vector<engine::PairScore> scores;
    for (const auto p : passages) {
      scores.push_back({.score = p.find(query) == std::string_view::npos
                                     ? 0.0f
                                     : static_cast<float>(query.size()) / static_cast<float>(p.size())});
    }
    return scores;
  }
  absl::StatusOr<std::vector<engine::SparseVector>> Encode(std::span<const std::string_view> texts, engine::LongInput,
                                                           const CallContext&) override {
    std::vector<engine::SparseVector> vectors;
    for (const auto t : texts) vectors.push_back({{{t[0], 1.0f}}});
    return vectors;
  }

 private:
  engine::ModelInfo info_{.fingerprint = "fake-head-1"};
  const WordTokenizer tokenizer_{"fake-head"};
};

}  // namespace

ModelSource MakeFakeModels(std::shared_ptr<FakeEngines> engines) {
  ModelSource source;
  source.find = [engines](const std::string& name) -> absl::StatusOr<std::string> {
    if (engines->models.count(name) == 0) return absl::NotFoundError(absl::StrCat("model '", name, "' is not there"));
    return name;
  };
  source.list = [engines] { return std::vector<std::string>(engines->models.begin(), engines->models.end()); };
  source.inspect = [engines](const std::string& path) -> absl::StatusOr<engine::ModelFileInfo> {
    engine::ModelFileInfo info;
    info.kind = IsEncoder(path) ? "encoder" : "decoder";
    info.supported = true;
    info.model.name = path;
    info.model.parameters = engines->head_parameters;
    info.model.max_tokens = IsEncoder(path) ? kEncoderWindow : engines->window;
    return info;
  };
  source.load_tokenizer = [](const std::string& path) -> absl::StatusOr<std::shared_ptr<const engine::Tokenizer>> {
    return std::make_shared<const WordTokenizer>("fake-tokenizer-" + path);
  };
  source.load_embedder = [engines](const std::string& path,
                                   const engine::LoadOptions&) -> absl::StatusOr<std::shared_ptr<engine::Embedder>> {
    return std::make_shared<FakeEncoder>(path, engines);
  };
  source.load_language_model =
      [engines](const std::string& path,
                const engine::LoadOptions&) -> absl::StatusOr<std::shared_ptr<engine::LanguageModel>> {
    return std::make_shared<FakeGenerator>(path, engines);
  };
  const auto load_head = [engines](const std::string& path) -> absl::StatusOr<std::shared_ptr<FakeHead>> {
    if (engines->heads_fail) return absl::UnavailableError("the fake head does not load");
    if (path.find("head") == std::string::npos) return absl::NotFoundError("there is no head in " + path);
    return std::make_shared<FakeHead>();
  };
  source.load_cross_encoder = [load_head](const std::string& path, const engine::LoadOptions&)
      -> absl::StatusOr<std::shared_ptr<engine::CrossEncoder>> { return load_head(path); };
  source.load_sparse_encoder = [load_head](const std::string& path, const engine::LoadOptions&)
      -> absl::StatusOr<std::shared_ptr<engine::SparseEncoder>> { return load_head(path); };
  return source;
}

}  // namespace precis::services
