#include "tokenizers/json_normalizer.h"

#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "formats/json_file.h"
#include "formats/quoted.h"
#include "precis/base/status_macros.h"
#include "tokenizers/precompiled.h"

namespace precis::engine {
namespace {

using nlohmann::json;

// Of what a step puts in place of one character: a longer one would let a file blow up every text.
constexpr size_t kMaxReplacementBytes = 16;

absl::Status ReadBertNormalizer(const json& normalizer, const JsonOrigin& origin,
                                std::vector<std::unique_ptr<Normalizer>>* steps) {
  BertNormalization options;
  PRECIS_ASSIGN_OR_RETURN(options.clean_text, JsonBool(normalizer, "clean_text", true, origin.file));
  PRECIS_ASSIGN_OR_RETURN(options.chinese_chars, JsonBool(normalizer, "handle_chinese_chars", true, origin.file));
  PRECIS_ASSIGN_OR_RETURN(options.lowercase, JsonBool(normalizer, "lowercase", true, origin.file));
  PRECIS_ASSIGN_OR_RETURN(options.strip_accents, JsonBool(normalizer, "strip_accents", options.lowercase, origin.file));
  steps->push_back(MakeBertNormalizer(options));
  return absl::OkStatus();
}

absl::Status ReadReplace(const json& normalizer, const JsonOrigin& origin,
                         std::vector<std::unique_ptr<Normalizer>>* steps) {
  PRECIS_ASSIGN_OR_RETURN(const JsonPattern pattern, ReadPattern(normalizer, origin));
  PRECIS_ASSIGN_OR_RETURN(std::string content, JsonString(normalizer, "content", "", origin.file));
  if (content.size() > kMaxReplacementBytes) {
    return origin.Unsupported(
        absl::StrCat("a Replace by ", content.size(), " bytes, more than ", kMaxReplacementBytes));
  }
  if (pattern.regex && pattern.text == " {2,}") {
    steps->push_back(MakeJoinSpaces(std::move(content)));
    return absl::OkStatus();
  }
  if (pattern.regex) {
    return origin.Unsupported(
        absl::StrCat("the normalizer Replace with the regular expression ", Quoted(pattern.text)));
  }
  steps->push_back(MakeReplace(pattern.text, std::move(content)));
  return absl::OkStatus();
}

absl::Status ReadPrecompiled(const json& normalizer, const JsonOrigin& origin,
                             std::vector<std::unique_ptr<Normalizer>>* steps) {
  PRECIS_ASSIGN_OR_RETURN(const std::string written, JsonString(normalizer, "precompiled_charsmap", "", origin.file));
  std::string charsmap;
  if (!absl::Base64Unescape(written, &charsmap)) {
    return origin.Wrong("the precompiled_charsmap of a Precompiled is no base64");
  }
  auto step = MakePrecompiled(charsmap);
  if (!step.ok()) return origin.Wrong(std::string(step.status().message()));
  steps->push_back(*std::move(step));
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadNormalizer(const json& normalizer, const JsonOrigin& origin,
                            std::vector<std::unique_ptr<Normalizer>>* steps) {
  if (normalizer.is_null()) return absl::OkStatus();
  PRECIS_ASSIGN_OR_RETURN(const std::string type, ComponentType(normalizer, "normalizer", origin));
  if (type == "Sequence") {
    PRECIS_ASSIGN_OR_RETURN(const json* list, ComponentList(normalizer, "normalizers", origin));
    for (const json& step : *list) PRECIS_RETURN_IF_ERROR(ReadNormalizer(step, origin, steps));
    return absl::OkStatus();
  }
  if (type == "BertNormalizer") return ReadBertNormalizer(normalizer, origin, steps);
  if (type == "Precompiled") return ReadPrecompiled(normalizer, origin, steps);
  if (type == "Replace") return ReadReplace(normalizer, origin, steps);
  if (type == "NFC") {
    steps->push_back(MakeUnicodeNormalizer(UnicodeForm::kNfc));
  } else if (type == "NFD") {
    steps->push_back(MakeUnicodeNormalizer(UnicodeForm::kNfd));
  } else if (type == "NFKC") {
    steps->push_back(MakeUnicodeNormalizer(UnicodeForm::kNfkc));
  } else if (type == "NFKD") {
    steps->push_back(MakeUnicodeNormalizer(UnicodeForm::kNfkd));
  } else if (type == "Lowercase") {
    steps->push_back(MakeLowercase());
  } else if (type == "StripAccents") {
    steps->push_back(MakeStripAccents());
  } else if (type == "Strip") {
    PRECIS_ASSIGN_OR_RETURN(const bool left, JsonBool(normalizer, "strip_left", true, origin.file));
    PRECIS_ASSIGN_OR_RETURN(const bool right, JsonBool(normalizer, "strip_right", true, origin.file));
    steps->push_back(MakeStrip(left, right));
  } else if (type == "Prepend") {
    PRECIS_ASSIGN_OR_RETURN(std::string prefix, JsonString(normalizer, "prepend", "", origin.file));
    steps->push_back(MakePrepend(std::move(prefix)));
  } else {
    return origin.Unsupported(absl::StrCat("the normalizer ", type));
  }
  return absl::OkStatus();
}

}  // namespace precis::engine
