#include "tokenizers/json_post_processor.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "formats/json_file.h"
#include "formats/quoted.h"
#include "precis/base/status_macros.h"
#include "tokenizers/vocabulary.h"

namespace precis::engine {
namespace {

using nlohmann::json;

// The ids that `name` stands for in the special_tokens of a TemplateProcessing.
absl::Status AppendTemplateIds(const json& processor, const std::string& name, const JsonOrigin& origin,
                               std::vector<TokenId>* ids) {
  const json& specials = JsonMember(processor, "special_tokens");
  const json& entry = specials.is_object() ? JsonMember(specials, name.c_str()) : specials;
  const json& list = entry.is_object() ? JsonMember(entry, "ids") : entry;
  if (!list.is_array() || list.empty() || list.size() > kMaxJsonSteps) {
    return origin.Wrong(absl::StrCat("the post_processor does not say which ids ", Quoted(name), " has"));
  }
  for (const json& id : list) {
    if (!id.is_number_integer() || id.get<int64_t>() < 0 || id.get<int64_t>() >= kMaxVocabulary) {
      return origin.Wrong(absl::StrCat("the post_processor gives ", Quoted(name), " the id ", JsonText(id)));
    }
    ids->push_back(id.get<TokenId>());
  }
  return absl::OkStatus();
}

absl::Status ReadTemplate(const json& processor, const JsonOrigin& origin, std::vector<TokenId>* prefix,
                          std::vector<TokenId>* suffix) {
  PRECIS_ASSIGN_OR_RETURN(const json* single, ComponentList(processor, "single", origin));
  bool seen_text = false;
  for (const json& part : *single) {
    if (part.is_object() && part.contains("Sequence")) {
      if (seen_text) return origin.Unsupported("a post_processor that repeats the text");
      seen_text = true;
    } else if (part.is_object() && part.contains("SpecialToken") && part["SpecialToken"].is_object()) {
      PRECIS_ASSIGN_OR_RETURN(const std::string name, JsonString(part["SpecialToken"], "id", "", origin.file));
      PRECIS_RETURN_IF_ERROR(AppendTemplateIds(processor, name, origin, seen_text ? suffix : prefix));
    } else {
      return origin.Wrong(absl::StrCat("the post_processor holds the part ", JsonText(part)));
    }
  }
  if (!seen_text) return origin.Wrong("the post_processor leaves out the text");
  return absl::OkStatus();
}

// ["[SEP]", 102] of BertProcessing and RobertaProcessing.
absl::Status AppendPairId(const json& processor, const char* key, const JsonOrigin& origin, std::vector<TokenId>* ids) {
  const json& pair = JsonMember(processor, key);
  if (!pair.is_array() || pair.size() != 2 || !pair[1].is_number_integer() || pair[1].get<int64_t>() < 0 ||
      pair[1].get<int64_t>() >= kMaxVocabulary) {
    return origin.Wrong(absl::StrCat("the post_processor's ", key, " is ", JsonText(pair), ", [token, id] is needed"));
  }
  ids->push_back(pair[1].get<TokenId>());
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadPostProcessor(const json& processor, const JsonOrigin& origin, std::vector<TokenId>* prefix,
                               std::vector<TokenId>* suffix) {
  if (processor.is_null()) return absl::OkStatus();
  PRECIS_ASSIGN_OR_RETURN(const std::string type, ComponentType(processor, "post_processor", origin));
  if (type == "ByteLevel") return absl::OkStatus();  // only moves offsets
  if (type == "TemplateProcessing") return ReadTemplate(processor, origin, prefix, suffix);
  if (type == "BertProcessing" || type == "RobertaProcessing") {
    PRECIS_RETURN_IF_ERROR(AppendPairId(processor, "cls", origin, prefix));
    return AppendPairId(processor, "sep", origin, suffix);
  }
  if (type == "Sequence") {
    PRECIS_ASSIGN_OR_RETURN(const json* list, ComponentList(processor, "processors", origin));
    for (const json& step : *list) {
      std::vector<TokenId> before, after;
      PRECIS_RETURN_IF_ERROR(ReadPostProcessor(step, origin, &before, &after));
      prefix->insert(prefix->begin(), before.begin(), before.end());
      suffix->insert(suffix->end(), after.begin(), after.end());
    }
    return absl::OkStatus();
  }
  return origin.Unsupported(absl::StrCat("the post_processor ", type));
}

}  // namespace precis::engine
