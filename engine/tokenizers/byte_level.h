// How files write bytes. The GPT-2 alphabet writes each byte as one printable character. Inside the engine tokens are
// plain bytes.
#pragma once

#include <string>
#include <string_view>

namespace precis::engine {

// The bytes that `written` stands for. False, with *bytes unchanged, when a character is none of the alphabet.
bool FromByteLevel(std::string_view written, std::string* bytes);

// Whether `token` is a byte token of SentencePiece, "<0x0A>" with upper-case digits; the byte.
bool IsByteToken(std::string_view token, char* byte);

}  // namespace precis::engine
