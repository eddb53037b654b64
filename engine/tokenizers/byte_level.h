// The GPT-2 alphabet: files write each byte as one printable character. Inside the engine tokens are plain bytes.
#pragma once

#include <string>
#include <string_view>

namespace precis::engine {

// The bytes that `written` stands for. False, with *bytes unchanged, when a character is none of the alphabet.
bool FromByteLevel(std::string_view written, std::string* bytes);

}  // namespace precis::engine
