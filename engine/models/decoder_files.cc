#include "models/decoder_files.h"

#include <string_view>

#include "absl/strings/str_cat.h"
#include "precis/base/status_macros.h"

namespace precis::engine {
namespace {

struct Names {
  const char* gguf;
  const char* hf;
};

constexpr Names kModelNames[] = {
    {"token_embd.weight", "model.embed_tokens.weight"},
    {"output_norm.weight", "model.norm.weight"},
    {"output.weight", "lm_head.weight"},
};

// Of a layer, without its number. The first whose name fits counts.
constexpr Names kPostNormNames[] = {
    {"post_attention_norm", "post_attention_layernorm"},
    {"ffn_norm", "pre_feedforward_layernorm"},
    {"post_ffw_norm", "post_feedforward_layernorm"},
};
constexpr Names kFusedNames[] = {
    {"ffn_up", "mlp.gate_up_proj"},
};
constexpr Names kLayerNames[] = {
    {"attn_norm", "input_layernorm"},    {"ffn_norm", "post_attention_layernorm"},
    {"attn_q", "self_attn.q_proj"},      {"attn_k", "self_attn.k_proj"},
    {"attn_v", "self_attn.v_proj"},      {"attn_qkv", "self_attn.qkv_proj"},
    {"attn_q_norm", "self_attn.q_norm"}, {"attn_k_norm", "self_attn.k_norm"},
    {"attn_output", "self_attn.o_proj"}, {"ffn_gate", "mlp.gate_proj"},
    {"ffn_up", "mlp.up_proj"},           {"ffn_down", "mlp.down_proj"},
};

template <size_t N>
const char* Find(const Names (&names)[N], std::string_view gguf) {
  for (const Names& n : names) {
    if (gguf == n.gguf) return n.hf;
  }
  return nullptr;
}

std::string HfName(const std::string& name, const DecoderConfig& config) {
  if (const char* found = Find(kModelNames, name); found != nullptr) return found;
  // "blk.12.attn_q.weight": number, part, kind.
  const size_t number = std::string_view("blk.").size(), dot = name.find('.', number), end = name.rfind('.');
  if (!name.starts_with("blk.") || dot == std::string::npos || end <= dot) return name;
  const std::string_view part = std::string_view(name).substr(dot + 1, end - dot - 1);
  const char* found = config.post_norms ? Find(kPostNormNames, part) : nullptr;
  if (found == nullptr && config.fused_gate_up) found = Find(kFusedNames, part);
  if (found == nullptr) found = Find(kLayerNames, part);
  if (found == nullptr) return name;
  return absl::StrCat("model.layers.", name.substr(number, dot - number), ".", found, name.substr(end));
}

}  // namespace

absl::StatusOr<DecoderFiles> DecoderFiles::Open(const ModelFiles& files) {
  if (files.kind == ModelKind::kGguf) {
    PRECIS_ASSIGN_OR_RETURN(std::shared_ptr<const GgufFile> gguf, GgufFile::Open(files.gguf));
    return DecoderFiles(std::move(gguf));
  }
  PRECIS_ASSIGN_OR_RETURN(HfDecoderConfig config, ReadHfDecoderConfig(files.folder));
  PRECIS_ASSIGN_OR_RETURN(std::shared_ptr<const SafetensorsSet> weights, SafetensorsSet::Open(files.weights));
  return Hf(std::move(config), std::move(weights));
}

DecoderFiles DecoderFiles::Hf(HfDecoderConfig config, std::shared_ptr<const SafetensorsSet> weights) {
  DecoderFiles files;
  files.hf_ = std::make_shared<const HfDecoderConfig>(std::move(config));
  files.safetensors_ = std::move(weights);
  return files;
}

absl::StatusOr<DecoderConfig> DecoderFiles::ReadConfig() const {
  return gguf_ != nullptr ? ReadDecoderConfig(*gguf_) : ReadDecoderConfig(*hf_);
}

const TensorTable& DecoderFiles::tensors() const {
  return gguf_ != nullptr ? gguf_->tensors() : safetensors_->tensors();
}

std::vector<std::string> DecoderFiles::paths() const {
  return gguf_ != nullptr ? std::vector<std::string>{gguf_->path()} : safetensors_->paths();
}

int64_t DecoderFiles::size_bytes() const { return gguf_ != nullptr ? gguf_->size_bytes() : safetensors_->size_bytes(); }

void DecoderFiles::Release(const TensorView& tensor) const {
  gguf_ != nullptr ? gguf_->Release(tensor) : safetensors_->Release(tensor);
}

std::string DecoderFiles::TensorName(const std::string& name, const DecoderConfig& config) const {
  return gguf_ != nullptr ? name : HfName(name, config);
}

bool DecoderFiles::MayIgnore(const std::string& name, const DecoderConfig& config) const {
  if (gguf_ != nullptr) {
    return name == "rope_freqs.weight" || name == "rope_factors_long.weight" || name == "rope_factors_short.weight";
  }
  // Some programs write the shared matrix twice; old ones wrote RoPE's frequencies down.
  return name.ends_with(".rotary_emb.inv_freq") || (config.tied && name == "lm_head.weight");
}

}  // namespace precis::engine
