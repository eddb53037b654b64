// InspectModel of precis/engine/load.h: what a model is, what it needs and whether it runs, from its headers.
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "formats/inspect.h"
#include "formats/model_files.h"
#include "models/decoder_config.h"
#include "models/decoder_files.h"
#include "models/decoder_weights.h"
#include "ops/kv_layout.h"
#include "precis/base/status_macros.h"
#include "precis/engine/load.h"
#include "runtime/load_seq2seq.h"
#include "runtime/memory_plan.h"

namespace precis::engine {
namespace {

// Whether the files are a decoder's by the name that they give themselves; the first sign that they are nothing at all
// is the caller's to meet.
absl::StatusOr<bool> IsDecoder(const ModelFiles& files) {
  if (files.kind == ModelKind::kHfFolder) {
    PRECIS_ASSIGN_OR_RETURN(const std::string type, ReadHfModelType(files.folder));
    return IsHfDecoder(type);
  }
  PRECIS_ASSIGN_OR_RETURN(const auto gguf, GgufFile::Open(files.gguf));
  PRECIS_ASSIGN_OR_RETURN(const std::string architecture, gguf->Architecture());
  return IsGgufDecoder(architecture);
}

std::string RopeText(const ops::RopeConfig& rope) {
  std::string text = absl::StrCat("base ", rope.base);
  if (rope.rotary_dim != rope.head_dim) absl::StrAppend(&text, ", ", rope.rotary_dim, " of ", rope.head_dim, " values");
  if (rope.scaling.kind != RopeScalingKind::kNone) {
    absl::StrAppend(&text, ", scaling ", RopeScalingName(rope.scaling.kind));
    if (rope.scaling.factor != 1) absl::StrAppend(&text, " by ", rope.scaling.factor);
  }
  return text;
}

void Describe(const DecoderConfig& c, ModelFileInfo* info) {
  info->model.architecture = c.architecture;
  info->model.max_tokens = c.context;
  DescribeNumber("layers", c.layers, info);
  DescribeNumber("width", c.hidden, info);
  DescribeNumber("heads", c.heads, info);
  DescribeNumber("key-value heads", c.kv_heads, info);
  DescribeNumber("values of a head", c.head_dim, info);
  DescribeNumber("feed-forward width", c.ffn, info);
  DescribeNumber("context", c.context, info);
  if (c.window > 0) DescribeNumber("sliding window", c.window, info);
  DescribeNumber("vocabulary", c.vocabulary, info);
  absl::StrAppend(&info->description, "rotary positions: ", RopeText(c.rope), "\n");
}

// The first reason not to run it; OK: there is none. Fills in what is known by then.
absl::Status Check(const DecoderFiles& files, const std::string& path, Inspection inspection, ModelFileInfo* info) {
  if (files.tensors().all().empty()) return absl::NotFoundError("the file has no weights, only a vocabulary");
  PRECIS_ASSIGN_OR_RETURN(const DecoderConfig config, files.ReadConfig());
  Describe(config, info);
  PRECIS_RETURN_IF_ERROR(CheckDecoderTensors(files, config, /*exact=*/false));
  info->memory_bytes = PlanMemory(files.tensors(), config, /*exact=*/false, /*max_sequences=*/1).weights;
  info->kv_bytes_per_token =
      KvLayout{config.layers, config.kv_heads, config.head_dim, cpu::KvType::kF16}.page_bytes() / 64;
  if (inspection == Inspection::kHeaders) return absl::OkStatus();
  const auto tokenizer = LoadTokenizer(path);
  if (!tokenizer.ok()) return tokenizer.status();
  if ((*tokenizer)->vocabulary_size() > config.vocabulary) {
    return absl::InvalidArgumentError(absl::StrCat("the tokenizer knows ", (*tokenizer)->vocabulary_size(),
                                                   " tokens and the weights only ", config.vocabulary));
  }
  return absl::OkStatus();
}

absl::StatusOr<ModelFileInfo> InspectDecoder(const ModelFiles& found, const std::string& path, Inspection inspection) {
  ModelFileInfo info;
  info.kind = "decoder";
  const auto files = DecoderFiles::Open(found);
  if (absl::IsUnimplemented(files.status())) {  // whole, but asks for what is not here
    info.description = "format: Hugging Face folder with safetensors\n";
    PRECIS_ASSIGN_OR_RETURN(info.model.architecture, ReadHfModelType(found.folder));
    info.reason = std::string(files.status().message());
    return info;
  }
  if (!files.ok()) return files.status();
  info.model.weights_bytes = files->size_bytes();
  if (files->gguf() != nullptr) {
    info.description = absl::StrCat("format: GGUF version ", files->gguf()->version(), "\n");
    PRECIS_ASSIGN_OR_RETURN(info.model.architecture, files->gguf()->Architecture());
  } else {
    info.description = "format: Hugging Face folder with safetensors";
    absl::StrAppend(&info.description,
                    files->paths().size() > 1 ? absl::StrCat(" in ", files->paths().size(), " parts\n") : "\n");
    info.model.architecture = files->hf()->model_type;
  }
  info.reason = std::string(Check(*files, path, inspection, &info).message());
  DescribeTensors(files->tensors(), &info);
  return info;
}

}  // namespace

absl::StatusOr<ModelFileInfo> InspectModel(const std::string& path, Inspection inspection) {
  PRECIS_ASSIGN_OR_RETURN(const ModelFiles files, FindModelFiles(path));
  PRECIS_ASSIGN_OR_RETURN(const bool seq2seq, IsSeq2Seq(files));
  PRECIS_ASSIGN_OR_RETURN(const bool decoder, IsDecoder(files));
  PRECIS_ASSIGN_OR_RETURN(ModelFileInfo info, seq2seq   ? InspectSeq2Seq(files, inspection)
                                              : decoder ? InspectDecoder(files, path, inspection)
                                                        : InspectEncoder(files));
  if (info.kind == "unknown") {
    const bool gguf = files.kind == ModelKind::kGguf;
    absl::StrAppend(&info.reason, "; decoders of the types ", gguf ? GgufDecoderNames() : HfDecoderNames(),
                    gguf ? " are" : ", and the encoder-decoders t5 and mt5, are");
  }
  info.model.name = files.name;
  info.model.path = path;
  info.supported = info.reason.empty();
  absl::StrAppend(&info.description, "parameters: ", info.model.parameters, "\nbytes: ", info.model.weights_bytes,
                  "\n");
  return info;
}

}  // namespace precis::engine
