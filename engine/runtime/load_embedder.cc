// LoadEmbedder of precis/engine/load.h.
#include <cmath>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "formats/hf_config.h"
#include "formats/model_files.h"
#include "formats/safetensors.h"
#include "models/bert.h"
#include "precis/base/hash.h"
#include "precis/base/status_macros.h"
#include "precis/engine/load.h"
#include "runtime/encoder_fingerprint.h"
#include "runtime/encoder_prompts.h"
#include "runtime/isa_option.h"
#include "runtime/text_embedder.h"

namespace precis::engine {
namespace {

absl::Status CheckOptions(const LoadOptions& options) {
  if (!options.numeric_mode.empty() && options.numeric_mode != "fp32") {
    return absl::InvalidArgumentError(
        absl::StrCat("numeric mode '", options.numeric_mode, "' is not one of an encoder: use 'fp32'"));
  }
  if (!(options.temperature > 0) || !std::isfinite(options.temperature)) {
    return absl::InvalidArgumentError(absl::StrCat("temperature is ", options.temperature,
                                                   ", must be a number above 0 (1: as the model was trained)"));
  }
  if (options.threads < 0) {
    return absl::InvalidArgumentError(absl::StrCat("threads is ", options.threads, ", must be 0 (all cores) or more"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<Embedder>> LoadEmbedder(const std::string& path, const LoadOptions& options) {
  PRECIS_RETURN_IF_ERROR(CheckOptions(options));
  TextEmbedderParts parts;
  PRECIS_ASSIGN_OR_RETURN(parts.isa, ResolveIsa(options.isa));
  PRECIS_ASSIGN_OR_RETURN(const ModelFiles files, FindModelFiles(path));
  if (files.kind != ModelKind::kHfFolder) {
    return absl::UnimplementedError(absl::StrCat(
        "'", path, "' is a GGUF file; encoders are read from a Hugging Face folder (config.json, model.safetensors)"));
  }
  if (files.weights.ends_with(".json")) {
    return absl::UnimplementedError(absl::StrCat("'", path,
                                                 "' has its weights in several parts; encoders are read from one file: "
                                                 "merge them into model.safetensors"));
  }
  PRECIS_ASSIGN_OR_RETURN(const HfEncoderConfig config, ReadHfEncoderConfig(files.folder));
  if (config.model_type != "bert") {
    return absl::UnimplementedError(absl::StrCat("'", files.folder, "' is of model type '", config.model_type,
                                                 "'; encoders of type 'bert' are supported"));
  }
  PRECIS_ASSIGN_OR_RETURN(parts.tokenizer, LoadTokenizer(path));
  PRECIS_ASSIGN_OR_RETURN(const EncoderPrompts prompts, ReadEncoderPrompts(files.folder));
  PRECIS_ASSIGN_OR_RETURN(const std::string weights_sha256, Sha256HexOfFile(files.weights));
  PRECIS_ASSIGN_OR_RETURN(std::shared_ptr<const SafetensorsFile> weights, SafetensorsFile::Open(files.weights));

  ModelInfo& info = parts.info;
  info.name = options.name.empty() ? files.name : options.name;
  info.architecture = config.model_type;
  info.tokenizer_fingerprint = parts.tokenizer->fingerprint();
  info.numeric_mode = "fp32";
  info.weights_bytes = weights->size_bytes();
  info.max_tokens = config.max_tokens;
  info.dimensions = static_cast<int>(config.hidden_size);
  info.pooling = PoolingName(config.pooling);
  info.query_prefix = options.query_prefix.empty() ? prompts.query : options.query_prefix;
  info.document_prefix = options.document_prefix.empty() ? prompts.document : options.document_prefix;
  info.path = path;
  info.fingerprint = EncoderFingerprint(info, config, weights_sha256, options.temperature);

  parts.temperature = options.temperature;
  PRECIS_ASSIGN_OR_RETURN(parts.encoder, BertEncoder::Load(std::move(weights), config, options.check_weights));
  info.parameters = parts.encoder->parameters();
  parts.pool = cpu::ThreadPool::Shared(options.threads);
  return TextEmbedder::Make(std::move(parts));
}

}  // namespace precis::engine
