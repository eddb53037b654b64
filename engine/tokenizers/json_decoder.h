// The decoder of a tokenizer.json.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "nlohmann/json.hpp"
#include "tokenizers/decoder.h"
#include "tokenizers/json_read.h"

namespace precis::engine {

// What the decoder makes of tokens.
struct DecoderSteps {
  enum class Kind { kJoin, kByteLevel, kWordPiece, kPlain };
  Kind kind = Kind::kJoin;                                        // kJoin: no decoder, the tokens with spaces between
  std::string prefix = "##";                                      // kWordPiece
  bool cleanup = true;                                            // kWordPiece
  bool byte_fallback = false;                                     // kPlain: <0xNN> are bytes
  std::vector<std::pair<std::string, std::string>> replacements;  // kPlain, in order
  bool strip_one_space = false;     // kPlain: Strip or legacy Metaspace at the front of the text
  bool strip_first_spaces = false;  // kPlain: Metaspace
};
// What is not known is refused by its name.
absl::Status ReadDecoder(const nlohmann::json& decoder, const JsonOrigin& origin, DecoderSteps* steps);

// What the steps make of the tokens; `texts[id]` are the characters of the file.
Decoding MakeDecoding(const std::vector<std::string>& texts, const DecoderSteps& steps);

}  // namespace precis::engine
