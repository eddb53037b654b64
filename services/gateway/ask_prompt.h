// How Ask lays out a prompt, and how it shares a model's window between question, turns, context and answer.
//
// Order: system text, earlier turns, then one user message with the context and, last, the question. What is stable
// stands first, so that the generator's prefix cache is of use: several questions over one context differ in their last
// words alone. Passages are data between delimiters; where one spells a delimiter, the compressor escapes it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "precis/v1/generation.pb.h"
#include "precis/v1/pipeline.pb.h"

namespace precis::services {

inline constexpr char kContextBegin[] = "<context>\n";
inline constexpr char kContextEnd[] = "\n</context>\n\n";
inline constexpr char kQuestionLabel[] = "Question: ";
// What the model is asked to say when the passages do not help; an answer that begins so is INSUFFICIENT_CONTEXT.
inline constexpr char kRefusal[] = "The passages do not answer this question.";
// What Ask says itself when nothing was found.
inline constexpr char kNothingFound[] =
    "No passage of the collection was found for this question, so there is nothing to answer it from.";

// Strings that no passage may spell unescaped.
std::vector<std::string> ReservedStrings();

// The server's instructions, or the caller's.
std::string SystemPrompt(const v1::AskRequest& request);

// The messages for one question. `first_turn`: turns before it are left out.
v1::Chat MakeChat(const v1::AskRequest& request, const std::string& question, const std::string& context,
                  int first_turn);

// True if the answer says that the passages do not hold one.
bool IsRefusal(std::string_view answer);

// What a prompt consists of besides the context, in tokens of the generator.
struct PromptTokens {
  int64_t system = 0;
  int64_t question = 0;        // the longest one
  std::vector<int64_t> turns;  // oldest first
};

// How the window is shared.
struct WindowPlan {
  int64_t budget = 0;      // for the context
  int64_t max_answer = 0;  // tokens of each answer
  int first_turn = 0;      // turns before it are dropped
  std::vector<std::string> notes;
};

// Turns are dropped, oldest first, before the context suffers; a budget or answer length that the caller gave is never
// changed. FailedPrecondition names every count when they do not fit the window together.
absl::StatusOr<WindowPlan> PlanWindow(const v1::AskRequest& request, const PromptTokens& tokens, int64_t window,
                                      const std::string& model);

}  // namespace precis::services
