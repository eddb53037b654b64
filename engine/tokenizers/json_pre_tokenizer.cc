#include "tokenizers/json_pre_tokenizer.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "formats/json_file.h"
#include "formats/quoted.h"
#include "precis/base/status_macros.h"

namespace precis::engine {
namespace {

using nlohmann::json;

// Of what a Metaspace puts in place of a space.
constexpr size_t kMaxReplacementBytes = 16;

// The patterns that are matched by hand, as published tokenizers spell them.
struct KnownPattern {
  const char* regex;
  BpePattern pattern;
};
constexpr KnownPattern kKnownPatterns[] = {
    {R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)", BpePattern::kGpt2},
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     BpePattern::kLlama3},
    {R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     BpePattern::kQwen2},
};

absl::Status ReadSplit(const json& component, const JsonOrigin& origin,
                       std::vector<std::unique_ptr<PreTokenizer>>* steps) {
  PRECIS_ASSIGN_OR_RETURN(const JsonPattern pattern, ReadPattern(component, origin));
  PRECIS_ASSIGN_OR_RETURN(const std::string behavior, JsonString(component, "behavior", "", origin.file));
  PRECIS_ASSIGN_OR_RETURN(const bool invert, JsonBool(component, "invert", false, origin.file));
  if (pattern.regex) {
    // The known patterns match every character, so that Isolated and (inverted) Removed give the same words.
    const bool whole = (behavior == "Isolated" && !invert) || (behavior == "Removed" && invert);
    for (const KnownPattern& known : kKnownPatterns) {
      if (whole && pattern.text == known.regex) {
        steps->push_back(MakeBpePatternSplit(known.pattern));
        return absl::OkStatus();
      }
    }
  } else if (!invert) {
    SplitBehavior at;
    if (ParseSplitBehavior(behavior, &at)) {
      steps->push_back(MakeStringSplit(pattern.text, at));
      return absl::OkStatus();
    }
  }
  return origin.Unsupported(absl::StrCat("the pre-tokenizer Split, ", behavior, invert ? ", inverted" : "", ", by ",
                                         pattern.regex ? "the regular expression " : "", Quoted(pattern.text)));
}

absl::Status ReadMetaspace(const json& component, const JsonOrigin& origin,
                           std::vector<std::unique_ptr<PreTokenizer>>* steps) {
  MetaspaceOptions options;
  PRECIS_ASSIGN_OR_RETURN(options.replacement, JsonString(component, "replacement", "\xE2\x96\x81", origin.file));
  PRECIS_ASSIGN_OR_RETURN(options.split, JsonBool(component, "split", true, origin.file));
  PRECIS_ASSIGN_OR_RETURN(const bool legacy_prefix, JsonBool(component, "add_prefix_space", true, origin.file));
  PRECIS_ASSIGN_OR_RETURN(const std::string scheme,
                          JsonString(component, "prepend_scheme", legacy_prefix ? "always" : "never", origin.file));
  if (scheme == "always") {
    options.prepend = MetaspaceOptions::Prepend::kAlways;
  } else if (scheme == "first") {
    options.prepend = MetaspaceOptions::Prepend::kFirst;
  } else if (scheme == "never") {
    options.prepend = MetaspaceOptions::Prepend::kNever;
  } else {
    return origin.Wrong(absl::StrCat("prepend_scheme is ", Quoted(scheme), ", always, first or never is needed"));
  }
  if (options.replacement.empty() || options.replacement.size() > kMaxReplacementBytes) {
    return origin.Wrong(absl::StrCat("the replacement of a Metaspace has ", options.replacement.size(), " bytes, 1 to ",
                                     kMaxReplacementBytes, " are supported"));
  }
  steps->push_back(MakeMetaspace(options));
  return absl::OkStatus();
}

absl::Status ReadPreTokenizerStep(const json& pre_tokenizer, const std::string& type, const JsonOrigin& origin,
                                  std::vector<std::unique_ptr<PreTokenizer>>* steps, bool* byte_level) {
  if (type == "Sequence") {
    PRECIS_ASSIGN_OR_RETURN(const json* list, ComponentList(pre_tokenizer, "pretokenizers", origin));
    for (const json& step : *list) PRECIS_RETURN_IF_ERROR(ReadPreTokenizer(step, origin, steps, byte_level));
    return absl::OkStatus();
  }
  if (*byte_level) {
    // It would see the characters that stand for bytes.
    return origin.Unsupported(absl::StrCat("the pre-tokenizer ", type, " behind ByteLevel"));
  }
  if (type == "BertPreTokenizer") {
    steps->push_back(MakeBertPreTokenizer());
  } else if (type == "Digits") {
    PRECIS_ASSIGN_OR_RETURN(const bool individual, JsonBool(pre_tokenizer, "individual_digits", false, origin.file));
    steps->push_back(MakeDigits(individual));
  } else if (type == "Whitespace") {
    steps->push_back(MakeWhitespace());
  } else if (type == "WhitespaceSplit") {
    steps->push_back(MakeWhitespaceSplit());
  } else if (type == "Punctuation") {
    PRECIS_ASSIGN_OR_RETURN(const std::string behavior, JsonString(pre_tokenizer, "behavior", "Isolated", origin.file));
    if (behavior != "Isolated") return origin.Unsupported(absl::StrCat("the pre-tokenizer Punctuation, ", behavior));
    steps->push_back(MakePunctuation());
  } else if (type == "Split") {
    return ReadSplit(pre_tokenizer, origin, steps);
  } else if (type == "Metaspace") {
    return ReadMetaspace(pre_tokenizer, origin, steps);
  } else if (type == "ByteLevel") {
    PRECIS_ASSIGN_OR_RETURN(const bool prefix, JsonBool(pre_tokenizer, "add_prefix_space", true, origin.file));
    PRECIS_ASSIGN_OR_RETURN(const bool regex, JsonBool(pre_tokenizer, "use_regex", true, origin.file));
    if (prefix) steps->push_back(MakePrefixSpace());
    if (regex) steps->push_back(MakeBpePatternSplit(BpePattern::kGpt2));
    *byte_level = true;
  } else {
    return origin.Unsupported(absl::StrCat("the pre-tokenizer ", type));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadPreTokenizer(const json& pre_tokenizer, const JsonOrigin& origin,
                              std::vector<std::unique_ptr<PreTokenizer>>* steps, bool* byte_level) {
  if (pre_tokenizer.is_null()) return absl::OkStatus();
  PRECIS_ASSIGN_OR_RETURN(const std::string type, ComponentType(pre_tokenizer, "pre_tokenizer", origin));
  return ReadPreTokenizerStep(pre_tokenizer, type, origin, steps, byte_level);
}

}  // namespace precis::engine
