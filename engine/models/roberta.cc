// RoBERTa and XLM-RoBERTa: BERT whose positions begin behind the padding token's (EncoderConfig::position_offset) and
// whose table of token types has one row.
#include "models/encoder_family.h"

namespace precis::engine {

EncoderFamilySpec RobertaSpec() {
  EncoderFamilySpec spec = BertSpec();
  spec.prefixes = {"", "roberta."};
  spec.double_separator = true;
  return spec;
}

}  // namespace precis::engine
