// A T5 or mT5 model behind the interfaces of engine/api. Its window is one for the prompt and one of the same size for
// the text: the encoder reads the one, the decoder writes the other.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpu/thread_pool.h"
#include "models/t5.h"
#include "precis/engine/load.h"
#include "runtime/turnstile.h"

namespace precis::engine {

struct Seq2SeqParts {
  ModelInfo info;
  std::shared_ptr<const Tokenizer> tokenizer;
  std::shared_ptr<cpu::ThreadPool> pool;
  std::unique_ptr<T5Model> model;
  std::vector<TokenId> ends;  // tokens after which a text is over; at least one, the first stands behind every prompt
  int queue_limit = 64;
};

// Thread-safe. One call computes at a time, first come, first served; cancel and deadline are looked at before every
// layer of the prompt and every token.
//
// Such models are trained on plain instructions: messages are joined by an empty line, whoever speaks. ScoreTokens
// reads the context with the encoder and scores the text as what the decoder would write; of the ways to score segments
// it has kQuestionLikelihood, as UPR does it with T5 (arXiv 2204.07496): what the decoder makes of the question.
class Seq2SeqModel final : public LanguageModel {
 public:
  explicit Seq2SeqModel(Seq2SeqParts parts);

  const ModelInfo& info() const override { return parts_.info; }
  const Tokenizer& tokenizer() const override { return *parts_.tokenizer; }
  absl::StatusOr<std::string> RenderChat(const std::vector<ChatMessage>& messages) const override;
  absl::StatusOr<int64_t> CountPromptTokens(const GenerateRequest& request) const override;
  absl::StatusOr<GenerateResult> Generate(const GenerateRequest& request, const CallContext& call,
                                          const DeltaSink& sink) override;
  absl::StatusOr<std::vector<TokenScore>> ScoreTokens(std::string_view context, std::string_view text,
                                                      const CallContext& call) override;
  absl::StatusOr<std::vector<TokenScore>> ScoreAnswer(const std::vector<ChatMessage>& messages, std::string_view text,
                                                      const std::string& tenant, const CallContext& call) override;
  absl::StatusOr<std::vector<float>> ScoreSegments(std::span<const std::string_view> segments,
                                                   std::string_view question, const SegmentScoreOptions& options,
                                                   const CallContext& call) override;

 private:
  // A place among those who wait or compute; ResourceExhausted when all are taken.
  class Place {
   public:
    explicit Place(std::atomic<int>* taken) : taken_(taken) {}
    Place(Place&& other) noexcept : taken_(std::exchange(other.taken_, nullptr)) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (taken_ != nullptr) --*taken_;
    }

   private:
    std::atomic<int>* taken_;
  };
  absl::StatusOr<Place> TakePlace();
  absl::StatusOr<std::vector<TokenId>> EncodeInput(std::string_view text, bool parse_special) const;
  absl::StatusOr<std::vector<TokenId>> EncodePrompt(const GenerateRequest& request) const;
  absl::Status CheckLength(std::string_view what, int64_t tokens) const;

  const Seq2SeqParts parts_;
  std::atomic<int> taken_{0};
  Turnstile turnstile_;
};

}  // namespace precis::engine
