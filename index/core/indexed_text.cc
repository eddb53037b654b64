#include "core/indexed_text.h"

namespace precis::index {

std::string IndexedText(std::string_view title, const std::vector<std::string>& heading_path, std::string_view chunk) {
  std::string text;
  std::string_view last;
  const auto add = [&](std::string_view heading) {
    if (heading.empty() || heading == last || chunk.find(heading) != std::string_view::npos) return;
    if (!text.empty()) text += " > ";
    text += heading;
    last = heading;
  };
  add(title);
  for (const std::string& heading : heading_path) add(heading);
  if (!text.empty()) text += '\n';
  text += chunk;
  return text;
}

}  // namespace precis::index
