#include "tokenizers/gguf_tokenizer.h"

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "formats/quoted.h"
#include "precis/base/status_macros.h"
#include "tokenizers/bpe.h"
#include "tokenizers/byte_level.h"
#include "tokenizers/merge_borders.h"
#include "tokenizers/pipeline.h"
#include "tokenizers/score_bpe.h"
#include "tokenizers/special_names.h"
#include "tokenizers/wordpiece.h"

namespace precis::engine {
namespace {

// tokenizer.ggml.token_type.
enum TokenType : int32_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };

absl::Status Wrong(const GgufFile& file, std::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("'", file.path(), "': ", absl::string_view(what.data(), what.size())));
}

absl::Status In(const GgufFile& file, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat("'", file.path(), "': tokenizer: ", status.message()));
}

// The arrays of the file and what all kinds of tokenizer do with them.
struct Source {
  const GgufFile& file;
  std::vector<std::string_view> tokens;
  std::vector<int32_t> types;  // as long as tokens
  SpecialTokens special;

  bool IsWritten(TokenId id) const {  // not text, or text only as a whole
    const int32_t type = types[static_cast<size_t>(id)];
    return type == kControl || type == kUnknown || type == kUserDefined;
  }
};

absl::StatusOr<TokenId> SpecialId(const Source& source, std::string_view name) {
  const std::string key = absl::StrCat("tokenizer.ggml.", absl::string_view(name.data(), name.size()), "_token_id");
  PRECIS_ASSIGN_OR_RETURN(const int64_t id, source.file.GetI64Or(key, -1));
  // Some converters write -1 or 2^32 - 1 for "none".
  if (id == -1 || id == int64_t{UINT32_MAX}) return -1;
  if (id < 0 || id >= static_cast<int64_t>(source.tokens.size())) {
    return Wrong(source.file, absl::StrCat(key, " is ", id, ", there are ", source.tokens.size(), " tokens"));
  }
  return static_cast<TokenId>(id);
}

absl::StatusOr<Source> ReadSource(const GgufFile& file) {
  Source source{file};
  PRECIS_ASSIGN_OR_RETURN(source.tokens, file.GetStrings("tokenizer.ggml.tokens"));
  const size_t count = source.tokens.size();
  if (count == 0 || count > static_cast<size_t>(kMaxVocabulary)) {
    return Wrong(
        file, absl::StrCat("tokenizer.ggml.tokens holds ", count, " tokens, 1 to ", kMaxVocabulary, " are supported"));
  }
  if (file.Has("tokenizer.ggml.token_type")) {
    PRECIS_ASSIGN_OR_RETURN(source.types, file.GetI32s("tokenizer.ggml.token_type"));
    if (source.types.size() != count) {
      return Wrong(file, absl::StrCat("tokenizer.ggml.token_type holds ", source.types.size(), " entries for ", count,
                                      " tokens"));
    }
  } else {
    source.types.assign(count, kNormal);
  }
  const std::pair<const char*, TokenId*> names[] = {
      {"bos", &source.special.bos},       {"eos", &source.special.eos},     {"eot", &source.special.end_of_turn},
      {"unknown", &source.special.unk},   {"padding", &source.special.pad}, {"cls", &source.special.cls},
      {"seperator", &source.special.sep},  // the key is spelled so
      {"mask", &source.special.mask},
  };
  for (const auto& [name, id] : names) {
    PRECIS_ASSIGN_OR_RETURN(*id, SpecialId(source, name));
  }
  return source;
}

std::vector<AddedToken> ReadAdded(const Source& source) {
  std::vector<AddedToken> added;
  for (size_t id = 0; id < source.tokens.size(); ++id) {
    if (!source.IsWritten(static_cast<TokenId>(id)) || source.tokens[id].empty()) continue;
    AddedToken token;
    token.id = static_cast<TokenId>(id);
    token.text = source.tokens[id];
    token.special = source.types[id] != kUserDefined;
    added.push_back(std::move(token));
  }
  return added;
}

// What stands around a text: the file's flags, else what this kind of tokenizer does by default.
absl::Status ReadSurroundings(const Source& source, bool bos_default, bool eos_default, bool sep_default,
                              TokenizerParts* parts) {
  const auto add = [&](const char* key, bool fallback, TokenId id, std::vector<TokenId>* ids) -> absl::Status {
    PRECIS_ASSIGN_OR_RETURN(const bool wanted, source.file.GetBoolOr(key, fallback));
    if (!wanted) return absl::OkStatus();
    if (id >= 0) {
      ids->push_back(id);
    } else if (source.file.Has(key)) {
      return Wrong(source.file, absl::StrCat(key, " is true, but the file does not say which token that is"));
    }
    return absl::OkStatus();
  };
  const SpecialTokens& s = source.special;
  const bool bert = sep_default;
  const TokenId begin = bert && s.cls >= 0 ? s.cls : s.bos;
  PRECIS_RETURN_IF_ERROR(add("tokenizer.ggml.add_bos_token", bos_default, begin, &parts->prefix));
  PRECIS_RETURN_IF_ERROR(add("tokenizer.ggml.add_eos_token", eos_default, s.eos, &parts->suffix));
  return add("tokenizer.ggml.add_sep_token", sep_default, s.sep, &parts->suffix);
}

absl::Status BuildByteLevel(const Source& source, TokenizerParts* parts) {
  PRECIS_ASSIGN_OR_RETURN(const std::string pre, source.file.GetStringOr("tokenizer.ggml.pre", "default"));
  BpeOptions options;
  options.byte_level = true;
  bool bos_default = false;
  if (pre == "gpt-2" || pre == "gpt2" || pre == "phi-2") {
    parts->pre_tokenizers.push_back(MakeBpePatternSplit(BpePattern::kGpt2));
  } else if (pre == "smollm" || pre == "starcoder" || pre == "refact" || pre == "command-r" || pre == "codeshell") {
    parts->pre_tokenizers.push_back(MakeDigits(/*individual=*/true));
    parts->pre_tokenizers.push_back(MakeBpePatternSplit(BpePattern::kGpt2));
  } else if (pre == "llama3" || pre == "llama-bpe" || pre == "llama-v3") {
    parts->pre_tokenizers.push_back(MakeBpePatternSplit(BpePattern::kLlama3));
    options.ignore_merges = true;
    bos_default = true;
  } else if (pre == "qwen2" || pre == "deepseek-r1-qwen") {
    parts->normalizers.push_back(MakeUnicodeNormalizer(UnicodeForm::kNfc));
    parts->pre_tokenizers.push_back(MakeBpePatternSplit(BpePattern::kQwen2));
  } else {
    return absl::UnimplementedError(absl::StrCat("'", source.file.path(), "': tokenizer.ggml.pre is ", Quoted(pre),
                                                 "; supported are gpt-2, smollm, starcoder, llama-bpe and qwen2"));
  }

  auto vocabulary = std::make_shared<Vocabulary>();
  for (size_t i = 0; i < source.tokens.size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    std::string bytes;
    const bool written = source.IsWritten(id) || !FromByteLevel(source.tokens[i], &bytes);
    if (written) bytes = source.tokens[i];
    parts->decoding.pieces.push_back(bytes);
    // GPT-2's end-of-text among others lies in the model's vocabulary too, but no merge makes it.
    if (!written) PRECIS_RETURN_IF_ERROR(vocabulary->Add(bytes, id));
  }
  PRECIS_ASSIGN_OR_RETURN(const auto lines, source.file.GetStrings("tokenizer.ggml.merges"));
  std::vector<Bpe::TokenPair> merges;
  merges.reserve(lines.size());
  for (size_t i = 0; i < lines.size(); ++i) {
    // "left right"; a token may itself hold spaces only in files that are no byte-level BPE.
    const size_t space = lines[i].find(' ', 1);
    std::string left, right;
    if (space == std::string_view::npos || !FromByteLevel(lines[i].substr(0, space), &left) ||
        !FromByteLevel(lines[i].substr(space + 1), &right)) {
      return Wrong(source.file, absl::StrCat("tokenizer.ggml.merges[", i, "] is ", Quoted(lines[i]),
                                             ", two byte-level tokens with a space between are needed"));
    }
    merges.emplace_back(vocabulary->Find(left), vocabulary->Find(right));
  }
  PRECIS_ASSIGN_OR_RETURN(parts->model, Bpe::Create(std::move(vocabulary), merges, options));
  return ReadSurroundings(source, bos_default, false, false, parts);
}

absl::Status BuildSentencePiece(const Source& source, TokenizerParts* parts) {
  PRECIS_ASSIGN_OR_RETURN(const auto scores, source.file.GetF32s("tokenizer.ggml.scores"));
  PRECIS_ASSIGN_OR_RETURN(const bool space_prefix, source.file.GetBoolOr("tokenizer.ggml.add_space_prefix", true));
  if (space_prefix) {
    parts->normalizers.push_back(MakePrepend(std::string(kSpaceMark)));
    parts->decoding.front = Decoding::Front::kOneSpace;
  }
  parts->normalizers.push_back(MakeReplace(" ", std::string(kSpaceMark)));

  auto vocabulary = std::make_shared<Vocabulary>();
  std::array<TokenId, 256> byte_tokens;
  byte_tokens.fill(-1);
  for (size_t i = 0; i < source.tokens.size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    if (source.types[i] == kByte) {
      char byte;
      if (!IsByteToken(source.tokens[i], &byte)) {
        return Wrong(source.file, absl::StrCat("token ", i, " is of type byte and has the text ",
                                               Quoted(source.tokens[i]), ", <0x00> to <0xFF> are needed"));
      }
      byte_tokens[static_cast<uint8_t>(byte)] = id;
      parts->decoding.pieces.emplace_back(1, byte);
      continue;
    }
    parts->decoding.pieces.push_back(ReplaceAll(source.tokens[i], kSpaceMark, " "));
    if (source.types[i] == kNormal || source.types[i] == kUserDefined) {
      if (source.tokens[i].empty()) continue;
      PRECIS_RETURN_IF_ERROR(vocabulary->Add(source.tokens[i], id));
    }
  }
  parts->shortcut = MakeMergeBorderCut(*vocabulary);
  PRECIS_ASSIGN_OR_RETURN(parts->model,
                          ScoreBpe::Create(std::move(vocabulary), scores, byte_tokens, source.special.unk));
  return ReadSurroundings(source, true, false, false, parts);
}

absl::Status BuildBert(const Source& source, TokenizerParts* parts) {
  parts->normalizers.push_back(MakeBertNormalizer({}));
  parts->pre_tokenizers.push_back(MakeBertPreTokenizer());
  auto vocabulary = std::make_shared<Vocabulary>();
  WordPieceOptions options;
  options.unknown = source.special.unk;
  for (size_t i = 0; i < source.tokens.size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    // The file marks the tokens that begin a word with U+2581 and has taken the ## from the others.
    std::string text(source.tokens[i]);
    const bool begins = text.starts_with(kSpaceMark) && text.size() > kSpaceMark.size();
    if (begins) {
      text.erase(0, kSpaceMark.size());
    } else if (!source.IsWritten(id)) {
      text.insert(0, options.continuing_prefix);
    }
    const bool continues = !begins && !source.IsWritten(id);
    parts->decoding.pieces.push_back(
        CleanUpWordPiece(continues ? text.substr(options.continuing_prefix.size()) : " " + text));
    parts->decoding.first_pieces.push_back(CleanUpWordPiece(text));
    if (source.special.unk == -1 && text == "[UNK]") options.unknown = id;
    PRECIS_RETURN_IF_ERROR(vocabulary->Add(text, id));
  }
  PRECIS_ASSIGN_OR_RETURN(parts->model, WordPiece::Create(std::move(vocabulary), options));
  parts->special.unk = options.unknown;
  return ReadSurroundings(source, true, false, true, parts);
}

absl::StatusOr<std::shared_ptr<const Tokenizer>> Build(const Source& source, const std::string& model) {
  TokenizerParts parts;
  parts.added = ReadAdded(source);
  parts.special = source.special;
  if (model == "gpt2") {
    PRECIS_RETURN_IF_ERROR(BuildByteLevel(source, &parts));
  } else if (model == "llama") {
    PRECIS_RETURN_IF_ERROR(BuildSentencePiece(source, &parts));
  } else {
    PRECIS_RETURN_IF_ERROR(BuildBert(source, &parts));
  }
  FillSpecialByName(parts.added, &parts.special);
  return PipelineTokenizer::Create(std::move(parts));
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Tokenizer>> TokenizerFromGguf(const GgufFile& file) {
  PRECIS_ASSIGN_OR_RETURN(const std::string model, file.GetString("tokenizer.ggml.model"));
  if (model != "gpt2" && model != "llama" && model != "bert") {
    return absl::UnimplementedError(absl::StrCat("'", file.path(), "': tokenizer.ggml.model is ", Quoted(model),
                                                 "; supported are gpt2, llama and bert"));
  }
  PRECIS_ASSIGN_OR_RETURN(const Source source, ReadSource(file));
  auto tokenizer = Build(source, model);
  if (!tokenizer.ok() && tokenizer.status().message().substr(0, 1) != "'") return In(file, tokenizer.status());
  return tokenizer;
}

}  // namespace precis::engine
