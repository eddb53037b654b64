#include "tokenizers/json_model.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "formats/json_file.h"
#include "formats/quoted.h"
#include "precis/base/status_macros.h"
#include "tokenizers/bpe.h"
#include "tokenizers/byte_level.h"
#include "tokenizers/merge_borders.h"
#include "tokenizers/unigram.h"
#include "tokenizers/wordpiece.h"

namespace precis::engine {
namespace {

using nlohmann::json;

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
    PRECIS_ASSIGN_OR_RETURN(const TokenId id, ReadTokenId(value, token, origin));
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

absl::Status ReadBpe(const ModelSource& source, std::shared_ptr<Vocabulary> vocabulary, JsonModel* result) {
  const JsonOrigin& origin = source.origin;
  const json& model = source.model;
  PRECIS_RETURN_IF_ERROR(RefuseText(source, "continuing_subword_prefix"));
  PRECIS_RETURN_IF_ERROR(RefuseText(source, "end_of_word_suffix"));
  const json& dropout = JsonMember(model, "dropout");
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
                          ReadMerges(JsonMember(model, "merges"), source.byte_level, *vocabulary, origin));
  // Merges make nothing but tokens, and what is no token stays apart: not with ignore_merges, which finds tokens that
  // no merge makes; not without an unknown token, because characters are then dropped and their neighbours merge; not
  // where the unknown token itself merges.
  const bool apart = std::none_of(merges.begin(), merges.end(), [&](const Bpe::TokenPair& pair) {
    return pair.first == options.unknown || pair.second == options.unknown;
  });
  if (!options.byte_level && !options.ignore_merges && options.unknown >= 0 && apart) {
    result->shortcut = MakeMergeBorderCut(*vocabulary);
  }
  auto bpe = Bpe::Create(std::move(vocabulary), merges, options);
  if (!bpe.ok()) return origin.Wrong(std::string(bpe.status().message()));
  result->model = std::move(*bpe);
  return absl::OkStatus();
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

// [["token", score], ...]; the place is the id.
absl::StatusOr<std::unique_ptr<TokenModel>> ReadUnigram(const ModelSource& source, const Hidden& hidden,
                                                        std::vector<std::string>* texts) {
  const JsonOrigin& origin = source.origin;
  const json& list = JsonMember(source.model, "vocab");
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

}  // namespace

absl::StatusOr<JsonModel> ReadModel(const json& model, bool byte_level, const std::vector<AddedToken>& added,
                                    const JsonOrigin& origin) {
  // Old files of BPE and WordPiece tell the models apart only by their fields.
  std::string type = model.contains("merges") ? "BPE" : "WordPiece";
  if (model.contains("type")) {
    PRECIS_ASSIGN_OR_RETURN(type, ComponentType(model, "model", origin));
  }
  if (type != "BPE" && type != "WordPiece" && type != "Unigram") {
    return origin.Unsupported(absl::StrCat("the model ", type));
  }
  PRECIS_ASSIGN_OR_RETURN(const bool ignore_merges, JsonBool(model, "ignore_merges", false, origin.file));
  PRECIS_ASSIGN_OR_RETURN(const std::string unknown, JsonString(model, "unk_token", "", origin.file));
  Hidden hidden;
  for (const AddedToken& token : added) {
    // A BPE that follows its merges makes no token that no merge makes.
    if (token.special && token.text != unknown && (type != "BPE" || ignore_merges)) hidden.insert(token.text);
  }
  const ModelSource source{model, byte_level, origin};
  JsonModel result;
  if (type == "Unigram") {
    PRECIS_ASSIGN_OR_RETURN(result.model, ReadUnigram(source, hidden, &result.texts));
    return result;
  }
  const json& vocab = JsonMember(model, "vocab");
  PRECIS_ASSIGN_OR_RETURN(auto vocabulary, ReadVocabulary(vocab, byte_level, hidden, origin));
  for (const auto& [token, value] : vocab.items()) {
    PRECIS_ASSIGN_OR_RETURN(const TokenId id, ReadTokenId(value, token, origin));
    if (static_cast<size_t>(id) >= result.texts.size()) result.texts.resize(static_cast<size_t>(id) + 1);
    result.texts[static_cast<size_t>(id)] = token;
  }
  if (type == "BPE") {
    PRECIS_RETURN_IF_ERROR(ReadBpe(source, std::move(vocabulary), &result));
  } else {
    PRECIS_ASSIGN_OR_RETURN(result.model, ReadWordPiece(source, std::move(vocabulary)));
  }
  return result;
}

}  // namespace precis::engine
