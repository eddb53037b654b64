// What one family of encoders is: how its files call the tensors, and the choices in which its network differs.
// bert.h runs any of them.
#pragma once

#include <string>
#include <vector>

#include "formats/encoder_config.h"

namespace precis::engine {

struct EncoderFamilySpec {
  // What may stand before all names; the first with which the word table is there. Never empty.
  std::vector<std::string> prefixes = {""};

  // Tables and norms; empty where the family has none. A norm's name goes without ".weight" and ".bias".
  std::string words, positions, types, embedding_norm, relative_bias, final_norm;

  // Of a layer: `layer` + number + "." + name. A dense layer's name goes without ".weight" and ".bias".
  std::string layer;
  std::vector<std::string> qkv;            // three [hidden, hidden], or one with all rows
  std::vector<std::string> qkv_otherwise;  // the names in files that have not those; empty: none
  std::string attention_out, attention_norm;
  std::vector<std::string> ffn_in;  // gated: gate, then up, or one with both; else one
  std::string ffn_out, ffn_norm;

  bool gated_ffn = false;         // activation(gate) * up
  bool pre_norm = false;          // norms stand before attention and feed-forward, and one after the last layer
  bool first_layer_norm = true;   // false: layer 0 has no norm before attention
  bool double_separator = false;  // a pair is <s> a </s></s> b </s>, else [CLS] a [SEP] b [SEP]
};

EncoderFamilySpec BertSpec();        // arXiv 1810.04805
EncoderFamilySpec RobertaSpec();     // arXiv 1907.11692; XLM-RoBERTa, arXiv 1911.02116
EncoderFamilySpec MpnetSpec();       // arXiv 2004.09297
EncoderFamilySpec DistilBertSpec();  // arXiv 1910.01108
EncoderFamilySpec NomicBertSpec();   // arXiv 2402.01613
EncoderFamilySpec ModernBertSpec();  // arXiv 2412.13663

// The names of a Hugging Face file, or those of a GGUF file (bert and nomic-bert only).
EncoderFamilySpec SpecOf(const EncoderConfig& config, bool gguf);

}  // namespace precis::engine
