#include "tokenizers/special_names.h"

namespace precis::engine {

void FillSpecialByName(const std::vector<AddedToken>& added, SpecialTokens* special) {
  struct Name {
    const char* text;
    TokenId SpecialTokens::*role;
  };
  // For a role with several names the first one counts.
  static constexpr Name kNames[] = {
      {"<|im_end|>", &SpecialTokens::end_of_turn},
      {"<|eot_id|>", &SpecialTokens::end_of_turn},
      {"<end_of_turn>", &SpecialTokens::end_of_turn},
      {"<|end|>", &SpecialTokens::end_of_turn},
      {"[CLS]", &SpecialTokens::cls},
      {"[SEP]", &SpecialTokens::sep},
      {"[MASK]", &SpecialTokens::mask},
      {"<mask>", &SpecialTokens::mask},
      {"[PAD]", &SpecialTokens::pad},
      {"<pad>", &SpecialTokens::pad},
      {"[UNK]", &SpecialTokens::unk},
      {"<unk>", &SpecialTokens::unk},
  };
  for (const Name& name : kNames) {
    if (special->*name.role != -1) continue;
    for (const AddedToken& token : added) {
      if (token.text == name.text) {
        special->*name.role = token.id;
        break;
      }
    }
  }
}

}  // namespace precis::engine
