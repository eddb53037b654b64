// Prompts to text, token by token.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "precis/base/call_context.h"
#include "precis/engine/model_info.h"
#include "precis/engine/tokenizer.h"

namespace precis::engine {

// The default is greedy. Order of application: top_k, top_p, min_p, then temperature and the seeded draw.
struct Sampling {
  float temperature = 0;  // 0: greedy; else > 0 and <= 10
  int top_k = 0;          // 0: off
  float top_p = 1;        // (0, 1]
  float min_p = 0;        // [0, 1): drops tokens below min_p times the best one's probability
  uint64_t seed = 0;      // same seed, same text
};

struct ChatMessage {
  std::string role;  // "system", "user" or "assistant"
  std::string content;
};

struct GenerateRequest {
  // Exactly one of the two. Messages go through the model's chat template with a generation prompt at the end; what
  // they spell is text, never a special token. A raw prompt is encoded with special tokens parsed.
  std::string prompt;
  std::vector<ChatMessage> messages;
  Sampling sampling;
  int max_tokens = 256;           // >= 1
  std::vector<std::string> stop;  // generation ends before the first of them; at most 16, none empty
  std::string tenant;             // fairness and prefix cache isolation
};

enum class FinishReason { kEndOfText, kStopString, kMaxTokens };

struct GenerateResult {
  std::string text;
  FinishReason finish = FinishReason::kEndOfText;
  int64_t prompt_tokens = 0;
  int64_t cached_prompt_tokens = 0;  // of them, found in the prefix cache
  int64_t completion_tokens = 0;
  int64_t drafted_tokens = 0;  // tried by speculation
  int64_t drafts_right = 0;    // of them, tokens of the text
  absl::Duration prefill_time;
  absl::Duration decode_time;
};

// Receives the next piece of text, always valid UTF-8, never part of a stop string. Called on an engine thread: it may
// not block. Returning false ends the generation with Cancelled.
using DeltaSink = std::function<bool(std::string_view)>;

// Thread-safe.
class Generator {
 public:
  virtual ~Generator() = default;

  virtual const ModelInfo& info() const = 0;
  virtual const Tokenizer& tokenizer() const = 0;

  // The messages as the prompt that Generate would use. InvalidArgument when the model has no chat template or a role
  // is unknown.
  [[nodiscard]] virtual absl::StatusOr<std::string> RenderChat(const std::vector<ChatMessage>& messages) const = 0;
  // How many tokens that prompt has, special tokens included.
  [[nodiscard]] virtual absl::StatusOr<int64_t> CountPromptTokens(const GenerateRequest& request) const = 0;

  // Blocks until the text is complete. Errors: InvalidArgument (options), FailedPrecondition (prompt + max_tokens do
  // not fit the window, with both numbers), ResourceExhausted (queue or memory full), Cancelled, DeadlineExceeded.
  [[nodiscard]] virtual absl::StatusOr<GenerateResult> Generate(const GenerateRequest& request, const CallContext& call,
                                                                const DeltaSink& sink) = 0;
};

}  // namespace precis::engine
