// DistilBERT: BERT with half the layers, without token types, under other names.
#include "models/encoder_family.h"

namespace precis::engine {

EncoderFamilySpec DistilBertSpec() {
  EncoderFamilySpec spec = BertSpec();
  spec.prefixes = {"", "distilbert."};
  spec.types.clear();
  spec.layer = "transformer.layer.";
  spec.qkv = {"attention.q_lin", "attention.k_lin", "attention.v_lin"};
  spec.attention_out = "attention.out_lin";
  spec.attention_norm = "sa_layer_norm";
  spec.ffn_in = {"ffn.lin1"};
  spec.ffn_out = "ffn.lin2";
  spec.ffn_norm = "output_layer_norm";
  return spec;
}

}  // namespace precis::engine
