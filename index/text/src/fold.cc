#include "src/fold.h"

#include <unicode/brkiter.h>
#include <unicode/normalizer2.h>
#include <unicode/unistr.h>
#include <unicode/utext.h>

#include <memory>

#include "src/chars.h"

namespace precis::text {
namespace {

struct UTextCloser {
  void operator()(UText* text) const { utext_close(text); }
};

// Null only where ICU's data are missing; words then fall back to white space.
icu::BreakIterator* WordIterator() {
  thread_local const std::unique_ptr<icu::BreakIterator> iterator = [] {
    UErrorCode error = U_ZERO_ERROR;
    std::unique_ptr<icu::BreakIterator> made(icu::BreakIterator::createWordInstance(icu::Locale::getRoot(), error));
    if (U_FAILURE(error)) made.reset();
    return made;
  }();
  return iterator.get();
}

bool IsCombiningAccent(UChar c) { return c >= 0x0300 && c <= 0x036F; }

}  // namespace

std::string FoldUnicode(std::string_view word) {
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* folding = icu::Normalizer2::getNFKCCasefoldInstance(error);
  const icu::Normalizer2* nfd = icu::Normalizer2::getNFDInstance(error);
  const icu::Normalizer2* nfc = icu::Normalizer2::getNFCInstance(error);
  if (U_FAILURE(error)) return std::string(word);
  const auto utf16 = icu::UnicodeString::fromUTF8(icu::StringPiece(word.data(), static_cast<int32_t>(word.size())));
  const icu::UnicodeString apart = nfd->normalize(folding->normalize(utf16, error), error);
  icu::UnicodeString plain;
  for (int32_t i = 0; i < apart.length(); ++i) {
    if (!IsCombiningAccent(apart[i])) plain.append(apart[i]);
  }
  const icu::UnicodeString composed = nfc->normalize(plain, error);
  if (U_FAILURE(error)) return std::string(word);
  std::string folded;
  composed.toUTF8String(folded);
  return folded;
}

void AppendUnicodeWords(std::string_view text, std::vector<ByteRange>* words) {
  icu::BreakIterator* iterator = WordIterator();
  UErrorCode error = U_ZERO_ERROR;
  const std::unique_ptr<UText, UTextCloser> utext(
      utext_openUTF8(nullptr, text.data(), static_cast<int64_t>(text.size()), &error));
  if (iterator != nullptr && U_SUCCESS(error)) iterator->setText(utext.get(), error);
  if (iterator == nullptr || U_FAILURE(error)) {
    words->push_back({0, static_cast<int64_t>(text.size())});
    return;
  }
  int32_t begin = iterator->first();
  for (int32_t end = iterator->next(); end != icu::BreakIterator::DONE; begin = end, end = iterator->next()) {
    if (iterator->getRuleStatus() >= UBRK_WORD_NUMBER) words->push_back({begin, end});
  }
  // The iterator is kept for the thread; the text is not.
  static const icu::UnicodeString kEmpty;
  iterator->setText(kEmpty);
}

}  // namespace precis::text
