// SentencePiece's "precompiled charsmap": which characters a model rewrites before it cuts a text into tokens.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "tokenizers/normalize.h"

namespace precis::engine {

// `charsmap` is the binary map: the length of a double array of keys (darts-clone), the array, and the replacements,
// each ended by a zero byte. The text is rewritten as Hugging Face does it, which is not as SentencePiece does it: a
// grapheme of less than 6 bytes becomes the replacement of the shortest key that it begins with (and loses what
// follows the key); without such a key, and in longer graphemes, the same holds for each character. Invalid bytes are
// taken for U+FFFD. Errors, without the file's name: InvalidArgument for a map that does not hold together or has a
// replacement of more than 64 bytes.
absl::StatusOr<std::unique_ptr<Normalizer>> MakePrecompiled(std::string_view charsmap);

}  // namespace precis::engine
