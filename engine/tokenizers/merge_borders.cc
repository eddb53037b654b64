#include "tokenizers/merge_borders.h"

#include <vector>

#include "tokenizers/cutter.h"

namespace precis::engine {
namespace {

// A character as the table sees it: from the left its last byte, from the right its first one; U+2581 has a class of
// its own.
constexpr size_t kMark = 256;
constexpr size_t kClasses = 257;

// Calls border(offset, class of the character before, class of the one behind) between each two characters. A byte that
// continues a character, even without one, is none.
template <typename Border>
void ForEachBorder(std::string_view text, const Border& border) {
  size_t left = 0;
  for (size_t i = 0; i < text.size();) {
    const auto byte = static_cast<uint8_t>(text[i]);
    const bool mark = byte == 0xE2 && text.substr(i, kSpaceMark.size()) == kSpaceMark;
    if (i > 0 && (byte & 0xC0) != 0x80) border(i, left, mark ? kMark : byte);
    left = mark ? kMark : byte;
    i += mark ? kSpaceMark.size() : 1;
  }
}

}  // namespace

std::unique_ptr<PreTokenizer> MakeMergeBorderCut(const Vocabulary& vocabulary) {
  std::vector<bool> known(kClasses);
  known[kMark] = vocabulary.Find(kSpaceMark) >= 0;
  for (size_t byte = 0; byte < 0x80; ++byte) {
    const char c = static_cast<char>(byte);
    known[byte] = vocabulary.Find(std::string_view(&c, 1)) >= 0;
  }
  std::vector<uint8_t> cuts(kClasses * kClasses);
  for (size_t left = 0; left < kClasses; ++left) {
    for (size_t right = 0; right < kClasses; ++right) cuts[left * kClasses + right] = known[left] || known[right];
  }
  for (TokenId id = 0; id < vocabulary.size(); ++id) {
    ForEachBorder(vocabulary.Text(id),
                  [&](size_t, size_t left, size_t right) { cuts[left * kClasses + right] = false; });
  }
  return MakeCutter("merge-borders", [cuts = std::move(cuts)](std::string_view word, const auto& emit) {
    size_t begin = 0;
    ForEachBorder(word, [&](size_t at, size_t left, size_t right) {
      if (!cuts[left * kClasses + right]) return;
      emit(begin, at);
      begin = at;
    });
    emit(begin, word.size());
  });
}

}  // namespace precis::engine
