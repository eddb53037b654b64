// What the readers of tokenizer.json's components share.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"
#include "precis/engine/tokenizer.h"

namespace precis::engine {

// Where the JSON is from, for messages.
struct JsonOrigin {
  std::string file;
  absl::Status Wrong(const std::string& what) const;
  absl::Status Unsupported(const std::string& what) const;
};

// Of a Sequence, of the ids of a special token.
inline constexpr int kMaxJsonSteps = 64;

// Null where `object` has no such key.
const nlohmann::json& JsonMember(const nlohmann::json& object, const char* key);

// The "type" of a component; `kind` says what it is of.
absl::StatusOr<std::string> ComponentType(const nlohmann::json& component, const char* kind, const JsonOrigin& origin);

// The list of a Sequence.
absl::StatusOr<const nlohmann::json*> ComponentList(const nlohmann::json& component, const char* key,
                                                    const JsonOrigin& origin);

// {"String": "..."} or {"Regex": "..."}.
struct JsonPattern {
  bool regex = false;
  std::string text;
};
absl::StatusOr<JsonPattern> ReadPattern(const nlohmann::json& component, const JsonOrigin& origin);

// The id of `token`, which is only named in messages.
absl::StatusOr<TokenId> ReadTokenId(const nlohmann::json& value, const std::string& token, const JsonOrigin& origin);

}  // namespace precis::engine
