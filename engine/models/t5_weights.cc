#include "models/t5_weights.h"

#include <map>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "formats/dequantize.h"
#include "models/weight_reader.h"
#include "precis/base/status_macros.h"

namespace precis::engine {
namespace {

using Shapes = std::map<std::string, std::vector<int64_t>>;

// Where a side of the model has its feed-forward: behind the attentions.
std::string FfnOf(bool decoder) { return decoder ? "layer.2." : "layer.1."; }

void AddSide(const HfT5Config& c, bool decoder, Shapes* shapes) {
  const std::string side = decoder ? "decoder." : "encoder.";
  for (int64_t l = 0; l < (decoder ? c.decoder_layers : c.encoder_layers); ++l) {
    const std::string block = absl::StrCat(side, "block.", l, ".");
    for (const char* attention : {"layer.0.SelfAttention.", "layer.1.EncDecAttention."}) {
      const std::string at = attention;
      if (!decoder && at.starts_with("layer.1")) continue;
      for (const char* name : {"q", "k", "v"}) (*shapes)[block + at + name + ".weight"] = {c.inner(), c.hidden};
      (*shapes)[block + at + "o.weight"] = {c.hidden, c.inner()};
      (*shapes)[block + at.substr(0, 8) + "layer_norm.weight"] = {c.hidden};
    }
    const std::string ffn = block + FfnOf(decoder);
    for (const char* name : {"wi", "wi_0", "wi_1"}) {
      if (c.gated == (std::string(name) != "wi")) {
        (*shapes)[ffn + "DenseReluDense." + name + ".weight"] = {c.ffn, c.hidden};
      }
    }
    (*shapes)[ffn + "DenseReluDense.wo.weight"] = {c.hidden, c.ffn};
    (*shapes)[ffn + "layer_norm.weight"] = {c.hidden};
  }
  (*shapes)[side + "block.0.layer.0.SelfAttention.relative_attention_bias.weight"] = {c.buckets, c.heads};
  (*shapes)[side + "final_layer_norm.weight"] = {c.hidden};
}

// Copies of shared.weight, and a table that old files have and no version of the model reads.
bool MayIgnore(const std::string& name) {
  static const std::set<std::string> kNames = {
      "encoder.embed_tokens.weight", "decoder.embed_tokens.weight",
      "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"};
  return kNames.contains(name);
}

absl::StatusOr<T5Layer> ReadLayer(const HfT5Config& c, bool decoder, int64_t index, WeightReader* reader) {
  const std::string block = absl::StrCat(decoder ? "decoder.block." : "encoder.block.", index, ".");
  const std::string self = block + "layer.0.SelfAttention.", cross = block + "layer.1.EncDecAttention.";
  const std::string ffn = block + FfnOf(decoder) + "DenseReluDense.";
  const auto stacked = [&](const std::vector<std::string>& names, int64_t outputs, int64_t inputs) {
    return reader->Stacked(names, outputs, inputs, /*bias=*/false);
  };
  T5Layer layer;
  PRECIS_ASSIGN_OR_RETURN(layer.attention_norm, reader->GetValues(block + "layer.0.layer_norm.weight", {c.hidden}));
  PRECIS_ASSIGN_OR_RETURN(layer.qkv, stacked({self + "q", self + "k", self + "v"}, c.inner(), c.hidden));
  PRECIS_ASSIGN_OR_RETURN(layer.attention_out, stacked({self + "o"}, c.hidden, c.inner()));
  if (decoder) {
    PRECIS_ASSIGN_OR_RETURN(layer.cross_norm, reader->GetValues(block + "layer.1.layer_norm.weight", {c.hidden}));
    PRECIS_ASSIGN_OR_RETURN(layer.cross_q, stacked({cross + "q"}, c.inner(), c.hidden));
    PRECIS_ASSIGN_OR_RETURN(layer.cross_kv, stacked({cross + "k", cross + "v"}, c.inner(), c.hidden));
    PRECIS_ASSIGN_OR_RETURN(layer.cross_out, stacked({cross + "o"}, c.hidden, c.inner()));
  }
  PRECIS_ASSIGN_OR_RETURN(layer.ffn_norm, reader->GetValues(block + FfnOf(decoder) + "layer_norm.weight", {c.hidden}));
  const std::vector<std::string> in =
      c.gated ? std::vector<std::string>{ffn + "wi_0", ffn + "wi_1"} : std::vector<std::string>{ffn + "wi"};
  PRECIS_ASSIGN_OR_RETURN(layer.ffn_in, stacked(in, c.ffn, c.hidden));
  PRECIS_ASSIGN_OR_RETURN(layer.ffn_out, stacked({ffn + "wo"}, c.hidden, c.ffn));
  return layer;
}

}  // namespace

absl::Status CheckT5Tensors(const TensorTable& tensors, const HfT5Config& c) {
  Shapes shapes = {{"shared.weight", {c.vocabulary, c.hidden}}};
  AddSide(c, false, &shapes);
  AddSide(c, true, &shapes);
  if (tensors.Find("lm_head.weight") != nullptr) shapes["lm_head.weight"] = {c.vocabulary, c.hidden};
  for (const auto& [name, shape] : shapes) {
    PRECIS_ASSIGN_OR_RETURN(const TensorView* tensor, tensors.Get(name, shape));
    if (!CanDequantize(tensor->type)) {
      return absl::UnimplementedError(absl::StrCat("tensor '", name, "' of '", tensors.origin(), "' has the type ",
                                                   TypeName(tensor->type), ", which is not supported"));
    }
  }
  for (const TensorView& tensor : tensors.all()) {
    if (shapes.contains(tensor.name) || MayIgnore(tensor.name)) continue;
    return absl::UnimplementedError(absl::StrCat("tensor '", tensor.name, "' of '", tensors.origin(), "' is none of a ",
                                                 c.model_type, " model with this config.json"));
  }
  return absl::OkStatus();
}

absl::StatusOr<T5Weights> LoadT5Weights(const SafetensorsSet& file, const HfT5Config& c, bool check_values) {
  PRECIS_RETURN_IF_ERROR(CheckT5Tensors(file.tensors(), c));
  WeightReader reader(file.tensors(), "", check_values);
  T5Weights w;
  for (int64_t l = 0; l < c.encoder_layers; ++l) {
    PRECIS_ASSIGN_OR_RETURN(w.encoder.emplace_back(), ReadLayer(c, false, l, &reader));
  }
  for (int64_t l = 0; l < c.decoder_layers; ++l) {
    PRECIS_ASSIGN_OR_RETURN(w.decoder.emplace_back(), ReadLayer(c, true, l, &reader));
  }
  const std::string bias = "block.0.layer.0.SelfAttention.relative_attention_bias.weight";
  PRECIS_ASSIGN_OR_RETURN(w.encoder_bias, reader.GetValues("encoder." + bias, {c.buckets, c.heads}));
  PRECIS_ASSIGN_OR_RETURN(w.decoder_bias, reader.GetValues("decoder." + bias, {c.buckets, c.heads}));
  PRECIS_ASSIGN_OR_RETURN(w.encoder_norm, reader.GetValues("encoder.final_layer_norm.weight", {c.hidden}));
  PRECIS_ASSIGN_OR_RETURN(w.decoder_norm, reader.GetValues("decoder.final_layer_norm.weight", {c.hidden}));
  PRECIS_ASSIGN_OR_RETURN(w.words, reader.Get("shared.weight", {c.vocabulary, c.hidden}));
  const bool own_head = reader.Has("lm_head.weight");
  // Checked here too when the head is another matrix: its rows are read without.
  if (check_values && own_head) PRECIS_RETURN_IF_ERROR(reader.Values(*w.words).status());
  const int64_t before = reader.parameters();
  PRECIS_ASSIGN_OR_RETURN(w.head, reader.Stacked({own_head ? "lm_head" : "shared"}, c.vocabulary, c.hidden, false));
  w.parameters = own_head ? reader.parameters() : before;
  for (const TensorView& tensor : file.tensors().all()) {
    if (&tensor != w.words) file.Release(tensor);  // repacked
  }
  return w;
}

}  // namespace precis::engine
