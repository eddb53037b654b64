// ModernBERT: norms before the parts of a layer, rotary positions with one base for layers that see everything and
// another for those that see a window, a GeGLU feed-forward, no biases in the published models.
#include "models/encoder_family.h"

namespace precis::engine {

EncoderFamilySpec ModernBertSpec() {
  EncoderFamilySpec spec;
  spec.prefixes = {"", "model."};
  spec.words = "embeddings.tok_embeddings";
  spec.embedding_norm = "embeddings.norm";
  spec.final_norm = "final_norm";
  spec.layer = "layers.";
  spec.qkv = {"attn.Wqkv"};
  spec.attention_out = "attn.Wo";
  spec.attention_norm = "attn_norm";
  spec.ffn_in = {"mlp.Wi"};
  spec.ffn_out = "mlp.Wo";
  spec.ffn_norm = "mlp_norm";
  spec.gated_ffn = true;
  spec.pre_norm = true;
  spec.first_layer_norm = false;  // the embeddings' norm stands there already
  return spec;
}

}  // namespace precis::engine
