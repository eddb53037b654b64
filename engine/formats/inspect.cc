#include "formats/inspect.h"

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "formats/dequantize.h"
#include "formats/gguf.h"
#include "formats/gguf_encoder_config.h"
#include "formats/hf_config.h"
#include "formats/model_files.h"
#include "formats/safetensors_set.h"
#include "precis/base/status_macros.h"

namespace precis::engine {
namespace {

bool IsNumberOfModel(TensorType type) {
  // Integer tensors are tables such as BERT's position ids, not weights.
  return type != TensorType::kI64 && type != TensorType::kI32 && type != TensorType::kBool;
}

void DescribeEncoder(const EncoderConfig& config, ModelFileInfo* info) {
  info->kind = "encoder";
  info->model.architecture = config.model_type;
  info->model.dimensions = static_cast<int>(config.hidden_size);
  info->model.max_tokens = config.max_tokens;
  info->model.pooling = PoolingName(config.pooling);
  DescribeNumber("layers", config.layers, info);
  DescribeNumber("width", config.hidden_size, info);
  DescribeNumber("heads", config.attention_heads, info);
  DescribeNumber("feed-forward width", config.intermediate_size, info);
  DescribeNumber("context", config.max_tokens, info);
  DescribeNumber("vocabulary", config.vocabulary_size, info);
  absl::StrAppend(&info->description, "pooling: ", info->model.pooling, "\n");
  if (config.rope_base > 0) absl::StrAppend(&info->description, "rotary positions: base ", config.rope_base, "\n");
  if (config.local_reach > 0) DescribeNumber("tokens seen on each side in local layers", config.local_reach, info);
  // BertForSequenceClassification: "SequenceClassification", a head; BertModel has none.
  if (const size_t at = config.architecture.find("For"); at != std::string::npos) {
    const std::string head = config.architecture.substr(at + 3);
    absl::StrAppend(&info->description, "head: ", head);
    if (head.ends_with("Classification")) absl::StrAppend(&info->description, ", labels: ", config.labels.size());
    absl::StrAppend(&info->description, "\n");
  }
}

absl::StatusOr<ModelFileInfo> InspectGguf(const ModelFiles& files) {
  PRECIS_ASSIGN_OR_RETURN(const std::shared_ptr<const GgufFile> file, GgufFile::Open(files.gguf));
  PRECIS_ASSIGN_OR_RETURN(const std::string architecture, file->Architecture());
  ModelFileInfo info;
  info.kind = "unknown";
  info.model.architecture = architecture;
  info.model.weights_bytes = file->size_bytes();
  info.description = absl::StrCat("format: GGUF version ", file->version(), "\n");
  if (IsGgufEncoder(architecture)) {
    const auto config = ReadGgufEncoderConfig(*file);
    if (config.ok()) {
      DescribeEncoder(*config, &info);
    } else if (absl::IsUnimplemented(config.status())) {
      info.kind = "encoder";
      info.reason = std::string(config.status().message());
    } else {
      return config.status();
    }
  } else {
    info.reason = absl::StrCat("the architecture '", architecture, "' is not supported; encoders of the types ",
                               GgufEncoderNames(), " are");
  }
  DescribeTensors(file->tensors(), &info);
  return info;
}

absl::StatusOr<ModelFileInfo> InspectHf(const ModelFiles& files) {
  PRECIS_ASSIGN_OR_RETURN(const std::shared_ptr<const SafetensorsSet> file, SafetensorsSet::Open(files.weights));
  ModelFileInfo info;
  info.model.weights_bytes = file->size_bytes();
  info.description = "format: Hugging Face folder with safetensors\n";
  const auto config = ReadHfEncoderConfig(files.folder);
  if (config.ok()) {
    DescribeEncoder(*config, &info);
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

void DescribeNumber(const char* label, int64_t value, ModelFileInfo* info) {
  absl::StrAppend(&info->description, label, ": ", value, "\n");
}

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

absl::StatusOr<ModelFileInfo> InspectEncoder(const ModelFiles& files) {
  return files.kind == ModelKind::kGguf ? InspectGguf(files) : InspectHf(files);
}

}  // namespace precis::engine
