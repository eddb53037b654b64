// Any bytes as tokenizer.json; behind a zero byte stands a text. What loads tokenizes the text and some others.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tokenizers/tokenizer_json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace precis::engine;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t border = std::min(input.find('\0'), input.size());
  const auto tokenizer = TokenizerFromJson(input.substr(0, border), "", "fuzz");
  if (!tokenizer.ok()) return 0;
  const std::string_view own = input.substr(std::min(border + 1, input.size()));
  for (const std::string_view text :
       {own, std::string_view("ab  <s>b\xCC\x81\n\xFF\xE2\x96\x81\xEF\xAC\x81 12"), std::string_view("a<s>")}) {
    for (const bool special : {false, true}) {
      const EncodeOptions options{.add_special = special, .parse_special = special};
      const auto ids = (*tokenizer)->Encode(text, options);
      const auto again = (*tokenizer)->Encode(text, options);  // now from the words that are remembered
      const auto tokens = (*tokenizer)->EncodeWithOffsets(text, options);
      if (!ids.ok() || !again.ok() || !tokens.ok()) {
        if (ids.ok() || again.ok() || tokens.ok()) abort();
        continue;
      }
      if (*ids != *again || ids->size() != tokens->size()) abort();
      int64_t begin = 0;
      int64_t end = 0;
      for (size_t i = 0; i < ids->size(); ++i) {
        const Token& token = (*tokens)[i];
        const bool good = token.id == (*ids)[i] && token.id >= 0 && token.id < (*tokenizer)->vocabulary_size() &&
                          token.bytes.begin >= begin && token.bytes.end >= end &&
                          token.bytes.begin <= token.bytes.end && token.bytes.end <= static_cast<int64_t>(text.size());
        if (!good) abort();
        begin = token.bytes.begin;
        end = token.bytes.end;
      }
      if (!(*tokenizer)->Decode(*ids, special).ok()) abort();
    }
  }
  return 0;
}
