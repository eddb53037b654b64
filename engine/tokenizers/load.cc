// LoadTokenizer: finds the tokenizer's files.
#include "precis/engine/load.h"

#include <filesystem>
#include <string>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "formats/gguf.h"
#include "formats/model_files.h"
#include "precis/base/file.h"
#include "precis/base/status_macros.h"
#include "tokenizers/gguf_tokenizer.h"
#include "tokenizers/tokenizer_json.h"

namespace precis::engine {
namespace {

constexpr int64_t kMaxJsonBytes = 256 << 20;
constexpr int64_t kMaxConfigBytes = 16 << 20;

bool IsFile(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

absl::StatusOr<std::string> ReadOptional(const std::string& path) {
  if (!IsFile(path)) return std::string();
  return ReadFile(path, kMaxConfigBytes);
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Tokenizer>> LoadTokenizer(const std::string& path) {
  // A tokenizer can be used without a model's weights, so a folder needs no more than the tokenizer's own files.
  const std::string json = path + "/tokenizer.json";
  const std::string vocab = path + "/vocab.txt";
  if (IsFile(json) || IsFile(vocab)) {
    PRECIS_ASSIGN_OR_RETURN(const std::string config, ReadOptional(path + "/tokenizer_config.json"));
    if (IsFile(json)) {
      PRECIS_ASSIGN_OR_RETURN(const std::string text, ReadFile(json, kMaxJsonBytes));
      return TokenizerFromJson(text, config, json);
    }
    PRECIS_ASSIGN_OR_RETURN(const std::string text, ReadFile(vocab, kMaxJsonBytes));
    return TokenizerFromVocabTxt(text, config, vocab);
  }
  PRECIS_ASSIGN_OR_RETURN(const ModelFiles files, FindModelFiles(path));
  if (files.kind == ModelKind::kHfFolder) {
    return absl::NotFoundError(absl::StrCat("'", path, "': neither tokenizer.json nor vocab.txt lies in the folder"));
  }
  PRECIS_ASSIGN_OR_RETURN(const auto gguf, GgufFile::Open(files.gguf));
  return TokenizerFromGguf(*gguf);
}

}  // namespace precis::engine
