// A decoder behind the interfaces of engine/api: text in, text out.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "precis/engine/load.h"
#include "runtime/chat_template.h"
#include "runtime/scheduler.h"

namespace precis::engine {

struct LanguageModelParts {
  ModelInfo info;
  std::shared_ptr<const Tokenizer> tokenizer;
  std::string chat_template;  // Jinja, as the file holds it; may be empty
  std::vector<TokenId> ends;  // besides the tokenizer's own
  std::unique_ptr<Decoder> decoder;
  SchedulerOptions scheduler;
  SpeculationOptions speculation;
};

class DecoderLanguageModel final : public LanguageModel {
 public:
  explicit DecoderLanguageModel(LanguageModelParts parts);

  const ModelInfo& info() const override { return info_; }
  const Tokenizer& tokenizer() const override { return *tokenizer_; }
  absl::StatusOr<std::string> RenderChat(const std::vector<ChatMessage>& messages) const override;
  absl::StatusOr<int64_t> CountPromptTokens(const GenerateRequest& request) const override;
  absl::StatusOr<GenerateResult> Generate(const GenerateRequest& request, const CallContext& call,
                                          const DeltaSink& sink) override;
  absl::StatusOr<std::vector<TokenScore>> ScoreTokens(std::string_view context, std::string_view text,
                                                      const CallContext& call) override;
  absl::StatusOr<std::vector<float>> ScoreSegments(std::span<const std::string_view> segments,
                                                   std::string_view question, const SegmentScoreOptions& options,
                                                   const CallContext& call) override;
  absl::StatusOr<std::vector<TokenScore>> ScoreAnswer(const std::vector<ChatMessage>& messages, std::string_view text,
                                                      const std::string& tenant, const CallContext& call) override;

 private:
  absl::StatusOr<std::vector<TokenScore>> Score(std::vector<TokenId> before, std::string_view text,
                                                const std::string& tenant, const CallContext& call);
  absl::StatusOr<std::vector<TokenId>> EncodePrompt(const GenerateRequest& request) const;
  // What the tokenizer puts before every text: <bos> or nothing.
  std::vector<TokenId> Beginning() const;

  ModelInfo info_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  ChatTemplate template_;
  std::vector<TokenId> ends_;  // tokens after which a text is over
  Scheduler scheduler_;
};

}  // namespace precis::engine
