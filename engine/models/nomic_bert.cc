// NomicBERT: BERT with rotary positions and a SwiGLU feed-forward, without biases in the published models. Texts longer
// than those of its training take dynamic NTK (EncoderConfig::ntk_factor).
#include "models/encoder_family.h"

namespace precis::engine {

EncoderFamilySpec NomicBertSpec() {
  EncoderFamilySpec spec = BertSpec();
  spec.positions.clear();
  spec.embedding_norm = "emb_ln";
  spec.layer = "encoder.layers.";
  spec.qkv = {"attn.Wqkv"};
  spec.attention_out = "attn.out_proj";
  spec.attention_norm = "norm1";
  spec.ffn_in = {"mlp.fc12", "mlp.fc11"};
  spec.ffn_out = "mlp.fc2";
  spec.ffn_norm = "norm2";
  spec.gated_ffn = true;
  return spec;
}

}  // namespace precis::engine
