// InspectModel of precis/engine/load.h: what a model file is, from its header alone.
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "formats/dequantize.h"
#include "formats/gguf.h"
#include "formats/hf_config.h"
#include "formats/model_files.h"
#include "formats/safetensors.h"
#include "precis/base/status_macros.h"
#include "precis/engine/load.h"

namespace precis::engine {
namespace {

constexpr std::string_view kDecoders[] = {"llama", "qwen2", "gemma3"};

bool IsNumberOfModel(TensorType type) {
  // Integer tensors are tables such as BERT's position ids, not weights.
  return type != TensorType::kI64 && type != TensorType::kI32 && type != TensorType::kBool;
}

// Counts weights and adds "tensors: F32 61, Q4_1 210" to the description. The first type that cannot be read as weights
// becomes the reason.
void DescribeTensors(const TensorTable& tensors, ModelFileInfo* info) {
  std::map<std::string_view, int64_t> counts;
  for (const TensorView& tensor : tensors.all()) {
    ++counts[TypeName(tensor.type)];
    if (!IsNumberOfModel(tensor.type)) continue;
    info->model.parameters += tensor.elements();
    if (!CanDequantize(tensor.type) && info->reason.empty()) {
      info->reason = absl::StrCat("tensor '", tensor.name, "' has the type ", TypeName(tensor.type),
                                  ", which is not supported: use a model quantised as Q4_K_M or Q8_0");
    }
  }
  absl::StrAppend(&info->description, "tensors: ", tensors.all().size());
  const char* separator = " (";
  for (const auto& [type, count] : counts) {
    absl::StrAppend(&info->description, separator, std::string(type), " ", count);
    separator = ", ";
  }
  absl::StrAppend(&info->description, counts.empty() ? "\n" : ")\n");
}

// "heads: 9" for the key "llama.attention.head_count", if it is there as a whole number.
void DescribeNumber(const GgufFile& file, const std::string& key, const char* label, ModelFileInfo* info) {
  const auto value = file.GetU64(key);
  if (value.ok()) absl::StrAppend(&info->description, label, ": ", *value, "\n");
}

absl::StatusOr<ModelFileInfo> InspectGguf(const ModelFiles& files) {
  PRECIS_ASSIGN_OR_RETURN(const std::shared_ptr<const GgufFile> file, GgufFile::Open(files.gguf));
  PRECIS_ASSIGN_OR_RETURN(const std::string architecture, file->Architecture());
  ModelFileInfo info;
  info.model.architecture = architecture;
  info.model.weights_bytes = file->size_bytes();
  info.description = absl::StrCat("format: GGUF version ", file->version(), "\n");
  const std::string prefix = architecture + ".";
  DescribeNumber(*file, prefix + "block_count", "layers", &info);
  DescribeNumber(*file, prefix + "embedding_length", "width", &info);
  DescribeNumber(*file, prefix + "attention.head_count", "heads", &info);
  DescribeNumber(*file, prefix + "attention.head_count_kv", "key-value heads", &info);
  DescribeNumber(*file, prefix + "feed_forward_length", "feed-forward width", &info);
  DescribeNumber(*file, prefix + "context_length", "context", &info);
  if (const auto context = file->GetI64(prefix + "context_length"); context.ok()) info.model.max_tokens = *context;
  if (const auto tokens = file->ArraySize("tokenizer.ggml.tokens"); tokens.ok()) {
    absl::StrAppend(&info.description, "vocabulary: ", *tokens, "\n");
  }
  for (std::string_view decoder : kDecoders) {
    if (architecture == decoder) info.kind = "decoder";
  }
  if (info.kind.empty()) {
    info.kind = "unknown";
    info.reason = absl::StrCat("the architecture '", architecture,
                               "' is not supported; as GGUF files, llama, qwen2 and gemma3 are");
  }
  DescribeTensors(file->tensors(), &info);
  if (file->tensors().all().empty() && info.reason.empty()) info.reason = "the file has no weights, only a vocabulary";
  return info;
}

absl::StatusOr<ModelFileInfo> InspectHf(const ModelFiles& files) {
  PRECIS_ASSIGN_OR_RETURN(const std::shared_ptr<const SafetensorsFile> file, SafetensorsFile::Open(files.weights));
  ModelFileInfo info;
  info.model.weights_bytes = file->size_bytes();
  info.description = "format: Hugging Face folder with safetensors\n";
  const auto config = ReadHfEncoderConfig(files.folder);
  if (config.ok()) {
    info.kind = "encoder";
    info.model.architecture = config->model_type;
    info.model.dimensions = static_cast<int>(config->hidden_size);
    info.model.max_tokens = config->max_tokens;
    info.model.pooling = PoolingName(config->pooling);
    absl::StrAppend(&info.description, "layers: ", config->layers, "\nwidth: ", config->hidden_size,
                    "\nheads: ", config->attention_heads, "\nfeed-forward width: ", config->intermediate_size,
                    "\ncontext: ", config->max_tokens, "\nvocabulary: ", config->vocabulary_size,
                    "\npooling: ", info.model.pooling, "\n");
  } else if (absl::IsUnimplemented(config.status())) {
    info.kind = "unknown";
    info.reason = std::string(config.status().message());
  } else {
    return config.status();
  }
  if (files.tokenizer.empty() && info.reason.empty()) info.reason = "the folder has no tokenizer.json";
  DescribeTensors(file->tensors(), &info);
  return info;
}

}  // namespace

absl::StatusOr<ModelFileInfo> InspectModel(const std::string& path) {
  PRECIS_ASSIGN_OR_RETURN(const ModelFiles files, FindModelFiles(path));
  PRECIS_ASSIGN_OR_RETURN(ModelFileInfo info, files.kind == ModelKind::kGguf ? InspectGguf(files) : InspectHf(files));
  info.model.name = files.name;
  info.model.path = path;
  info.supported = info.reason.empty();
  absl::StrAppend(&info.description, "parameters: ", info.model.parameters, "\nbytes: ", info.model.weights_bytes,
                  "\n");
  return info;
}

}  // namespace precis::engine
