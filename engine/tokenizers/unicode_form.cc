#include "tokenizers/unicode_form.h"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>

#include <algorithm>

#include "precis/base/utf8.h"
#include "tokenizers/char_class.h"

namespace precis::engine {
namespace {

// ICU's data for NFC and NFD are those of one instance; they are linked in and cannot fail to load.
const UNormalizer2* Canonical() {
  UErrorCode error = U_ZERO_ERROR;
  static const UNormalizer2* instance = unorm2_getNFCInstance(&error);
  return instance;
}
const UNormalizer2* Compatibility() {
  UErrorCode error = U_ZERO_ERROR;
  static const UNormalizer2* instance = unorm2_getNFKCInstance(&error);
  return instance;
}

int CombiningClass(char32_t c) {
  return c < 0x300 || c >= kInvalidByte ? 0 : u_getCombiningClass(static_cast<UChar32>(c));
}

}  // namespace

void AppendChars(std::string_view text, uint32_t begin, uint32_t end, std::vector<PlacedChar>* chars) {
  for (uint32_t i = begin; i < end;) {
    const DecodedChar c = DecodeUtf8(text, i);
    const uint32_t next = i + static_cast<uint32_t>(c.length);
    chars->push_back({c.valid ? c.code_point : kInvalidByte, i, next});
    i = next;
  }
}

void Decompose(bool compatibility, std::vector<PlacedChar>* chars, std::vector<PlacedChar>* spare) {
  const CharClasses classes;
  const uint16_t changes = compatibility ? kDecomposesCompat : kDecomposes;
  const UNormalizer2* form = compatibility ? Compatibility() : Canonical();
  spare->clear();
  for (const PlacedChar& c : *chars) {
    UChar parts[64];
    UErrorCode error = U_ZERO_ERROR;
    int32_t count = -1;
    if (c.code_point != kInvalidByte && (classes[c.code_point] & changes)) {
      count = unorm2_getDecomposition(form, static_cast<UChar32>(c.code_point), parts, 64, &error);
    }
    if (count > 0 && U_SUCCESS(error)) {
      for (int32_t k = 0; k < count;) {
        UChar32 part;
        U16_NEXT(parts, k, count, part);
        spare->push_back({static_cast<char32_t>(part), c.begin, c.end});
      }
    } else {
      spare->push_back(c);
    }
  }
  chars->swap(*spare);
  // Canonical order: each run of combining characters sorted by class. ICU sorts by insertion, which a text of nothing
  // but accents makes quadratic.
  const auto by_class = [](const PlacedChar& a, const PlacedChar& b) {
    return CombiningClass(a.code_point) < CombiningClass(b.code_point);
  };
  for (size_t i = 0; i < chars->size();) {
    if (CombiningClass((*chars)[i].code_point) == 0) {
      ++i;
      continue;
    }
    size_t end = i;
    while (end < chars->size() && CombiningClass((*chars)[end].code_point) != 0) ++end;
    const auto run = chars->begin() + static_cast<ptrdiff_t>(i);
    const auto run_end = chars->begin() + static_cast<ptrdiff_t>(end);
    if (!std::is_sorted(run, run_end, by_class)) {
      // Where characters change places, each of them stands for the whole run: ranges never decrease.
      const uint32_t begin_byte = run->begin;
      const uint32_t end_byte = (run_end - 1)->end;
      std::stable_sort(run, run_end, by_class);
      std::for_each(run, run_end, [&](PlacedChar& c) { c.begin = begin_byte, c.end = end_byte; });
    }
    i = end;
  }
}

void Compose(std::vector<PlacedChar>* chars) {
  const CharClasses classes;
  constexpr size_t kNoStarter = SIZE_MAX;
  size_t starter = kNoStarter;
  int last_class = 0;  // of the character before, after the starter; 0: it follows directly
  size_t out = 0;
  for (PlacedChar c : *chars) {
    const int combining = CombiningClass(c.code_point);
    const bool adjacent = starter != kNoStarter && out == starter + 1;
    if (starter != kNoStarter && (adjacent || (last_class < combining && last_class != 0)) &&
        c.code_point != kInvalidByte) {
      PlacedChar& base = (*chars)[starter];
      const UChar32 pair = base.code_point == kInvalidByte
                               ? U_SENTINEL
                               : unorm2_composePair(Canonical(), static_cast<UChar32>(base.code_point),
                                                    static_cast<UChar32>(c.code_point));
      // A composition that the reference does not know is none.
      if (pair >= 0 && (classes[static_cast<char32_t>(pair)] & kDecomposes)) {
        base.code_point = static_cast<char32_t>(pair);
        base.begin = std::min(base.begin, c.begin);
        base.end = std::max(base.end, c.end);
        continue;
      }
    }
    if (combining == 0) {
      starter = out;
      last_class = 0;
    } else {
      last_class = combining;
    }
    if (out > 0) c.end = std::max(c.end, (*chars)[out - 1].end);  // what the starter took from behind this one
    (*chars)[out++] = c;
  }
  chars->resize(out);
}

}  // namespace precis::engine
