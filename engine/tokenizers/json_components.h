// The components of a tokenizer.json, one function for each kind. All refuse what they do not know by its name.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"
#include "tokenizers/normalize.h"
#include "tokenizers/pretokenize.h"
#include "tokenizers/vocabulary.h"

namespace precis::engine {

// Where the JSON is from, for messages.
struct JsonOrigin {
  std::string file;
  absl::Status Wrong(const std::string& what) const;
  absl::Status Unsupported(const std::string& what) const;
};

// The "type" of a component.
absl::StatusOr<std::string> ComponentType(const nlohmann::json& component, const char* kind, const JsonOrigin& origin);

// Appends the steps of the normalizer; null adds none.
absl::Status ReadNormalizer(const nlohmann::json& normalizer, const JsonOrigin& origin,
                            std::vector<std::unique_ptr<Normalizer>>* steps);

// Appends the steps. *byte_level becomes true when one of them writes bytes as characters.
absl::Status ReadPreTokenizer(const nlohmann::json& pre_tokenizer, const JsonOrigin& origin,
                              std::vector<std::unique_ptr<PreTokenizer>>* steps, bool* byte_level);

// Ids around a single text.
absl::Status ReadPostProcessor(const nlohmann::json& processor, const JsonOrigin& origin, std::vector<TokenId>* prefix,
                               std::vector<TokenId>* suffix);

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
absl::Status ReadDecoder(const nlohmann::json& decoder, const JsonOrigin& origin, DecoderSteps* steps);

}  // namespace precis::engine
