// MPNet: BERT without token types; each head adds to the score of a query and a key a number learned for their
// distance, the same in all layers (buckets as T5's, ops/relative_position.h). Positions begin at 2.
#include "models/encoder_family.h"

namespace precis::engine {

EncoderFamilySpec MpnetSpec() {
  EncoderFamilySpec spec = BertSpec();
  spec.prefixes = {"", "mpnet."};
  spec.types.clear();
  spec.relative_bias = "encoder.relative_attention_bias";
  spec.qkv = {"attention.attn.q", "attention.attn.k", "attention.attn.v"};
  spec.attention_out = "attention.attn.o";
  spec.attention_norm = "attention.LayerNorm";
  spec.double_separator = true;
  return spec;
}

}  // namespace precis::engine
