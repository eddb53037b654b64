#include "tokenizers/normalize.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tokenizers/char_class.h"
#include "tokenizers/unicode_form.h"

namespace precis::engine {
namespace {

// A normalizer from a function that rewrites; it may leave the rewriter unfinished when nothing changes.
template <typename Rewrite>
class Step final : public Normalizer {
 public:
  Step(std::string description, Rewrite rewrite) : description_(std::move(description)), rewrite_(std::move(rewrite)) {}
  void Apply(AlignedText* text) const override { rewrite_(text); }
  std::string Description() const override { return description_; }

 private:
  std::string description_;
  Rewrite rewrite_;
};

template <typename Rewrite>
std::unique_ptr<Normalizer> MakeStep(std::string description, Rewrite rewrite) {
  return std::make_unique<Step<Rewrite>>(std::move(description), std::move(rewrite));
}

void Put(const PlacedChar& c, TextRewriter* rewriter) {
  if (c.code_point == kInvalidByte) return rewriter->Keep(c.begin, c.end);
  std::string bytes;
  AppendUtf8(c.code_point, &bytes);
  // A character that stays keeps a range for each of its bytes: byte-level tokens may split it.
  if (rewriter->bytes().substr(c.begin, c.end - c.begin) == bytes) return rewriter->Keep(c.begin, c.end);
  rewriter->Replace(c.begin, c.end, bytes);
}

// Calls change(i, end, char, rewriter) for every character; true: the character was dealt with.
template <typename Change>
void RewriteChars(AlignedText* text, const Change& change) {
  TextRewriter rewriter(text);
  const std::string_view bytes = rewriter.bytes();
  for (uint32_t i = 0; i < bytes.size();) {
    const DecodedChar c = DecodeUtf8(bytes, i);
    const uint32_t end = i + static_cast<uint32_t>(c.length);
    if (!change(i, end, c, &rewriter)) rewriter.Keep(i, end);
    i = end;
  }
  rewriter.Finish();
}

bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<uint8_t>(c) < 0x80; });
}

void LowerChar(uint32_t begin, uint32_t end, char32_t c, char32_t lower, TextRewriter* rewriter) {
  if (c == 0x130) return rewriter->Replace(begin, end, "i\xCC\x87");
  char bytes[5];
  if (lower < 0x80) {
    bytes[0] = static_cast<char>(lower);
    return rewriter->Replace(begin, end, std::string_view(bytes, 1));
  }
  std::string wide;
  AppendUtf8(lower, &wide);
  rewriter->Replace(begin, end, wide);
}

void Lowercase(AlignedText* text) {
  const CharClasses classes;
  RewriteChars(text, [&](uint32_t begin, uint32_t end, const DecodedChar& c, TextRewriter* rewriter) {
    if (!c.valid) return false;
    const char32_t lower = classes.Lower(c.code_point);
    if (lower == c.code_point && c.code_point != 0x130) return false;
    LowerChar(begin, end, c.code_point, lower, rewriter);
    return true;
  });
}

void ToForm(AlignedText* text, UnicodeForm form) {
  if (IsAscii(text->bytes())) return;
  const bool compatibility = form == UnicodeForm::kNfkc || form == UnicodeForm::kNfkd;
  std::vector<PlacedChar> chars;
  Decompose(text->bytes(), compatibility, &chars);
  if (form == UnicodeForm::kNfc || form == UnicodeForm::kNfkc) Compose(&chars);
  TextRewriter rewriter(text);
  for (const PlacedChar& c : chars) Put(c, &rewriter);
  if (!rewriter.Unchanged()) rewriter.Finish();
}

// Cleaning and Chinese characters look at one character at a time and go in one pass.
void CleanForBert(AlignedText* text, const BertNormalization& options) {
  const CharClasses classes;
  RewriteChars(text, [&](uint32_t begin, uint32_t end, const DecodedChar& c, TextRewriter* rewriter) {
    const uint16_t flags = c.valid ? classes[c.code_point] : uint16_t{kBertRemoved};
    if (options.clean_text && (flags & kBertRemoved)) return true;
    if (options.clean_text && (flags & kSpace)) {
      rewriter->Replace(begin, end, " ");
      return true;
    }
    if (options.chinese_chars && c.valid && IsBertCjk(c.code_point)) {
      rewriter->Replace(begin, begin, " ");
      rewriter->Keep(begin, end);
      rewriter->Replace(end, end, " ");
      return true;
    }
    return false;
  });
}

void StripForBert(AlignedText* text) {
  if (IsAscii(text->bytes())) return;
  const CharClasses classes;
  std::vector<PlacedChar> chars;
  Decompose(text->bytes(), /*compatibility=*/false, &chars);
  TextRewriter rewriter(text);
  for (const PlacedChar& c : chars) {
    if (c.code_point == kInvalidByte || !(classes[c.code_point] & kBertMark)) Put(c, &rewriter);
  }
  rewriter.Finish();
}

}  // namespace

std::unique_ptr<Normalizer> MakeBertNormalizer(const BertNormalization& options) {
  return MakeStep(
      absl::StrCat("bert ", options.clean_text, options.chinese_chars, options.strip_accents, options.lowercase),
      [options](AlignedText* text) {
        if (options.clean_text || options.chinese_chars) CleanForBert(text, options);
        if (options.strip_accents) StripForBert(text);
        if (options.lowercase) Lowercase(text);
      });
}

std::unique_ptr<Normalizer> MakeUnicodeNormalizer(UnicodeForm form) {
  static constexpr const char* kNames[] = {"nfc", "nfd", "nfkc", "nfkd"};
  return MakeStep(kNames[static_cast<int>(form)], [form](AlignedText* text) { ToForm(text, form); });
}

std::unique_ptr<Normalizer> MakeLowercase() {
  return MakeStep("lowercase", [](AlignedText* text) { Lowercase(text); });
}

std::unique_ptr<Normalizer> MakeStripAccents() {
  return MakeStep("strip-accents", [](AlignedText* text) {
    const CharClasses classes;
    RewriteChars(text, [&](uint32_t, uint32_t, const DecodedChar& c, TextRewriter*) {
      return c.valid && (classes[c.code_point] & kMark);
    });
  });
}

std::unique_ptr<Normalizer> MakeReplace(std::string from, std::string to) {
  std::string description = absl::StrCat("replace ", from.size(), " ", from, to);
  return MakeStep(std::move(description), [from = std::move(from), to = std::move(to)](AlignedText* text) {
    size_t at = text->bytes().find(from);
    if (at == std::string_view::npos) return;
    TextRewriter rewriter(text);
    const std::string_view bytes = rewriter.bytes();
    size_t kept = 0;
    for (; at != std::string_view::npos; at = bytes.find(from, kept)) {
      rewriter.Keep(static_cast<uint32_t>(kept), static_cast<uint32_t>(at));
      kept = at + from.size();
      rewriter.Replace(static_cast<uint32_t>(at), static_cast<uint32_t>(kept), to);
    }
    rewriter.Keep(static_cast<uint32_t>(kept), static_cast<uint32_t>(bytes.size()));
    rewriter.Finish();
  });
}

std::unique_ptr<Normalizer> MakePrepend(std::string prefix) {
  std::string description = absl::StrCat("prepend ", prefix);
  return MakeStep(std::move(description), [prefix = std::move(prefix)](AlignedText* text) {
    if (text->bytes().empty()) return;
    TextRewriter rewriter(text);
    rewriter.Replace(0, 0, prefix);
    rewriter.Keep(0, static_cast<uint32_t>(rewriter.bytes().size()));
    rewriter.Finish();
  });
}

std::unique_ptr<Normalizer> MakeStrip(bool left, bool right) {
  return MakeStep(absl::StrCat("strip ", left, right), [left, right](AlignedText* text) {
    const CharClasses classes;
    const std::string_view bytes = text->bytes();
    size_t begin = 0;
    size_t end = 0;  // past the last character that is no space
    bool leading = true;
    for (size_t i = 0; i < bytes.size();) {
      const CharClasses::Char c = classes.At(bytes, i);
      i += static_cast<size_t>(c.length);
      if (c.flags & kSpace) {
        if (leading) begin = i;
      } else {
        leading = false;
        end = i;
      }
    }
    if (!left) begin = 0;
    if (!right) end = bytes.size();
    end = std::max(begin, end);
    if (begin == 0 && end == bytes.size()) return;
    TextRewriter rewriter(text);
    rewriter.Keep(static_cast<uint32_t>(begin), static_cast<uint32_t>(end));
    rewriter.Finish();
  });
}

}  // namespace precis::engine
