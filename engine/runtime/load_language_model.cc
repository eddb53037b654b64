// LoadLanguageModel of precis/engine/load.h.
#include <memory>
#include <new>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "formats/gguf.h"
#include "formats/model_files.h"
#include "models/decoder.h"
#include "precis/base/hash.h"
#include "precis/base/status_macros.h"
#include "precis/engine/load.h"
#include "runtime/isa_option.h"
#include "runtime/language_model.h"

namespace precis::engine {
namespace {

// Changes whenever a kernel changes a bit of the result.
constexpr const char* kDecoderKernelVersion = "decoder-1";

absl::Status CheckOptions(const LoadOptions& options) {
  if (!options.numeric_mode.empty() && options.numeric_mode != "fast" && options.numeric_mode != "exact") {
    return absl::InvalidArgumentError(
        absl::StrCat("numeric mode '", options.numeric_mode, "' is not one of a decoder: use 'fast' or 'exact'"));
  }
  if (options.threads < 0) {
    return absl::InvalidArgumentError(absl::StrCat("threads is ", options.threads, ", must be 0 (all cores) or more"));
  }
  if (options.kv_budget_bytes < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("kv_budget_bytes is ", options.kv_budget_bytes, ", must be 0 (one full window) or more"));
  }
  if (options.max_sequences < 1 || options.max_sequences > 1024) {
    return absl::InvalidArgumentError(absl::StrCat("max_sequences is ", options.max_sequences, ", must be 1 to 1,024"));
  }
  if (options.queue_limit < 1) {
    return absl::InvalidArgumentError(absl::StrCat("queue_limit is ", options.queue_limit, ", must be at least 1"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<LanguageModel>> Load(const std::string& path, const LoadOptions& options) {
  PRECIS_RETURN_IF_ERROR(CheckOptions(options));
  PRECIS_ASSIGN_OR_RETURN(const cpu::IsaLevel isa, ResolveIsa(options.isa));
  PRECIS_ASSIGN_OR_RETURN(const ModelFiles files, FindModelFiles(path));
  if (files.kind != ModelKind::kGguf) {
    return absl::UnimplementedError(
        absl::StrCat("'", path, "' is a Hugging Face folder; decoders are read from a GGUF file"));
  }
  PRECIS_ASSIGN_OR_RETURN(std::shared_ptr<const GgufFile> file, GgufFile::Open(files.gguf));
  const bool exact = options.numeric_mode == "exact";
  LanguageModelParts parts;
  // First what can be refused from the header alone, then what reads the whole file.
  PRECIS_ASSIGN_OR_RETURN(const DecoderConfig config, ReadDecoderConfig(*file));
  PRECIS_ASSIGN_OR_RETURN(parts.tokenizer, LoadTokenizer(path));
  if (parts.tokenizer->vocabulary_size() > config.vocabulary) {
    return absl::InvalidArgumentError(absl::StrCat("the tokenizer of ", files.gguf, " knows ",
                                                   parts.tokenizer->vocabulary_size(), " tokens and its weights only ",
                                                   config.vocabulary));
  }
  PRECIS_ASSIGN_OR_RETURN(parts.chat_template, file->GetStringOr("tokenizer.chat_template", ""));
  PRECIS_ASSIGN_OR_RETURN(const std::string weights_sha256, Sha256HexOfFile(files.gguf));
  PRECIS_ASSIGN_OR_RETURN(
      parts.decoder, Decoder::Load(file, exact, isa, options.check_weights, cpu::ThreadPool::Shared(options.threads)));

  ModelInfo& info = parts.info;
  info.name = options.name.empty() ? files.name : options.name;
  info.architecture = config.architecture;
  info.tokenizer_fingerprint = parts.tokenizer->fingerprint();
  info.numeric_mode = exact ? "exact" : "fast";
  info.parameters = parts.decoder->parameters();
  info.weights_bytes = file->size_bytes();
  info.max_tokens = config.context;
  info.path = path;
  Hasher hasher;
  hasher.Field("decoder").Field(weights_sha256).Field(info.tokenizer_fingerprint).Field(info.numeric_mode);
  hasher.Field(kDecoderKernelVersion);
  info.fingerprint = hasher.FinishHex();

  const KvLayout layout = parts.decoder->kv_layout();
  const int64_t window = (config.context + 63) / 64 * layout.page_bytes();
  parts.scheduler = {.model = info.name,
                     .max_sequences = options.max_sequences,
                     .queue_limit = options.queue_limit,
                     .kv_budget_bytes = options.kv_budget_bytes == 0 ? window : options.kv_budget_bytes};
  if (parts.scheduler.kv_budget_bytes < layout.page_bytes()) {
    return absl::InvalidArgumentError(absl::StrCat("kv_budget_bytes is ", options.kv_budget_bytes,
                                                   "; 64 tokens of model '", info.name, "' alone need ",
                                                   layout.page_bytes()));
  }
  return std::make_shared<DecoderLanguageModel>(std::move(parts));
}

}  // namespace

absl::StatusOr<std::shared_ptr<LanguageModel>> LoadLanguageModel(const std::string& path, const LoadOptions& options) {
  try {
    return Load(path, options);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(absl::StrCat("not enough memory to load '", path, "'"));
  }
}

}  // namespace precis::engine
