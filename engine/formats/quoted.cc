#include "formats/quoted.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace precis::engine {

std::string Quoted(std::string_view text) {
  constexpr size_t kShown = 80;
  const std::string_view shown = text.substr(0, kShown);
  return absl::StrCat("'", absl::CEscape(absl::string_view(shown.data(), shown.size())),
                      text.size() > kShown ? "...'" : "'");
}

}  // namespace precis::engine
