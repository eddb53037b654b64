// From messages to a prompt, for the chat templates that are known here.
//
// Model files carry a template as a Jinja program. Programs of strangers are not run: the families are recognised, and
// each is rendered by a fixed function that spells what its template spells.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "precis/engine/generator.h"

namespace precis::engine {

// A piece is encoded alone: `special` as the special token that it spells, else as plain text, whatever it spells.
struct PromptPiece {
  std::string text;
  bool special = false;
};

class ChatTemplate {
 public:
  // `jinja`: the file's template, empty where it has none.
  explicit ChatTemplate(std::string_view jinja);

  // Ends where the assistant's answer begins. InvalidArgument when the model has no template that is known here, the
  // list is empty, a role is unknown, or the template wants users and assistants to take turns and they do not.
  absl::StatusOr<std::vector<PromptPiece>> Render(const std::vector<ChatMessage>& messages) const;

  // How one family spells a conversation.
  struct Family {
    // Finds known roles, at least one message, and turns where the family wants them.
    std::vector<PromptPiece> (*render)(const std::vector<ChatMessage>& messages, const std::string& system) = nullptr;
    bool turns = false;       // after a system message, user and assistant alternate
    std::string system = {};  // what stands before a conversation without a system message
  };

 private:
  absl::Status known_;
  Family family_;
};

}  // namespace precis::engine
