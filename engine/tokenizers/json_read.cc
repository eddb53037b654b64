#include "tokenizers/json_read.h"

#include "absl/strings/str_cat.h"
#include "formats/json_file.h"
#include "formats/quoted.h"
#include "tokenizers/vocabulary.h"

namespace precis::engine {

using nlohmann::json;

const json& JsonMember(const json& object, const char* key) {
  static const json kNull;
  const auto found = object.find(key);
  return found == object.end() ? kNull : *found;
}

absl::StatusOr<const json*> ComponentList(const json& component, const char* key, const JsonOrigin& origin) {
  const json& list = JsonMember(component, key);
  if (!list.is_array() || list.size() > kMaxJsonSteps) {
    return origin.Wrong(absl::StrCat("a Sequence's ", key, " is ", JsonText(list), ", an array of at most ",
                                     kMaxJsonSteps, " is needed"));
  }
  return &list;
}

absl::StatusOr<JsonPattern> ReadPattern(const json& component, const JsonOrigin& origin) {
  const json& pattern = JsonMember(component, "pattern");
  for (const bool regex : {false, true}) {
    const json& text =
        pattern.is_object() ? JsonMember(pattern, regex ? "Regex" : "String") : JsonMember(component, "");
    if (text.is_string() && !text.get_ref<const std::string&>().empty()) {
      return JsonPattern{regex, text.get<std::string>()};
    }
  }
  return origin.Wrong(
      absl::StrCat("a pattern is ", JsonText(pattern), ", {\"String\": text} or {\"Regex\": text} is needed"));
}

absl::Status JsonOrigin::Wrong(const std::string& what) const {
  return absl::InvalidArgumentError(absl::StrCat("'", file, "': ", what));
}
absl::Status JsonOrigin::Unsupported(const std::string& what) const {
  return absl::UnimplementedError(absl::StrCat("'", file, "': ", what, " is not supported"));
}

absl::StatusOr<std::string> ComponentType(const json& component, const char* kind, const JsonOrigin& origin) {
  const json& type = component.is_object() ? JsonMember(component, "type") : component;
  if (!type.is_string())
    return origin.Wrong(absl::StrCat("its ", kind, " is ", JsonText(component), " without a type"));
  return type.get<std::string>();
}

absl::StatusOr<TokenId> ReadTokenId(const json& value, const std::string& token, const JsonOrigin& origin) {
  if (!value.is_number_integer() || value.get<int64_t>() < 0 || value.get<int64_t>() >= kMaxVocabulary) {
    return origin.Wrong(absl::StrCat("token ", Quoted(token), " has the id ", JsonText(value), ", 0 to ",
                                     kMaxVocabulary - 1, " are supported"));
  }
  return value.get<TokenId>();
}

}  // namespace precis::engine
