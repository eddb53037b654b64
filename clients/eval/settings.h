// What a run does, and what makes two runs comparable.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace precis::eval {

// A budget for contexts: tokens, or a cut of the full context.
struct Budget {
  std::string name;    // "256", "4x"; "-" where there is none
  int64_t tokens = 0;  // above 0: absolute
  double factor = 0;   // above 0: the full context's tokens divided by it

  // Tokens where the full context has `full`; at least 1.
  int64_t For(int64_t full) const;
};

// "256" (1 to 262,144) or "4x", "2.5x" (above 1 to 1,000). InvalidArgument says what is allowed.
absl::StatusOr<Budget> ParseBudget(const std::string& text);

// Methods of the harness itself; all other names are methods and chains of the server.
inline constexpr char kClosed[] = "closed";               // no context at all
inline constexpr char kNone[] = "none";                   // the full context: every candidate whole
inline constexpr char kWhole[] = "whole";                 // whole passages, best first, while they fit
inline constexpr char kBm25Sentence[] = "bm25-sentence";  // the one sentence with the best BM25 score
inline constexpr char kBm25Fill[] = "bm25-fill";          // sentences by BM25 until the budget is full
inline constexpr char kRandom[] = "random";               // words deleted at random until the rest fits

bool IsOwnMethod(const std::string& method);
// Without a budget: closed and none.
bool HasNoBudget(const std::string& method);
// "extractive:lambda=0.5 | lingua" -> {"extractive", "lingua"}.
std::vector<std::string> StepNames(const std::string& method);

// How answers are asked for.
enum class Style {
  kShort,  // in the fewest words, for exact match and F1
  kCited,  // as Ask asks for them: sentences with "[n]"
};

struct Settings {
  std::vector<std::string> methods, generators, protect;
  std::vector<Budget> budgets;
  std::string split = "heldout", overlap, mode = "hybrid";
  bool answerable_only = false;
  int top_k = 10, limit = 0, max_answer_tokens = 64;
  uint64_t seed = 1;
  double input_price = 0, output_price = 0;  // of a million tokens
  bool generate = true;
  bool timings = true;  // measures the time to first token, which costs one more prefill without `generate`
  bool save_contexts = false;
  Style style = Style::kShort;
  int max_scored_answers = 4;  // the first different ones
};

}  // namespace precis::eval
