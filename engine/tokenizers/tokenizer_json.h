// Hugging Face's tokenizer.json: the parts that change ids. Truncation and padding are ignored; a component that is not
// supported is refused by name, because a tokenizer that is nearly right counts wrong.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "precis/engine/tokenizer.h"

namespace precis::engine {

// The contents of the files; `origin` names the file in messages. `config` is tokenizer_config.json, which alone says
// what each special token is for; may be empty. Errors: InvalidArgument (broken JSON, missing or wrong field, ids or
// merges that name nothing), Unimplemented (a component, named).
absl::StatusOr<std::shared_ptr<const Tokenizer>> TokenizerFromJson(std::string_view json, std::string_view config,
                                                                   const std::string& origin);

// vocab.txt of a lower-casing BERT: one token a line, the line number is the id.
absl::StatusOr<std::shared_ptr<const Tokenizer>> TokenizerFromVocabTxt(std::string_view vocab, std::string_view config,
                                                                       const std::string& origin);

}  // namespace precis::engine
