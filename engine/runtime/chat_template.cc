#include "runtime/chat_template.h"

#include "absl/strings/str_cat.h"

namespace precis::engine {
namespace {

// ChatML: <|im_start|>ROLE\nCONTENT<|im_end|>\n. Its families differ in the system message that is put before a
// conversation without one.
constexpr std::string_view kStart = "<|im_start|>", kEnd = "<|im_end|>";
constexpr std::string_view kDefaultSystems[] = {
    "You are a helpful AI assistant named SmolLM, trained by Hugging Face",  // SmolLM2
    "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.",  // Qwen2.5
    "You are a helpful assistant.",                                          // Qwen2
    "You are a helpful assistant",                                           // Qwen2, first releases
};

}  // namespace

ChatTemplate::ChatTemplate(std::string_view jinja) {
  if (jinja.empty()) {
    known_ = absl::InvalidArgumentError("the model has no chat template: send a plain prompt instead of messages");
    return;
  }
  known_ = absl::InvalidArgumentError(
      "the model's chat template is none that is known here (ChatML of SmolLM2 or Qwen): send a plain prompt instead "
      "of "
      "messages");
  if (jinja.find(kStart) == std::string_view::npos || jinja.find(kEnd) == std::string_view::npos) return;
  for (const std::string_view system : kDefaultSystems) {
    if (jinja.find(system) == std::string_view::npos) continue;
    default_system_ = std::string(system);
    known_ = absl::OkStatus();
    return;
  }
}

absl::StatusOr<std::vector<PromptPiece>> ChatTemplate::Render(const std::vector<ChatMessage>& messages) const {
  if (!known_.ok()) return known_;
  if (messages.empty()) return absl::InvalidArgumentError("there are no messages: send at least one");
  std::vector<PromptPiece> pieces;
  const auto add = [&](const std::string& role, const std::string& content) {
    pieces.push_back({std::string(kStart), true});
    // Role and content are one text, so that tokens may cross the line break as they do in the model's own template.
    pieces.push_back({absl::StrCat(role, "\n", content), false});
    pieces.push_back({std::string(kEnd), true});
    pieces.push_back({"\n", false});
  };
  if (messages.front().role != "system") add("system", default_system_);
  for (size_t i = 0; i < messages.size(); ++i) {
    const std::string& role = messages[i].role;
    if (role != "system" && role != "user" && role != "assistant") {
      return absl::InvalidArgumentError(
          absl::StrCat("message ", i, " has role '", role, "'; roles are system, user and assistant"));
    }
    add(role, messages[i].content);
  }
  pieces.push_back({std::string(kStart), true});
  pieces.push_back({"assistant\n", false});
  return pieces;
}

}  // namespace precis::engine
