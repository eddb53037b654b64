// LoadLanguageModel of precis/engine/load.h.
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "formats/hf_decoder_config.h"
#include "formats/model_files.h"
#include "models/decoder.h"
#include "precis/base/hash.h"
#include "precis/base/status_macros.h"
#include "precis/engine/load.h"
#include "runtime/isa_option.h"
#include "runtime/language_model.h"
#include "runtime/load_seq2seq.h"
#include "runtime/memory_plan.h"
#include "runtime/same_vocabulary.h"
#include "runtime/weights_sha256.h"

namespace precis::engine {
namespace {

// Changes whenever a kernel changes a bit of the result.
constexpr const char* kDecoderKernelVersion = "decoder-2";

std::optional<cpu::KvType> KvTypeOf(std::string_view name) {
  if (name == "f32") return cpu::KvType::kF32;
  if (name == "f16") return cpu::KvType::kF16;
  if (name == "int8") return cpu::KvType::kInt8;
  return std::nullopt;
}

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
  if (!options.kv_type.empty() && !KvTypeOf(options.kv_type)) {
    return absl::InvalidArgumentError(
        absl::StrCat("kv_type is '", options.kv_type, "', must be 'f32', 'f16' or 'int8'"));
  }
  if (options.memory_limit_bytes < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("memory_limit_bytes is ", options.memory_limit_bytes, ", must be 0 (no limit) or more"));
  }
  const std::string& speculation = options.speculation;
  if (!speculation.empty() && speculation != "off" && speculation != "lookup" && speculation != "draft") {
    return absl::InvalidArgumentError(
        absl::StrCat("speculation is '", speculation, "', must be 'off', 'lookup' or 'draft'"));
  }
  if (speculation == "draft" && options.draft_path.empty()) {
    return absl::InvalidArgumentError("speculation is 'draft' and there is no draft model: name one, or use 'lookup'");
  }
  return absl::OkStatus();
}

// A model's files with what their headers say.
struct Opened {
  std::string name;
  DecoderFiles files;
  DecoderConfig config;
  std::shared_ptr<const Tokenizer> tokenizer;
};

absl::StatusOr<Opened> OpenModel(const std::string& path) {
  Opened opened;
  PRECIS_ASSIGN_OR_RETURN(const ModelFiles files, FindModelFiles(path));
  opened.name = files.name;
  PRECIS_ASSIGN_OR_RETURN(opened.files, DecoderFiles::Open(files));
  // First what can be refused from the headers alone, then what reads all weights.
  PRECIS_ASSIGN_OR_RETURN(opened.config, opened.files.ReadConfig());
  PRECIS_RETURN_IF_ERROR(CheckDecoderTensors(opened.files, opened.config, /*exact=*/false));
  PRECIS_ASSIGN_OR_RETURN(opened.tokenizer, LoadTokenizer(path));
  if (opened.tokenizer->vocabulary_size() > opened.config.vocabulary) {
    return absl::InvalidArgumentError(absl::StrCat("the tokenizer of '", path, "' knows ",
                                                   opened.tokenizer->vocabulary_size(), " tokens and its weights only ",
                                                   opened.config.vocabulary));
  }
  return opened;
}

// All files that the results come from: the GGUF file, or config.json and the files with weights.
std::vector<std::string> SourcesOf(const DecoderFiles& files) {
  std::vector<std::string> paths = files.paths();
  if (files.gguf() == nullptr) paths.insert(paths.begin(), files.hf()->origin);
  return paths;
}

// The chat template and the tokens after which a text is over, as far as the files say so besides the tokenizer.
absl::Status ReadWaysOfText(const DecoderFiles& files, const std::string& path, LanguageModelParts* parts) {
  if (files.gguf() != nullptr) {
    PRECIS_ASSIGN_OR_RETURN(parts->chat_template, files.gguf()->GetStringOr("tokenizer.chat_template", ""));
    return absl::OkStatus();
  }
  PRECIS_ASSIGN_OR_RETURN(parts->chat_template, ReadHfChatTemplate(path));
  PRECIS_ASSIGN_OR_RETURN(const std::vector<int64_t> ends, ReadHfEnds(path, files.hf()->ends));
  for (const int64_t id : ends) {
    if (id < parts->tokenizer->vocabulary_size()) parts->ends.push_back(static_cast<TokenId>(id));
  }
  return absl::OkStatus();
}

KvLayout LayoutOf(const DecoderConfig& config, cpu::KvType type) {
  return {config.layers, config.kv_heads, config.head_dim, type};
}

int64_t BytesOfPositions(const KvLayout& layout, int64_t positions) {
  return (positions + 63) / 64 * layout.page_bytes();
}

absl::StatusOr<std::shared_ptr<LanguageModel>> Load(const std::string& path, const LoadOptions& options) {
  PRECIS_ASSIGN_OR_RETURN(const cpu::IsaLevel isa, ResolveIsa(options.isa));
  const bool exact = options.numeric_mode == "exact";
  const cpu::KvType own_kv_type = exact ? cpu::KvType::kF32 : cpu::KvType::kF16;
  const cpu::KvType kv_type = KvTypeOf(options.kv_type).value_or(own_kv_type);
  LanguageModelParts parts;
  PRECIS_ASSIGN_OR_RETURN(const Opened opened, OpenModel(path));
  const DecoderConfig& config = opened.config;
  const std::string name = options.name.empty() ? opened.name : options.name;

  const KvLayout layout = LayoutOf(config, kv_type);
  MemoryPlan plan = PlanMemory(opened.files.tensors(), config, exact, options.max_sequences);
  plan.keys_values = options.kv_budget_bytes == 0 ? BytesOfPositions(layout, config.context) : options.kv_budget_bytes;
  if (plan.keys_values < layout.page_bytes()) {
    return absl::InvalidArgumentError(absl::StrCat("kv_budget_bytes is ", options.kv_budget_bytes,
                                                   "; 64 tokens of model '", name, "' alone need ",
                                                   layout.page_bytes()));
  }
  const bool drafts = !options.draft_path.empty() && (options.speculation.empty() || options.speculation == "draft");
  Opened draft;
  MemoryPlan draft_plan;
  if (drafts) {
    PRECIS_ASSIGN_OR_RETURN(draft, OpenModel(options.draft_path));
    PRECIS_RETURN_IF_ERROR(CheckSameVocabulary(*opened.tokenizer, name, *draft.tokenizer, draft.name));
    draft_plan = PlanMemory(draft.files.tensors(), draft.config, exact, options.max_sequences);
    draft_plan.keys_values =
        BytesOfPositions(LayoutOf(draft.config, own_kv_type), plan.keys_values / layout.page_bytes() * 64);
  }
  PRECIS_RETURN_IF_ERROR(CheckMemory(name, plan, draft_plan, options.memory_limit_bytes));

  parts.tokenizer = opened.tokenizer;
  PRECIS_RETURN_IF_ERROR(ReadWaysOfText(opened.files, path, &parts));
  PRECIS_ASSIGN_OR_RETURN(const std::string weights_sha256, WeightsSha256(SourcesOf(opened.files)));
  const auto load = [&](const Opened& model) {
    return Decoder::Load(model.files, exact, isa, options.check_weights, cpu::ThreadPool::Shared(options.threads));
  };
  PRECIS_ASSIGN_OR_RETURN(parts.decoder, load(opened));
  if (drafts) {
    PRECIS_ASSIGN_OR_RETURN(parts.speculation.draft, load(draft));
  }

  ModelInfo& info = parts.info;
  info.name = name;
  info.architecture = config.architecture;
  info.tokenizer_fingerprint = parts.tokenizer->fingerprint();
  info.numeric_mode = exact ? "exact" : "fast";
  info.parameters = parts.decoder->parameters();
  info.weights_bytes = opened.files.size_bytes();
  info.memory_bytes = plan.total() + draft_plan.total();
  info.max_tokens = config.context;
  info.path = path;
  Hasher hasher;
  hasher.Field("decoder").Field(weights_sha256).Field(info.tokenizer_fingerprint).Field(info.numeric_mode);
  hasher.Field(kDecoderKernelVersion);
  // Only where it is not the mode's own: stored fingerprints stay what they are.
  if (kv_type != own_kv_type) hasher.Field("kv-" + options.kv_type);
  info.fingerprint = hasher.FinishHex();

  parts.scheduler = {.model = info.name,
                     .max_sequences = options.max_sequences,
                     .queue_limit = options.queue_limit,
                     .kv_budget_bytes = plan.keys_values,
                     .kv_type = kv_type};
  parts.speculation.lookup = !drafts && options.speculation != "off";
  parts.speculation.draft_kv_budget_bytes = draft_plan.keys_values;
  parts.speculation.vocabulary = config.vocabulary;
  return std::make_shared<DecoderLanguageModel>(std::move(parts));
}

}  // namespace

absl::StatusOr<std::shared_ptr<LanguageModel>> LoadLanguageModel(const std::string& path, const LoadOptions& options) {
  try {
    PRECIS_RETURN_IF_ERROR(CheckOptions(options));
    PRECIS_ASSIGN_OR_RETURN(const ModelFiles files, FindModelFiles(path));
    PRECIS_ASSIGN_OR_RETURN(const bool seq2seq, IsSeq2Seq(files));
    return seq2seq ? LoadSeq2Seq(files, options) : Load(path, options);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError(absl::StrCat("not enough memory to load '", path, "'"));
  }
}

}  // namespace precis::engine
