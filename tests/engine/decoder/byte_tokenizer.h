// A tokenizer.json of 256 bytes and a few special tokens, for made-up models with a vocabulary of 300.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace precis::engine {

// The character that byte-level BPE writes for a byte.
inline std::string ByteLevelCharacter(int byte) {
  const auto plain = [](int b) { return (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174; };
  int code = byte;
  if (!plain(byte)) {
    code = 256;
    for (int b = 0; b < byte; ++b) code += plain(b) ? 0 : 1;
  }
  if (code < 128) return std::string(1, static_cast<char>(code));
  return {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 63))};
}

// Byte b is token b; special token i is 256 + i.
inline std::string ByteTokenizerJson(const std::vector<std::string>& special) {
  nlohmann::json vocab, added = nlohmann::json::array();
  for (int b = 0; b < 256; ++b) vocab[ByteLevelCharacter(b)] = b;
  for (size_t i = 0; i < special.size(); ++i) {
    added.push_back({{"id", 256 + i},
                     {"content", special[i]},
                     {"special", true},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false}});
  }
  const nlohmann::json level = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}};
  return nlohmann::json{{"version", "1.0"},
                        {"added_tokens", added},
                        {"normalizer", nullptr},
                        {"pre_tokenizer", level},
                        {"post_processor", nullptr},
                        {"decoder", level},
                        {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", nlohmann::json::array()}}}}
      .dump();
}

}  // namespace precis::engine
