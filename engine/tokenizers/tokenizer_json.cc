#include "tokenizers/tokenizer_json.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "formats/json_file.h"
#include "formats/quoted.h"
#include "precis/base/status_macros.h"
#include "tokenizers/json_decoder.h"
#include "tokenizers/json_model.h"
#include "tokenizers/json_normalizer.h"
#include "tokenizers/json_post_processor.h"
#include "tokenizers/json_pre_tokenizer.h"
#include "tokenizers/pipeline.h"
#include "tokenizers/special_names.h"
#include "tokenizers/wordpiece.h"

namespace precis::engine {
namespace {

using nlohmann::json;

constexpr int kMaxJsonDepth = 32;

absl::StatusOr<std::vector<AddedToken>> ReadAdded(const json& list, const JsonOrigin& origin) {
  std::vector<AddedToken> added;
  if (list.is_null()) return added;
  if (!list.is_array() || list.size() > kMaxAddedTokens) {
    return origin.Wrong(
        absl::StrCat("added_tokens is ", JsonText(list), ", an array of at most ", kMaxAddedTokens, " is needed"));
  }
  for (const json& entry : list) {
    if (!entry.is_object()) return origin.Wrong(absl::StrCat("added_tokens holds ", JsonText(entry)));
    AddedToken token;
    PRECIS_ASSIGN_OR_RETURN(token.text, JsonString(entry, "content", "", origin.file));
    PRECIS_ASSIGN_OR_RETURN(token.id, ReadTokenId(JsonMember(entry, "id"), token.text, origin));
    PRECIS_ASSIGN_OR_RETURN(token.special, JsonBool(entry, "special", false, origin.file));
    PRECIS_ASSIGN_OR_RETURN(token.normalized, JsonBool(entry, "normalized", !token.special, origin.file));
    PRECIS_ASSIGN_OR_RETURN(token.single_word, JsonBool(entry, "single_word", false, origin.file));
    PRECIS_ASSIGN_OR_RETURN(token.lstrip, JsonBool(entry, "lstrip", false, origin.file));
    PRECIS_ASSIGN_OR_RETURN(token.rstrip, JsonBool(entry, "rstrip", false, origin.file));
    added.push_back(std::move(token));
  }
  return added;
}

// Which token plays which role, from tokenizer_config.json: a text, or an object with the text as "content".
absl::Status ReadRoles(std::string_view config, const std::string& origin, const std::vector<AddedToken>& added,
                       SpecialTokens* special) {
  if (!config.empty()) {
    PRECIS_ASSIGN_OR_RETURN(const json object, ParseJson(config, kMaxJsonDepth, origin));
    const std::pair<const char*, TokenId*> roles[] = {
        {"bos_token", &special->bos},   {"eos_token", &special->eos}, {"unk_token", &special->unk},
        {"pad_token", &special->pad},   {"cls_token", &special->cls}, {"sep_token", &special->sep},
        {"mask_token", &special->mask},
    };
    for (const auto& [key, id] : roles) {
      const json& value = JsonMember(object, key);
      const json& text = value.is_object() ? JsonMember(value, "content") : value;
      if (!text.is_string()) continue;
      for (const AddedToken& token : added) {
        if (token.text == text.get_ref<const std::string&>()) *id = token.id;
      }
    }
  }
  FillSpecialByName(added, special);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Tokenizer>> TokenizerFromJson(std::string_view text, std::string_view config,
                                                                   const std::string& file) {
  const JsonOrigin origin{file};
  PRECIS_ASSIGN_OR_RETURN(const json root, ParseJson(text, kMaxJsonDepth, file));
  const json& model = JsonMember(root, "model");
  if (!model.is_object()) return origin.Wrong(absl::StrCat("model is ", JsonText(model), ", not an object"));

  TokenizerParts parts;
  bool byte_level = false;
  PRECIS_ASSIGN_OR_RETURN(parts.added, ReadAdded(JsonMember(root, "added_tokens"), origin));
  PRECIS_RETURN_IF_ERROR(ReadNormalizer(JsonMember(root, "normalizer"), origin, &parts.normalizers));
  PRECIS_RETURN_IF_ERROR(
      ReadPreTokenizer(JsonMember(root, "pre_tokenizer"), origin, &parts.pre_tokenizers, &byte_level));
  PRECIS_RETURN_IF_ERROR(ReadPostProcessor(JsonMember(root, "post_processor"), origin, &parts.prefix, &parts.suffix));
  DecoderSteps decoder;
  PRECIS_RETURN_IF_ERROR(ReadDecoder(JsonMember(root, "decoder"), origin, &decoder));

  PRECIS_ASSIGN_OR_RETURN(JsonModel read, ReadModel(model, byte_level, parts.added, origin));
  parts.model = std::move(read.model);
  parts.shortcut = std::move(read.shortcut);
  std::vector<std::string>& texts = read.texts;
  for (const AddedToken& token : parts.added) {
    if (static_cast<size_t>(token.id) >= texts.size()) texts.resize(static_cast<size_t>(token.id) + 1);
    texts[static_cast<size_t>(token.id)] = token.text;
  }
  parts.decoding = MakeDecoding(texts, decoder);
  PRECIS_RETURN_IF_ERROR(ReadRoles(config, file, parts.added, &parts.special));
  auto tokenizer = PipelineTokenizer::Create(std::move(parts));
  if (!tokenizer.ok()) return origin.Wrong(std::string(tokenizer.status().message()));
  return tokenizer;
}

absl::StatusOr<std::shared_ptr<const Tokenizer>> TokenizerFromVocabTxt(std::string_view vocab, std::string_view config,
                                                                       const std::string& file) {
  const JsonOrigin origin{file};
  BertNormalization normalization;
  if (!config.empty()) {
    PRECIS_ASSIGN_OR_RETURN(const json object, ParseJson(config, kMaxJsonDepth, file));
    PRECIS_ASSIGN_OR_RETURN(normalization.lowercase, JsonBool(object, "do_lower_case", true, file));
    PRECIS_ASSIGN_OR_RETURN(normalization.strip_accents,
                            JsonBool(object, "strip_accents", normalization.lowercase, file));
    PRECIS_ASSIGN_OR_RETURN(normalization.chinese_chars, JsonBool(object, "tokenize_chinese_chars", true, file));
  }
  TokenizerParts parts;
  auto vocabulary = std::make_shared<Vocabulary>();
  std::vector<std::string> texts;
  while (!vocab.empty()) {
    const size_t end = vocab.find('\n');
    std::string_view line = vocab.substr(0, end);
    vocab.remove_prefix(end == std::string_view::npos ? vocab.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    texts.emplace_back(line);
    const auto id = static_cast<TokenId>(texts.size() - 1);
    if (const absl::Status status = vocabulary->Add(line, id); !status.ok()) {
      return origin.Wrong(std::string(status.message()));
    }
  }
  for (const char* name : {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}) {
    AddedToken token;
    token.id = vocabulary->Find(name);
    token.text = name;
    token.special = true;
    if (token.id >= 0) parts.added.push_back(std::move(token));
  }
  WordPieceOptions options;
  options.unknown = vocabulary->Find("[UNK]");
  const TokenId cls = vocabulary->Find("[CLS]");
  const TokenId sep = vocabulary->Find("[SEP]");
  if (cls < 0 || sep < 0) return origin.Wrong("a vocabulary of BERT needs the tokens [CLS] and [SEP]");
  parts.prefix = {cls};
  parts.suffix = {sep};
  parts.normalizers.push_back(MakeBertNormalizer(normalization));
  parts.pre_tokenizers.push_back(MakeBertPreTokenizer());
  DecoderSteps decoder;
  decoder.kind = DecoderSteps::Kind::kWordPiece;
  parts.decoding = MakeDecoding(texts, decoder);
  FillSpecialByName(parts.added, &parts.special);
  auto model = WordPiece::Create(std::move(vocabulary), options);
  if (!model.ok()) return origin.Wrong(std::string(model.status().message()));
  parts.model = std::move(*model);
  return PipelineTokenizer::Create(std::move(parts));
}

}  // namespace precis::engine
