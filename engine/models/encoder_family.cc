#include "models/encoder_family.h"

#include <utility>

namespace precis::engine {
namespace {

// llama.cpp has one set of names for all architectures.
EncoderFamilySpec WithGgufNames(EncoderFamilySpec spec) {
  spec.prefixes = {""};
  spec.words = "token_embd";
  if (!spec.positions.empty()) spec.positions = "position_embd";
  spec.types = "token_types";
  spec.embedding_norm = "token_embd_norm";
  spec.layer = "blk.";
  spec.qkv = {"attn_qkv"};
  spec.qkv_otherwise = {"attn_q", "attn_k", "attn_v"};
  spec.attention_out = "attn_output";
  spec.attention_norm = "attn_output_norm";
  spec.ffn_in = {"ffn_up"};
  if (spec.gated_ffn) spec.ffn_in = {"ffn_gate", "ffn_up"};
  spec.ffn_out = "ffn_down";
  spec.ffn_norm = "layer_output_norm";
  return spec;
}

EncoderFamilySpec HfSpecOf(EncoderFamily family) {
  switch (family) {
    case EncoderFamily::kBert:
      break;
    case EncoderFamily::kRoberta:
      return RobertaSpec();
    case EncoderFamily::kMpnet:
      return MpnetSpec();
    case EncoderFamily::kDistilBert:
      return DistilBertSpec();
    case EncoderFamily::kNomicBert:
      return NomicBertSpec();
    case EncoderFamily::kModernBert:
      return ModernBertSpec();
  }
  return BertSpec();
}

}  // namespace

EncoderFamilySpec BertSpec() {
  EncoderFamilySpec spec;
  spec.prefixes = {"", "bert."};
  spec.words = "embeddings.word_embeddings";
  spec.positions = "embeddings.position_embeddings";
  spec.types = "embeddings.token_type_embeddings";
  spec.embedding_norm = "embeddings.LayerNorm";
  spec.layer = "encoder.layer.";
  spec.qkv = {"attention.self.query", "attention.self.key", "attention.self.value"};
  spec.attention_out = "attention.output.dense";
  spec.attention_norm = "attention.output.LayerNorm";
  spec.ffn_in = {"intermediate.dense"};
  spec.ffn_out = "output.dense";
  spec.ffn_norm = "output.LayerNorm";
  return spec;
}

EncoderFamilySpec SpecOf(const EncoderConfig& config, bool gguf) {
  EncoderFamilySpec spec = HfSpecOf(config.family);
  return gguf ? WithGgufNames(std::move(spec)) : spec;
}

}  // namespace precis::engine
