#include "config/encoder_windows.h"

#include <string_view>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace precis::services {

absl::StatusOr<std::map<std::string, int64_t>> ParseEncoderWindows(const std::string& text) {
  constexpr int64_t kLeast = 3, kMost = 1 << 20;
  std::map<std::string, int64_t> windows;
  if (text.empty()) return windows;
  for (const std::string& part : std::vector<std::string>(absl::StrSplit(text, ','))) {
    const size_t at = part.find('=');
    int64_t tokens = 0;
    if (at == 0 || at == std::string::npos || !absl::SimpleAtoi(part.substr(at + 1), &tokens) || tokens < kLeast ||
        tokens > kMost) {
      return absl::InvalidArgumentError(
          absl::StrCat("encoder-max-tokens has '", part, "': NAME=TOKENS with 3 to 1048576 tokens is needed"));
    }
    const std::string name = part.substr(0, at);
    if (name.find('@') != std::string::npos) {
      return absl::InvalidArgumentError(absl::StrCat(
          "encoder-max-tokens has '", part, "': leave out what stands behind '@', the window is for all modes"));
    }
    if (!windows.emplace(name, tokens).second) {
      return absl::InvalidArgumentError(absl::StrCat("encoder-max-tokens names '", name, "' twice"));
    }
  }
  return windows;
}

}  // namespace precis::services
