#include "runtime/encoder_model.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "formats/gguf_encoder_config.h"
#include "formats/hf_config.h"
#include "formats/model_files.h"
#include "precis/base/status_macros.h"
#include "runtime/encoder_fingerprint.h"
#include "runtime/encoder_prompts.h"
#include "runtime/isa_option.h"
#include "runtime/weights_sha256.h"

namespace precis::engine {
namespace {

// Nomic's own factor; a longer window than four times the trained one was never tried.
constexpr double kNtkFactor = 2;
constexpr int64_t kMostTrainedLengths = 4;

absl::Status CheckOptions(const LoadOptions& options) {
  if (!(options.temperature > 0) || !std::isfinite(options.temperature)) {
    return absl::InvalidArgumentError(absl::StrCat("temperature is ", options.temperature,
                                                   ", must be a number above 0 (1: as the model was trained)"));
  }
  if (options.threads < 0) {
    return absl::InvalidArgumentError(absl::StrCat("threads is ", options.threads, ", must be 0 (all cores) or more"));
  }
  return absl::OkStatus();
}

struct EncoderFiles {
  WeightsFile weights;
  EncoderConfig config;
  EncoderPrompts prompts;
  std::string sha256;  // of the weights
};

absl::StatusOr<EncoderFiles> OpenGguf(const ModelFiles& files) {
  PRECIS_ASSIGN_OR_RETURN(std::shared_ptr<const GgufFile> file, GgufFile::Open(files.gguf));
  PRECIS_ASSIGN_OR_RETURN(EncoderConfig config, ReadGgufEncoderConfig(*file));
  EncoderFiles opened{.weights = std::move(file), .config = std::move(config), .prompts = {}, .sha256 = {}};
  // The file has no place for what its model card asks for.
  if (opened.config.family == EncoderFamily::kNomicBert) opened.prompts = {"search_query: ", "search_document: "};
  PRECIS_ASSIGN_OR_RETURN(opened.sha256, WeightsSha256({files.gguf}));
  return opened;
}

absl::StatusOr<EncoderFiles> OpenHf(const ModelFiles& files) {
  PRECIS_ASSIGN_OR_RETURN(EncoderConfig config, ReadHfEncoderConfig(files.folder));
  PRECIS_ASSIGN_OR_RETURN(std::shared_ptr<const SafetensorsSet> weights, SafetensorsSet::Open(files.weights));
  PRECIS_ASSIGN_OR_RETURN(std::string sha256, WeightsSha256(weights->paths()));
  PRECIS_ASSIGN_OR_RETURN(EncoderPrompts prompts, ReadEncoderPrompts(files.folder));
  return EncoderFiles{.weights = std::move(weights),
                      .config = std::move(config),
                      .prompts = std::move(prompts),
                      .sha256 = std::move(sha256)};
}

// The window that the caller asks for instead of the files' one.
absl::Status SetWindow(int64_t max_tokens, EncoderConfig* config) {
  if (max_tokens == 0) return absl::OkStatus();
  const bool stretches = config->family == EncoderFamily::kNomicBert && config->head_dim() > 2;
  int64_t most = config->positions();
  if (stretches) most = std::max(most, kMostTrainedLengths * config->trained_positions);
  if (max_tokens < 3 || max_tokens > most) {
    return absl::InvalidArgumentError(absl::StrCat("max_tokens is ", max_tokens, ", this model takes 3 to ", most));
  }
  config->max_tokens = max_tokens;
  if (max_tokens <= config->positions()) return absl::OkStatus();
  config->max_position_embeddings = max_tokens;
  if (config->ntk_factor == 0) config->ntk_factor = kNtkFactor;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<EncoderModel> LoadEncoderModel(const std::string& path, const LoadOptions& options,
                                              const std::string& head) {
  PRECIS_RETURN_IF_ERROR(CheckOptions(options));
  PRECIS_ASSIGN_OR_RETURN(const EncoderNumerics numerics, EncoderNumericsOf(options.numeric_mode));
  EncoderModel model;
  PRECIS_ASSIGN_OR_RETURN(model.isa, ResolveIsa(options.isa));
  PRECIS_ASSIGN_OR_RETURN(const ModelFiles files, FindModelFiles(path));
  PRECIS_ASSIGN_OR_RETURN(EncoderFiles opened, files.kind == ModelKind::kGguf ? OpenGguf(files) : OpenHf(files));
  PRECIS_RETURN_IF_ERROR(SetWindow(options.max_tokens, &opened.config));
  PRECIS_ASSIGN_OR_RETURN(model.tokenizer, LoadTokenizer(path));
  const EncoderConfig& config = opened.config;

  ModelInfo& info = model.info;
  info.name = options.name.empty() ? files.name : options.name;
  info.architecture = config.model_type;
  info.tokenizer_fingerprint = model.tokenizer->fingerprint();
  info.numeric_mode = numerics.name;
  info.weights_bytes = opened.weights.size_bytes();
  info.max_tokens = config.max_tokens;
  info.dimensions = static_cast<int>(config.hidden_size);
  info.pooling = PoolingName(config.pooling);
  info.query_prefix = options.query_prefix.empty() ? opened.prompts.query : options.query_prefix;
  info.document_prefix = options.document_prefix.empty() ? opened.prompts.document : options.document_prefix;
  info.path = path;
  info.fingerprint = EncoderFingerprint(info, config, opened.sha256, options.temperature, head);

  model.temperature = options.temperature;
  PRECIS_ASSIGN_OR_RETURN(model.encoder,
                          BertEncoder::Load(std::move(opened.weights), config, options.check_weights, numerics));
  info.parameters = model.encoder->parameters();
  model.pool = cpu::ThreadPool::Shared(options.threads);
  return model;
}

absl::Status CheckEncoderTokenizer(const EncoderModel& model) {
  const Tokenizer& tokenizer = *model.tokenizer;
  const SpecialTokens& special = tokenizer.special();
  if (special.cls < 0 || special.sep < 0 || tokenizer.special_tokens_added() != 2) {
    return absl::InvalidArgumentError(absl::StrCat("the tokenizer of '", model.info.name,
                                                   "' does not put [CLS] and [SEP] around a text, as BERT needs"));
  }
  const int64_t vocabulary = model.encoder->config().vocabulary_size;
  if (tokenizer.vocabulary_size() > vocabulary) {
    return absl::InvalidArgumentError(absl::StrCat("the tokenizer of '", model.info.name, "' has ",
                                                   tokenizer.vocabulary_size(), " tokens, its encoder ", vocabulary,
                                                   ": they do not belong together"));
  }
  return absl::OkStatus();
}

absl::Status EncoderRunner::Run(std::span<const Sequence> sequences, const CallContext& call, const Sink& sink) {
  const OpContext context{model_.pool.get(), model_.isa};
  std::vector<TokenId> ids;
  std::vector<int64_t> starts, second;
  for (size_t next = 0; next < sequences.size();) {
    const size_t first = next;
    ids.clear();
    second.clear();
    starts.assign(1, 0);
    bool pairs = false;
    do {
      const Sequence& sequence = sequences[next];
      pairs = pairs || sequence.second >= 0;
      ids.insert(ids.end(), sequence.ids.begin(), sequence.ids.end());
      second.push_back(sequence.second >= 0 ? starts.back() + sequence.second : static_cast<int64_t>(ids.size()));
      starts.push_back(static_cast<int64_t>(ids.size()));
      ++next;
    } while (next < sequences.size() && ids.size() + sequences[next].ids.size() <= kBatchTokens);
    PRECIS_ASSIGN_OR_RETURN(const Turnstile::Turn turn, turnstile_.Enter(call));
    if (!pairs) second.clear();
    PRECIS_ASSIGN_OR_RETURN(const MatrixView hidden, model_.encoder->Forward(context, ids, starts, model_.temperature,
                                                                             call, &activations_, second));
    PRECIS_RETURN_IF_ERROR(sink(context, hidden, starts, static_cast<int64_t>(first)));
  }
  return absl::OkStatus();
}

std::vector<std::span<const TokenId>> EvenWindows(std::span<const TokenId> tokens, int64_t room) {
  const int64_t count = static_cast<int64_t>(tokens.size());
  const int64_t windows = std::max<int64_t>(1, (count + room - 1) / room);
  std::vector<std::span<const TokenId>> cut;
  for (int64_t w = 0; w < windows; ++w) {
    const int64_t begin = count * w / windows, end = count * (w + 1) / windows;
    cut.push_back(tokens.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)));
  }
  return cut;
}

}  // namespace precis::engine
