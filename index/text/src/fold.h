// What ICU does for words outside ASCII. Behind a narrow door, because its headers are large and its objects per
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "precis/base/byte_range.h"

namespace precis::text {

// Case folding and compatibility forms (NFKC_Casefold), then without the accents of Latin, Greek and Cyrillic.
std::string FoldUnicode(std::string_view word);

// The words of `text` by UAX #29: what holds a letter, digit or ideograph. Appended in order; offsets are of `text`.
void AppendUnicodeWords(std::string_view text, std::vector<ByteRange>* words);

}  // namespace precis::text
