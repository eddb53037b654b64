#include "tokenizers/decoder.h"

#include <utility>

namespace precis::engine {

std::string ReplaceAll(std::string_view text, std::string_view from, std::string_view to) {
  std::string result;
  size_t kept = 0;
  for (size_t at = text.find(from); at != std::string_view::npos; at = text.find(from, kept)) {
    result.append(text.substr(kept, at - kept));
    result.append(to);
    kept = at + from.size();
  }
  result.append(text.substr(kept));
  return result;
}

std::string CleanUpWordPiece(std::string text) {
  static constexpr std::pair<const char*, const char*> kRules[] = {
      {" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},    {" n't", "n't"},
      {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
  };
  for (const auto& [from, to] : kRules) {
    if (text.find(from) != std::string::npos) text = ReplaceAll(text, from, to);
  }
  return text;
}

}  // namespace precis::engine
