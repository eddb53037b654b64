#include "tokenizers/tokenizer_json.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "formats/json_file.h"
#include "formats/quoted.h"
#include "precis/base/status_macros.h"
#include "tokenizers/bpe.h"
#include "tokenizers/byte_level.h"
#include "tokenizers/json_components.h"
#include "tokenizers/pipeline.h"
#include "tokenizers/special_names.h"
#include "tokenizers/unigram.h"
#include "tokenizers/wordpiece.h"

namespace precis::engine {
namespace {

using nlohmann::json;

constexpr int kMaxJsonDepth = 32;

const json& Member(const json& object, const char* key) {
  static const json kNull;
  const auto found = object.find(key);
  return found == object.end() ? kNull : *found;
}

absl::StatusOr<TokenId> ReadId(const json& value, const std::string& token, const JsonOrigin& origin) {
  if (!value.is_number_integer() || value.get<int64_t>() < 0 || value.get<int64_t>() >= kMaxVocabulary) {
    return origin.Wrong(absl::StrCat("token ", Quoted(token), " has the id ", JsonText(value), ", 0 to ",
                                     kMaxVocabulary - 1, " are supported"));
  }
  return value.get<TokenId>();
}

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
    PRECIS_ASSIGN_OR_RETURN(token.id, ReadId(Member(entry, "id"), token.text, origin));
    PRECIS_ASSIGN_OR_RETURN(token.special, JsonBool(entry, "special", false, origin.file));
    PRECIS_ASSIGN_OR_RETURN(token.normalized, JsonBool(entry, "normalized", !token.special, origin.file));
    PRECIS_ASSIGN_OR_RETURN(token.single_word, JsonBool(entry, "single_word", false, origin.file));
    PRECIS_ASSIGN_OR_RETURN(token.lstrip, JsonBool(entry, "lstrip", false, origin.file));
    PRECIS_ASSIGN_OR_RETURN(token.rstrip, JsonBool(entry, "rstrip", false, origin.file));
    added.push_back(std::move(token));
  }
  return added;
}

// Special tokens are text unless the caller parses them, so text must not become one by way of the model: without this
// the word "<s>" would. All but the unknown token are left out of what the model finds.
using Hidden = absl::flat_hash_set<std::string>;

// model.vocab of BPE and WordPiece; with `byte_level` tokens become the bytes that they stand for.
absl::StatusOr<std::shared_ptr<Vocabulary>> ReadVocabulary(const json& vocab, bool byte_level, const Hidden& hidden,
                                                           const JsonOrigin& origin) {
  if (!vocab.is_object() || vocab.empty()) {
    return origin.Wrong(absl::StrCat("model.vocab is ", JsonText(vocab), ", an object of tokens and ids is needed"));
  }
  auto vocabulary = std::make_shared<Vocabulary>();
  for (const auto& [token, value] : vocab.items()) {
    PRECIS_ASSIGN_OR_RETURN(const TokenId id, ReadId(value, token, origin));
    if (hidden.contains(token)) continue;
    std::string bytes;
    if (!byte_level || !FromByteLevel(token, &bytes)) bytes = token;
    if (const absl::Status status = vocabulary->Add(bytes, id); !status.ok()) {
      return origin.Wrong(std::string(status.message()));
    }
  }
  return vocabulary;
}

absl::StatusOr<TokenId> UnknownToken(const json& model, const Vocabulary& vocabulary, const JsonOrigin& origin) {
  PRECIS_ASSIGN_OR_RETURN(const std::string text, JsonString(model, "unk_token", "", origin.file));
  if (text.empty()) return -1;
  const TokenId id = vocabulary.Find(text);
  if (id < 0) return origin.Wrong(absl::StrCat("unk_token ", Quoted(text), " is not in model.vocab"));
  return id;
}

// "left right" or ["left", "right"].
absl::StatusOr<std::vector<Bpe::TokenPair>> ReadMerges(const json& list, bool byte_level, const Vocabulary& vocabulary,
                                                       const JsonOrigin& origin) {
  if (!list.is_array()) return origin.Wrong(absl::StrCat("model.merges is ", JsonText(list), ", not an array"));
  std::vector<Bpe::TokenPair> merges;
  merges.reserve(list.size());
  const auto find = [&](const std::string& token) {
    std::string bytes;
    return vocabulary.Find(byte_level && FromByteLevel(token, &bytes) ? bytes : token);
  };
  for (const json& entry : list) {
    std::string left, right;
    if (entry.is_array() && entry.size() == 2 && entry[0].is_string() && entry[1].is_string()) {
      left = entry[0].get<std::string>();
      right = entry[1].get<std::string>();
    } else if (entry.is_string()) {
      const auto& line = entry.get_ref<const std::string&>();
      const size_t space = line.find(' ');
      if (space != std::string::npos) {
        left = line.substr(0, space);
        right = line.substr(space + 1);
      }
    }
    const TokenId left_id = find(left);
    const TokenId right_id = find(right);
    if (left_id < 0 || right_id < 0) {
      return origin.Wrong(absl::StrCat("model.merges[", merges.size(), "] is ", JsonText(entry),
                                       ", two tokens of model.vocab are needed"));
    }
    merges.emplace_back(left_id, right_id);
  }
  return merges;
}

// What the loaders of the models share.
struct ModelSource {
  const json& model;
  bool byte_level;
  const JsonOrigin& origin;
};

// Refuses an option that would change ids and that nobody here implements.
absl::Status RefuseText(const ModelSource& source, const char* key) {
  PRECIS_ASSIGN_OR_RETURN(const std::string text, JsonString(source.model, key, "", source.origin.file));
  if (text.empty()) return absl::OkStatus();
  return source.origin.Unsupported(absl::StrCat("a BPE model with the ", key, " ", Quoted(text)));
}

absl::StatusOr<std::unique_ptr<TokenModel>> ReadBpe(const ModelSource& source, std::shared_ptr<Vocabulary> vocabulary) {
  const JsonOrigin& origin = source.origin;
  const json& model = source.model;
  PRECIS_RETURN_IF_ERROR(RefuseText(source, "continuing_subword_prefix"));
  PRECIS_RETURN_IF_ERROR(RefuseText(source, "end_of_word_suffix"));
  const json& dropout = Member(model, "dropout");
  if (!dropout.is_null() && dropout != 0) {
    return origin.Unsupported(absl::StrCat("a BPE model with the random dropout ", JsonText(dropout)));
  }
  BpeOptions options;
  options.byte_level = source.byte_level;
  PRECIS_ASSIGN_OR_RETURN(options.byte_fallback, JsonBool(model, "byte_fallback", false, origin.file));
  PRECIS_ASSIGN_OR_RETURN(options.ignore_merges, JsonBool(model, "ignore_merges", false, origin.file));
  PRECIS_ASSIGN_OR_RETURN(options.fuse_unknown, JsonBool(model, "fuse_unk", false, origin.file));
  PRECIS_ASSIGN_OR_RETURN(options.unknown, UnknownToken(model, *vocabulary, origin));
  PRECIS_ASSIGN_OR_RETURN(const auto merges,
                          ReadMerges(Member(model, "merges"), source.byte_level, *vocabulary, origin));
  auto bpe = Bpe::Create(std::move(vocabulary), merges, options);
  if (!bpe.ok()) return origin.Wrong(std::string(bpe.status().message()));
  return std::unique_ptr<TokenModel>(std::move(*bpe));
}

absl::StatusOr<std::unique_ptr<TokenModel>> ReadWordPiece(const ModelSource& source,
                                                          std::shared_ptr<Vocabulary> vocabulary) {
  const JsonOrigin& origin = source.origin;
  WordPieceOptions options;
  PRECIS_ASSIGN_OR_RETURN(options.unknown, UnknownToken(source.model, *vocabulary, origin));
  PRECIS_ASSIGN_OR_RETURN(options.continuing_prefix,
                          JsonString(source.model, "continuing_subword_prefix", "##", origin.file));
  PRECIS_ASSIGN_OR_RETURN(const int64_t most,
                          JsonInteger(source.model, "max_input_chars_per_word", 1, 1 << 20, origin.file));
  options.max_chars_per_word = static_cast<int>(most);
  auto model = WordPiece::Create(std::move(vocabulary), options);
  if (!model.ok()) return origin.Wrong(std::string(model.status().message()));
  return std::unique_ptr<TokenModel>(std::move(*model));
}

bool IsByteToken(const std::string& token, char* byte) {
  for (int b = 0; token.size() == 6 && token.starts_with("<0x") && b < 256; ++b) {
    if (token != ByteTokenText(b)) continue;
    *byte = static_cast<char>(b);
    return true;
  }
  return false;
}

// [["token", score], ...]; the place is the id.
absl::StatusOr<std::unique_ptr<TokenModel>> ReadUnigram(const ModelSource& source, const Hidden& hidden,
                                                        std::vector<std::string>* texts) {
  const JsonOrigin& origin = source.origin;
  const json& list = Member(source.model, "vocab");
  if (!list.is_array() || list.empty() || list.size() > static_cast<size_t>(kMaxVocabulary)) {
    return origin.Wrong(absl::StrCat("model.vocab is ", JsonText(list), ", an array of 1 to ", kMaxVocabulary,
                                     " pairs of token and score is needed"));
  }
  PRECIS_ASSIGN_OR_RETURN(const int64_t unknown,
                          JsonInteger(source.model, "unk_id", 0, static_cast<int64_t>(list.size()) - 1, origin.file));
  PRECIS_ASSIGN_OR_RETURN(const bool byte_fallback, JsonBool(source.model, "byte_fallback", false, origin.file));
  std::array<TokenId, 256> byte_tokens;
  byte_tokens.fill(-1);
  auto vocabulary = std::make_shared<Vocabulary>();
  std::vector<double> scores;
  for (const json& entry : list) {
    if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() || !entry[1].is_number()) {
      return origin.Wrong(absl::StrCat("model.vocab[", texts->size(), "] is ", JsonText(entry),
                                       ", a pair of token and score is needed"));
    }
    const auto id = static_cast<TokenId>(texts->size());
    const auto& text = texts->emplace_back(entry[0].get<std::string>());
    scores.push_back(entry[1].get<double>());
    char byte;
    if (byte_fallback && IsByteToken(text, &byte)) byte_tokens[static_cast<uint8_t>(byte)] = id;
    if (hidden.contains(text)) continue;
    if (vocabulary->Find(text) >= 0) return origin.Wrong(absl::StrCat("model.vocab holds ", Quoted(text), " twice"));
    if (const absl::Status status = vocabulary->Add(text, id); !status.ok()) {
      return origin.Wrong(std::string(status.message()));
    }
  }
  const double worst = *std::min_element(scores.begin(), scores.end());
  auto model =
      Unigram::Create(std::move(vocabulary), std::move(scores), worst, byte_tokens, static_cast<TokenId>(unknown));
  if (!model.ok()) return origin.Wrong(std::string(model.status().message()));
  return std::unique_ptr<TokenModel>(std::move(*model));
}

// `texts[id]` as the decoder sees it: the characters of the file.
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

// *texts[id]: the tokens as the file writes them.
absl::StatusOr<std::unique_ptr<TokenModel>> ReadModel(const std::string& type, const ModelSource& source,
                                                      const std::vector<AddedToken>& added,
                                                      std::vector<std::string>* texts) {
  const json& model = source.model;
  if (type != "BPE" && type != "WordPiece" && type != "Unigram") {
    return source.origin.Unsupported(absl::StrCat("the model ", type));
  }
  PRECIS_ASSIGN_OR_RETURN(const bool ignore_merges, JsonBool(model, "ignore_merges", false, source.origin.file));
  PRECIS_ASSIGN_OR_RETURN(const std::string unknown, JsonString(model, "unk_token", "", source.origin.file));
  Hidden hidden;
  for (const AddedToken& token : added) {
    // A BPE that follows its merges makes no token that no merge makes.
    if (token.special && token.text != unknown && (type != "BPE" || ignore_merges)) hidden.insert(token.text);
  }
  if (type == "Unigram") return ReadUnigram(source, hidden, texts);
  const json& vocab = Member(model, "vocab");
  PRECIS_ASSIGN_OR_RETURN(auto vocabulary, ReadVocabulary(vocab, source.byte_level, hidden, source.origin));
  for (const auto& [token, value] : vocab.items()) {
    PRECIS_ASSIGN_OR_RETURN(const TokenId id, ReadId(value, token, source.origin));
    if (static_cast<size_t>(id) >= texts->size()) texts->resize(static_cast<size_t>(id) + 1);
    (*texts)[static_cast<size_t>(id)] = token;
  }
  return type == "BPE" ? ReadBpe(source, std::move(vocabulary)) : ReadWordPiece(source, std::move(vocabulary));
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
      const json& value = Member(object, key);
      const json& text = value.is_object() ? Member(value, "content") : value;
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
  const json& model = Member(root, "model");
  if (!model.is_object()) return origin.Wrong(absl::StrCat("model is ", JsonText(model), ", not an object"));

  TokenizerParts parts;
  bool byte_level = false;
  PRECIS_ASSIGN_OR_RETURN(parts.added, ReadAdded(Member(root, "added_tokens"), origin));
  PRECIS_RETURN_IF_ERROR(ReadNormalizer(Member(root, "normalizer"), origin, &parts.normalizers));
  PRECIS_RETURN_IF_ERROR(ReadPreTokenizer(Member(root, "pre_tokenizer"), origin, &parts.pre_tokenizers, &byte_level));
  PRECIS_RETURN_IF_ERROR(ReadPostProcessor(Member(root, "post_processor"), origin, &parts.prefix, &parts.suffix));
  DecoderSteps decoder;
  PRECIS_RETURN_IF_ERROR(ReadDecoder(Member(root, "decoder"), origin, &decoder));

  // Old files of BPE and WordPiece tell the models apart only by their fields.
  std::string type = model.contains("merges") ? "BPE" : "WordPiece";
  if (model.contains("type")) {
    PRECIS_ASSIGN_OR_RETURN(type, ComponentType(model, "model", origin));
  }
  const ModelSource source{model, byte_level, origin};
  std::vector<std::string> texts;
  PRECIS_ASSIGN_OR_RETURN(parts.model, ReadModel(type, source, parts.added, &texts));
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
