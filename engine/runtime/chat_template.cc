#include "runtime/chat_template.h"

#include "absl/strings/str_cat.h"
#include "runtime/chat_styles.h"

namespace precis::engine {
namespace {

// ChatML's families differ in the system message that is put before a conversation without one.
constexpr std::string_view kDefaultSystems[] = {
    "You are a helpful AI assistant named SmolLM, trained by Hugging Face",  // SmolLM2
    "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.",  // Qwen2.5
    "You are a helpful assistant.",                                          // Qwen2
    "You are a helpful assistant",                                           // Qwen2, first releases
};

// By what only this family's template spells; no renderer: it is none that is known here.
ChatTemplate::Family Recognise(std::string_view jinja) {
  const auto has = [jinja](std::string_view text) { return jinja.find(text) != std::string_view::npos; };
  if (has("<|im_start|>") && has("<|im_end|>")) {
    if (has("## Metadata") && has("Reasoning Mode: ")) return {RenderSmolLm3};
    for (const std::string_view system : kDefaultSystems) {
      if (has(system)) return {RenderChatMl, false, std::string(system)};
    }
    // A default that is not known here begins like the others; without one there is nothing to know.
    if (has("You are")) return {};
    return {has("</think>") ? RenderQwen3 : RenderChatMl};
  }
  if (has("<|start_header_id|>") && has("<|end_header_id|>") && has("<|eot_id|>")) {
    if (has("Cutting Knowledge Date: December 2023") && has("26 Jul 2024")) return {RenderLlama31};
    if (has("You are") || has("functions")) return {};
    return {RenderLlama3};
  }
  if (has("<start_of_turn>") && has("<end_of_turn>")) return {RenderGemma, true};
  if (has("<|end|>") && has("<|assistant|>")) {
    return {has("'|>' + message['content'] + '<|end|>'") ? RenderPhi4 : RenderPhi3};
  }
  if (has("\"[INST]\"") && has("[/INST]") && !has("[SYSTEM_PROMPT]")) return {RenderMistralTekken, true};
  return {};
}

}  // namespace

ChatTemplate::ChatTemplate(std::string_view jinja) {
  if (jinja.empty()) {
    known_ = absl::InvalidArgumentError("the model has no chat template: send a plain prompt instead of messages");
    return;
  }
  family_ = Recognise(jinja);
  if (family_.render != nullptr) return;
  known_ = absl::InvalidArgumentError(
      "the model's chat template is none that is known here (those of SmolLM, Qwen, Llama 3, Gemma, Phi-3 and Mistral "
      "Nemo): send a plain prompt instead of messages");
}

absl::StatusOr<std::vector<PromptPiece>> ChatTemplate::Render(const std::vector<ChatMessage>& messages) const {
  if (!known_.ok()) return known_;
  if (messages.empty()) return absl::InvalidArgumentError("there are no messages: send at least one");
  const size_t first = messages.front().role == "system" ? 1 : 0;
  for (size_t i = 0; i < messages.size(); ++i) {
    const std::string& role = messages[i].role;
    if (role != "system" && role != "user" && role != "assistant") {
      return absl::InvalidArgumentError(
          absl::StrCat("message ", i, " has role '", role, "'; roles are system, user and assistant"));
    }
    const char* wanted = (i - first) % 2 == 0 ? "user" : "assistant";
    if (family_.turns && i >= first && role != wanted) {
      return absl::InvalidArgumentError(
          absl::StrCat("message ", i, " has role '", role, "'; the model's chat template wants '", wanted, "' there"));
    }
  }
  if (family_.turns && messages.size() == first) {
    return absl::InvalidArgumentError("there is only a system message: the model's chat template wants a user's");
  }
  return family_.render(messages, family_.system);
}

}  // namespace precis::engine
