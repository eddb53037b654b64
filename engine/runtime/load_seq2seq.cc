#include "runtime/load_seq2seq.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "formats/hf_decoder_config.h"
#include "formats/hf_t5_config.h"
#include "formats/inspect.h"
#include "formats/safetensors_set.h"
#include "models/t5.h"
#include "precis/base/hash.h"
#include "precis/base/status_macros.h"
#include "runtime/isa_option.h"
#include "runtime/seq2seq_model.h"
#include "runtime/weights_sha256.h"

namespace precis::engine {
namespace {

// Changes whenever a bit of the results does.
constexpr const char* kKernelVersion = "t5-1";

absl::Status CheckOptions(const LoadOptions& options) {
  if (!options.numeric_mode.empty() && options.numeric_mode != "fp32" && options.numeric_mode != "exact") {
    return absl::InvalidArgumentError(absl::StrCat("numeric mode '", options.numeric_mode,
                                                   "' is not one of an encoder-decoder: it computes in fp32"));
  }
  if (!options.kv_type.empty() && options.kv_type != "f32") {
    return absl::InvalidArgumentError(absl::StrCat("kv_type is '", options.kv_type,
                                                   "'; an encoder-decoder keeps keys and values as f32: leave it out"));
  }
  if (options.speculation == "draft" || !options.draft_path.empty()) {
    return absl::InvalidArgumentError("an encoder-decoder takes no draft model: leave it out");
  }
  if (options.queue_limit < 1) {
    return absl::InvalidArgumentError(absl::StrCat("queue_limit is ", options.queue_limit, ", must be at least 1"));
  }
  if (options.threads < 0) {
    return absl::InvalidArgumentError(absl::StrCat("threads is ", options.threads, ", must be 0 (all cores) or more"));
  }
  return absl::OkStatus();
}

// Bytes: every matrix once as floats, and one call with a full window in and out.
struct Plan {
  int64_t weights = 0, call = 0;
};

Plan PlanMemory(const HfT5Config& c, bool own_head) {
  const auto up = [](int64_t n) { return (n + 15) / 16 * 16; };
  const int64_t attention = 4 * up(c.inner()) * c.hidden, ffn = (c.gated ? 3 : 2) * up(c.ffn) * c.hidden;
  Plan plan;
  plan.weights = 4 * (c.encoder_layers * (attention + ffn) + c.decoder_layers * (2 * attention + ffn) +
                      up(c.vocabulary) * c.hidden);
  // A head of its own leaves the embedding's rows in the file.
  if (own_head) plan.weights += c.vocabulary * c.hidden;
  const int64_t wide = (c.gated ? 2 : 1) * c.ffn;
  plan.call = 4 * c.max_tokens * (2 * c.hidden + 4 * c.inner() + wide);             // the encoder
  plan.call += 4 * c.decoder_layers * 4 * c.max_tokens * c.heads * up(c.head_dim);  // keys and values
  plan.call += 12 * c.vocabulary;                                                   // logits and their order
  return plan;
}

absl::StatusOr<std::shared_ptr<const Tokenizer>> LoadFittingTokenizer(const ModelFiles& files, const HfT5Config& c) {
  PRECIS_ASSIGN_OR_RETURN(auto tokenizer, LoadTokenizer(files.path));
  if (tokenizer->vocabulary_size() > c.vocabulary) {
    return absl::InvalidArgumentError(absl::StrCat("the tokenizer of '", files.path, "' knows ",
                                                   tokenizer->vocabulary_size(), " tokens and its weights only ",
                                                   c.vocabulary));
  }
  return tokenizer;
}

}  // namespace

absl::StatusOr<bool> IsSeq2Seq(const ModelFiles& files) {
  if (files.kind != ModelKind::kHfFolder) return false;
  PRECIS_ASSIGN_OR_RETURN(const std::string type, ReadHfModelType(files.folder));
  return IsHfT5(type);
}

absl::StatusOr<std::shared_ptr<LanguageModel>> LoadSeq2Seq(const ModelFiles& files, const LoadOptions& options) {
  PRECIS_RETURN_IF_ERROR(CheckOptions(options));
  PRECIS_ASSIGN_OR_RETURN(const cpu::IsaLevel isa, ResolveIsa(options.isa));
  PRECIS_ASSIGN_OR_RETURN(const HfT5Config config, ReadHfT5Config(files.folder));
  PRECIS_ASSIGN_OR_RETURN(const auto weights, SafetensorsSet::Open(files.weights));
  PRECIS_RETURN_IF_ERROR(CheckT5Tensors(weights->tensors(), config));
  Seq2SeqParts parts;
  ModelInfo& info = parts.info;
  info.name = options.name.empty() ? files.name : options.name;
  const Plan plan = PlanMemory(config, weights->tensors().Find("lm_head.weight") != nullptr);
  info.memory_bytes = plan.weights + plan.call;
  if (options.memory_limit_bytes > 0 && info.memory_bytes > options.memory_limit_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat("model '", info.name, "' needs ", info.memory_bytes,
                                                     " bytes of memory (weights ", plan.weights, ", a call ", plan.call,
                                                     ") and ", options.memory_limit_bytes,
                                                     " are left to it: raise the memory limit or use a smaller model"));
  }
  PRECIS_ASSIGN_OR_RETURN(parts.tokenizer, LoadFittingTokenizer(files, config));
  PRECIS_ASSIGN_OR_RETURN(const std::vector<int64_t> ends, ReadHfEnds(files.folder, config.ends));
  for (const int64_t id : ends) {
    if (id < config.vocabulary) parts.ends.push_back(static_cast<TokenId>(id));
  }
  if (parts.ends.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("'", files.folder, "': no token ends a text: eos_token_id is ",
                                                   ends.front(), ", the vocabulary has ", config.vocabulary));
  }
  std::vector<std::string> paths = weights->paths();
  paths.insert(paths.begin(), files.config);
  PRECIS_ASSIGN_OR_RETURN(const std::string sha256, WeightsSha256(paths));
  parts.pool = cpu::ThreadPool::Shared(options.threads);
  PRECIS_ASSIGN_OR_RETURN(parts.model, T5Model::Load(weights, config, options.check_weights, {parts.pool.get(), isa}));
  parts.queue_limit = options.queue_limit;
  info.architecture = config.model_type;
  info.tokenizer_fingerprint = parts.tokenizer->fingerprint();
  info.numeric_mode = "fp32";
  info.parameters = parts.model->parameters();
  info.weights_bytes = weights->size_bytes();
  info.max_tokens = config.max_tokens;
  info.path = files.path;
  Hasher hasher;
  hasher.Field("encoder-decoder").Field(sha256).Field(info.tokenizer_fingerprint).Field(kKernelVersion);
  info.fingerprint = hasher.FinishHex();
  return std::make_shared<Seq2SeqModel>(std::move(parts));
}

absl::StatusOr<ModelFileInfo> InspectSeq2Seq(const ModelFiles& files, Inspection inspection) {
  PRECIS_ASSIGN_OR_RETURN(const auto weights, SafetensorsSet::Open(files.weights));
  ModelFileInfo info;
  info.kind = "encoder-decoder";
  info.description = "format: Hugging Face folder with safetensors\n";
  info.model.weights_bytes = weights->size_bytes();
  const auto config = ReadHfT5Config(files.folder);
  if (config.ok()) {
    info.model.architecture = config->model_type;
    info.model.max_tokens = config->max_tokens;
    DescribeNumber("encoder layers", config->encoder_layers, &info);
    DescribeNumber("decoder layers", config->decoder_layers, &info);
    DescribeNumber("width", config->hidden, &info);
    DescribeNumber("heads", config->heads, &info);
    DescribeNumber("values of a head", config->head_dim, &info);
    DescribeNumber("feed-forward width", config->ffn, &info);
    DescribeNumber("context, of the prompt and of the text each", config->max_tokens, &info);
    DescribeNumber("vocabulary", config->vocabulary, &info);
    info.reason = std::string(CheckT5Tensors(weights->tensors(), *config).message());
    const Plan plan = PlanMemory(*config, weights->tensors().Find("lm_head.weight") != nullptr);
    info.memory_bytes = plan.weights;
    if (info.reason.empty() && files.tokenizer.empty()) info.reason = "the folder has no tokenizer.json";
    if (info.reason.empty() && inspection == Inspection::kTokenizer) {
      info.reason = std::string(LoadFittingTokenizer(files, *config).status().message());
    }
  } else if (absl::IsUnimplemented(config.status())) {
    PRECIS_ASSIGN_OR_RETURN(info.model.architecture, ReadHfModelType(files.folder));
    info.reason = std::string(config.status().message());
  } else {
    return config.status();
  }
  DescribeTensors(weights->tensors(), &info);
  return info;
}

}  // namespace precis::engine
