#include "tokenizers/json_components.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "formats/json_file.h"
#include "formats/quoted.h"
#include "precis/base/status_macros.h"

namespace precis::engine {
namespace {

using nlohmann::json;

constexpr int kMaxSteps = 64;
// Of what a step puts in place of one character: a longer one would let a file blow up every text.
constexpr size_t kMaxReplacementBytes = 16;

const json& Member(const json& object, const char* key) {
  static const json kNull;
  const auto found = object.find(key);
  return found == object.end() ? kNull : *found;
}

// The list of a Sequence.
absl::StatusOr<const json*> List(const json& component, const char* key, const JsonOrigin& origin) {
  const json& list = Member(component, key);
  if (!list.is_array() || list.size() > kMaxSteps) {
    return origin.Wrong(
        absl::StrCat("a Sequence's ", key, " is ", JsonText(list), ", an array of at most ", kMaxSteps, " is needed"));
  }
  return &list;
}

// {"String": "..."} or {"Regex": "..."}.
struct Pattern {
  bool regex = false;
  std::string text;
};
absl::StatusOr<Pattern> ReadPattern(const json& component, const JsonOrigin& origin) {
  const json& pattern = Member(component, "pattern");
  for (const bool regex : {false, true}) {
    const json& text = pattern.is_object() ? Member(pattern, regex ? "Regex" : "String") : Member(component, "");
    if (text.is_string() && !text.get_ref<const std::string&>().empty()) {
      return Pattern{regex, text.get<std::string>()};
    }
  }
  return origin.Wrong(
      absl::StrCat("a pattern is ", JsonText(pattern), ", {\"String\": text} or {\"Regex\": text} is needed"));
}

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
  PRECIS_ASSIGN_OR_RETURN(const Pattern pattern, ReadPattern(normalizer, origin));
  PRECIS_ASSIGN_OR_RETURN(std::string content, JsonString(normalizer, "content", "", origin.file));
  if (content.size() > kMaxReplacementBytes) {
    return origin.Unsupported(
        absl::StrCat("a Replace by ", content.size(), " bytes, more than ", kMaxReplacementBytes));
  }
  if (pattern.regex) {
    return origin.Unsupported(
        absl::StrCat("the normalizer Replace with the regular expression ", Quoted(pattern.text)));
  }
  steps->push_back(MakeReplace(pattern.text, std::move(content)));
  return absl::OkStatus();
}

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
  PRECIS_ASSIGN_OR_RETURN(const Pattern pattern, ReadPattern(component, origin));
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
    PRECIS_ASSIGN_OR_RETURN(const json* list, List(pre_tokenizer, "pretokenizers", origin));
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

// The ids that `name` stands for in the special_tokens of a TemplateProcessing.
absl::Status AppendTemplateIds(const json& processor, const std::string& name, const JsonOrigin& origin,
                               std::vector<TokenId>* ids) {
  const json& specials = Member(processor, "special_tokens");
  const json& entry = specials.is_object() ? Member(specials, name.c_str()) : specials;
  const json& list = entry.is_object() ? Member(entry, "ids") : entry;
  if (!list.is_array() || list.empty() || list.size() > kMaxSteps) {
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
  PRECIS_ASSIGN_OR_RETURN(const json* single, List(processor, "single", origin));
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
  const json& pair = Member(processor, key);
  if (!pair.is_array() || pair.size() != 2 || !pair[1].is_number_integer() || pair[1].get<int64_t>() < 0 ||
      pair[1].get<int64_t>() >= kMaxVocabulary) {
    return origin.Wrong(absl::StrCat("the post_processor's ", key, " is ", JsonText(pair), ", [token, id] is needed"));
  }
  ids->push_back(pair[1].get<TokenId>());
  return absl::OkStatus();
}

absl::Status ReadDecoderStep(const json& decoder, const std::string& type, const JsonOrigin& origin,
                             DecoderSteps* steps) {
  steps->kind = DecoderSteps::Kind::kPlain;
  if (type == "ByteFallback") {
    steps->byte_fallback = true;
    return absl::OkStatus();
  }
  if (type == "Fuse") return absl::OkStatus();
  if (type == "Replace") {
    PRECIS_ASSIGN_OR_RETURN(const Pattern pattern, ReadPattern(decoder, origin));
    PRECIS_ASSIGN_OR_RETURN(const std::string content, JsonString(decoder, "content", "", origin.file));
    if (!pattern.regex) {
      steps->replacements.emplace_back(pattern.text, content);
      return absl::OkStatus();
    }
  }
  if (type == "Strip") {
    PRECIS_ASSIGN_OR_RETURN(const std::string content, JsonString(decoder, "content", " ", origin.file));
    PRECIS_ASSIGN_OR_RETURN(const int64_t start, JsonInteger(decoder, "start", 0, INT32_MAX, origin.file));
    PRECIS_ASSIGN_OR_RETURN(const int64_t stop, JsonInteger(decoder, "stop", 0, INT32_MAX, origin.file));
    if (content == " " && start == 1 && stop == 0) {
      steps->strip_one_space = true;
      return absl::OkStatus();
    }
  }
  if (type == "Metaspace") {
    PRECIS_ASSIGN_OR_RETURN(const std::string replacement,
                            JsonString(decoder, "replacement", "\xE2\x96\x81", origin.file));
    PRECIS_ASSIGN_OR_RETURN(const bool prefix, JsonBool(decoder, "add_prefix_space", true, origin.file));
    PRECIS_ASSIGN_OR_RETURN(const std::string scheme,
                            JsonString(decoder, "prepend_scheme", prefix ? "always" : "never", origin.file));
    if (replacement.empty()) return origin.Wrong("the replacement of a Metaspace is empty");
    steps->replacements.emplace_back(replacement, " ");
    steps->strip_first_spaces = scheme != "never";
    return absl::OkStatus();
  }
  return origin.Unsupported(absl::StrCat("the decoder ", type, " with these parameters"));
}

}  // namespace

absl::Status JsonOrigin::Wrong(const std::string& what) const {
  return absl::InvalidArgumentError(absl::StrCat("'", file, "': ", what));
}
absl::Status JsonOrigin::Unsupported(const std::string& what) const {
  return absl::UnimplementedError(absl::StrCat("'", file, "': ", what, " is not supported"));
}

absl::StatusOr<std::string> ComponentType(const json& component, const char* kind, const JsonOrigin& origin) {
  const json& type = component.is_object() ? Member(component, "type") : component;
  if (!type.is_string())
    return origin.Wrong(absl::StrCat("its ", kind, " is ", JsonText(component), " without a type"));
  return type.get<std::string>();
}

absl::Status ReadNormalizer(const json& normalizer, const JsonOrigin& origin,
                            std::vector<std::unique_ptr<Normalizer>>* steps) {
  if (normalizer.is_null()) return absl::OkStatus();
  PRECIS_ASSIGN_OR_RETURN(const std::string type, ComponentType(normalizer, "normalizer", origin));
  if (type == "Sequence") {
    PRECIS_ASSIGN_OR_RETURN(const json* list, List(normalizer, "normalizers", origin));
    for (const json& step : *list) PRECIS_RETURN_IF_ERROR(ReadNormalizer(step, origin, steps));
    return absl::OkStatus();
  }
  if (type == "BertNormalizer") return ReadBertNormalizer(normalizer, origin, steps);
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

absl::Status ReadPreTokenizer(const json& pre_tokenizer, const JsonOrigin& origin,
                              std::vector<std::unique_ptr<PreTokenizer>>* steps, bool* byte_level) {
  if (pre_tokenizer.is_null()) return absl::OkStatus();
  PRECIS_ASSIGN_OR_RETURN(const std::string type, ComponentType(pre_tokenizer, "pre_tokenizer", origin));
  return ReadPreTokenizerStep(pre_tokenizer, type, origin, steps, byte_level);
}

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
    PRECIS_ASSIGN_OR_RETURN(const json* list, List(processor, "processors", origin));
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

absl::Status ReadDecoder(const json& decoder, const JsonOrigin& origin, DecoderSteps* steps) {
  if (decoder.is_null()) return absl::OkStatus();
  PRECIS_ASSIGN_OR_RETURN(const std::string type, ComponentType(decoder, "decoder", origin));
  if (type == "ByteLevel") {
    steps->kind = DecoderSteps::Kind::kByteLevel;
    return absl::OkStatus();
  }
  if (type == "WordPiece") {
    steps->kind = DecoderSteps::Kind::kWordPiece;
    PRECIS_ASSIGN_OR_RETURN(steps->prefix, JsonString(decoder, "prefix", "##", origin.file));
    PRECIS_ASSIGN_OR_RETURN(steps->cleanup, JsonBool(decoder, "cleanup", true, origin.file));
    return absl::OkStatus();
  }
  if (type == "Sequence") {
    PRECIS_ASSIGN_OR_RETURN(const json* list, List(decoder, "decoders", origin));
    for (const json& step : *list) {
      PRECIS_ASSIGN_OR_RETURN(const std::string step_type, ComponentType(step, "decoder", origin));
      if (list->size() == 1) return ReadDecoder(step, origin, steps);
      PRECIS_RETURN_IF_ERROR(ReadDecoderStep(step, step_type, origin, steps));
    }
    return absl::OkStatus();
  }
  return ReadDecoderStep(decoder, type, origin, steps);
}

}  // namespace precis::engine
