// The prompts of the harness. The context stands before the question, so that a server reuses the prefix for several
// answers and questions of one context.
#pragma once

#include <string>

#include "eval/settings.h"

namespace precis::eval {

// Part of a run's fingerprint; raise it with every change of a prompt.
inline constexpr int kPromptVersion = 1;

std::string SystemText(Style style, bool has_context);
// `context` empty: the closed book, which has the question alone.
std::string UserText(const std::string& context, const std::string& question);
// What an answer's likelihood is measured after: plain text without a chat template, since ScoreTokens takes text.
// The answer follows with a space before it.
std::string ScoredPrompt(const std::string& context, const std::string& question);

}  // namespace precis::eval
