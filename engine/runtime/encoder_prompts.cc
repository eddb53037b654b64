#include "runtime/encoder_prompts.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "formats/json_file.h"
#include "precis/base/file.h"
#include "precis/base/status_macros.h"

namespace precis::engine {
namespace {

constexpr int64_t kMaxFileBytes = 1 << 20;
constexpr size_t kMaxPromptBytes = 4096;
constexpr int kMaxDepth = 8;

}  // namespace

absl::StatusOr<EncoderPrompts> ParseEncoderPrompts(std::string_view text, const std::string& origin) {
  PRECIS_ASSIGN_OR_RETURN(const nlohmann::json root, ParseJson(text, kMaxDepth, origin));
  EncoderPrompts prompts;
  if (!root.is_object()) return absl::InvalidArgumentError(absl::StrCat("'", origin, "' is not a JSON object"));
  const auto found = root.find("prompts");
  if (found == root.end() || found->is_null()) return prompts;
  if (!found->is_object()) return absl::InvalidArgumentError(absl::StrCat("'", origin, "': prompts is not an object"));
  PRECIS_ASSIGN_OR_RETURN(prompts.query, JsonString(*found, "query", "", origin));
  PRECIS_ASSIGN_OR_RETURN(prompts.document, JsonString(*found, "document", "", origin));
  if (prompts.document.empty()) {
    PRECIS_ASSIGN_OR_RETURN(prompts.document, JsonString(*found, "passage", "", origin));
  }
  for (const std::string* prompt : {&prompts.query, &prompts.document}) {
    if (prompt->size() > kMaxPromptBytes) {
      return absl::InvalidArgumentError(absl::StrCat("'", origin, "': a prompt has ", prompt->size(),
                                                     " bytes, at most ", kMaxPromptBytes, " are taken"));
    }
  }
  return prompts;
}

absl::StatusOr<EncoderPrompts> ReadEncoderPrompts(const std::string& folder) {
  const std::string path = folder + "/config_sentence_transformers.json";
  absl::StatusOr<std::string> text = ReadFile(path, kMaxFileBytes);
  if (absl::IsNotFound(text.status())) return EncoderPrompts{};
  if (!text.ok()) return text.status();
  return ParseEncoderPrompts(*text, path);
}

}  // namespace precis::engine
