#include "tokenizers/char_class.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "tokenizers/char_class_data.h"

namespace precis::engine {
namespace internal {

CharTables::CharTables() : flags(0x110000) {
  for (int i = 0; i < kCharClassRunCount; ++i) {
    const size_t end = i + 1 < kCharClassRunCount ? kCharClassRuns[i + 1].begin : flags.size();
    std::fill(flags.begin() + kCharClassRuns[i].begin, flags.begin() + static_cast<std::ptrdiff_t>(end),
              kCharClassRuns[i].flags);
  }
  for (size_t byte = 0; byte < 256; ++byte) bytes[byte] = byte < 0x80 ? flags[byte] : uint16_t{kNotAscii};
  for (int i = 0; i < kLowerCaseRunCount; ++i) {
    const LowerCaseRun& run = kLowerCaseRuns[i];
    for (size_t c = lower.size(); c <= run.last; ++c) lower.push_back(static_cast<char32_t>(c));
    for (uint32_t c = run.first; c <= run.last; c += static_cast<uint32_t>(run.step)) {
      lower[c] = static_cast<char32_t>(static_cast<int64_t>(c) + run.delta);
    }
  }
}

const CharTables& GetCharTables() {
  static const CharTables* tables = new CharTables();
  return *tables;
}

}  // namespace internal

size_t SkipAscii(std::string_view text, size_t at) {
  uint64_t eight;
  while (text.size() - at >= sizeof eight) {
    std::memcpy(&eight, text.data() + at, sizeof eight);
    if (eight & 0x8080808080808080) break;
    at += sizeof eight;
  }
  while (at < text.size() && static_cast<uint8_t>(text[at]) < 0x80) ++at;
  return at;
}

bool IsBertCjk(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
         (c >= 0x2A700 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0x2F800 && c <= 0x2FA1F);
}

}  // namespace precis::engine
