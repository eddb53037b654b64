// How the families spell a conversation. Internal to ChatTemplate, which recognises them; `system` is what the template
// puts before a conversation without a system message, empty for nothing.
#pragma once

#include <string>
#include <vector>

#include "runtime/chat_template.h"

namespace precis::engine {

using Messages = std::vector<ChatMessage>;

std::vector<PromptPiece> RenderChatMl(const Messages& messages, const std::string& system);
std::vector<PromptPiece> RenderQwen3(const Messages& messages, const std::string& system);
std::vector<PromptPiece> RenderSmolLm3(const Messages& messages, const std::string& system);
std::vector<PromptPiece> RenderLlama3(const Messages& messages, const std::string& system);
// Llama 3.1 to 3.3: a header with dates before the system message. The template takes the day from a clock if it has
// one; here it never has, so that equal messages are equal prompts.
std::vector<PromptPiece> RenderLlama31(const Messages& messages, const std::string& system);
std::vector<PromptPiece> RenderGemma(const Messages& messages, const std::string& system);
std::vector<PromptPiece> RenderPhi3(const Messages& messages, const std::string& system);
std::vector<PromptPiece> RenderPhi4(const Messages& messages, const std::string& system);
std::vector<PromptPiece> RenderMistralTekken(const Messages& messages, const std::string& system);

}  // namespace precis::engine
