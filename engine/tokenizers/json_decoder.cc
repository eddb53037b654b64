#include "tokenizers/json_decoder.h"

#include "absl/strings/str_cat.h"
#include "formats/json_file.h"
#include "precis/base/status_macros.h"
#include "tokenizers/byte_level.h"

namespace precis::engine {
namespace {

using nlohmann::json;

absl::Status ReadDecoderStep(const json& decoder, const std::string& type, const JsonOrigin& origin,
                             DecoderSteps* steps) {
  steps->kind = DecoderSteps::Kind::kPlain;
  if (type == "ByteFallback") {
    steps->byte_fallback = true;
    return absl::OkStatus();
  }
  if (type == "Fuse") return absl::OkStatus();
  if (type == "Replace") {
    PRECIS_ASSIGN_OR_RETURN(const JsonPattern pattern, ReadPattern(decoder, origin));
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
    PRECIS_ASSIGN_OR_RETURN(const json* list, ComponentList(decoder, "decoders", origin));
    for (const json& step : *list) {
      PRECIS_ASSIGN_OR_RETURN(const std::string step_type, ComponentType(step, "decoder", origin));
      if (list->size() == 1) return ReadDecoder(step, origin, steps);
      PRECIS_RETURN_IF_ERROR(ReadDecoderStep(step, step_type, origin, steps));
    }
    return absl::OkStatus();
  }
  return ReadDecoderStep(decoder, type, origin, steps);
}

Decoding MakeDecoding(const std::vector<std::string>& texts, const DecoderSteps& steps) {
  Decoding decoding;
  for (const std::string& text : texts) {
    std::string piece = text;
    switch (steps.kind) {
      case DecoderSteps::Kind::kByteLevel:
        FromByteLevel(text, &piece);
        break;
      case DecoderSteps::Kind::kJoin:
        piece = " " + text;
        decoding.first_pieces.push_back(text);
        break;
      case DecoderSteps::Kind::kWordPiece: {
        const bool continues = !steps.prefix.empty() && text.starts_with(steps.prefix);
        piece = continues ? text.substr(steps.prefix.size()) : " " + text;
        decoding.first_pieces.push_back(steps.cleanup ? CleanUpWordPiece(text) : text);
        if (steps.cleanup) piece = CleanUpWordPiece(piece);
        break;
      }
      case DecoderSteps::Kind::kPlain: {
        char byte;
        if (steps.byte_fallback && IsByteToken(text, &byte)) {
          piece.assign(1, byte);
        } else {
          for (const auto& [from, to] : steps.replacements) piece = ReplaceAll(piece, from, to);
        }
        break;
      }
    }
    decoding.pieces.push_back(std::move(piece));
  }
  if (steps.strip_one_space) decoding.front = Decoding::Front::kOneSpace;
  if (steps.strip_first_spaces) decoding.front = Decoding::Front::kSpacesOfFirst;
  return decoding;
}

}  // namespace precis::engine
