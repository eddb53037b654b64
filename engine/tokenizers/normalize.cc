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
  uint32_t kept = 0;
  for (uint32_t i = 0; i < bytes.size();) {
    const DecodedChar c = DecodeUtf8(bytes, i);
    const uint32_t end = i + static_cast<uint32_t>(c.length);
    change(i, end, c, [&](std::string_view replacement) {
      rewriter.Keep(kept, i);
      rewriter.Replace(i, end, replacement);
      kept = end;
    });
    i = end;
  }
  rewriter.Keep(kept, static_cast<uint32_t>(bytes.size()));
  rewriter.Finish();
}

void Lowercase(AlignedText* text) {
  const CharClasses classes;
  RewriteChars(text, [&](uint32_t, uint32_t, const DecodedChar& c, const auto& replace) {
    if (!c.valid) return;
    if (c.code_point == 0x130) return replace("i\xCC\x87");
    const char32_t lower = classes.Lower(c.code_point);
    if (lower == c.code_point) return;
    std::string bytes;
    AppendUtf8(lower, &bytes);
    replace(bytes);
  });
}

// ASCII characters decompose into themselves, stay where they are, and nothing before them composes with them: a text
// falls apart into its other characters, each run of them with the one ASCII character before it.
void ToForm(AlignedText* text, UnicodeForm form) {
  const auto size = static_cast<uint32_t>(text->bytes().size());
  auto begin = static_cast<uint32_t>(SkipAscii(text->bytes(), 0));
  if (begin == size) return;
  const bool compatibility = form == UnicodeForm::kNfkc || form == UnicodeForm::kNfkd;
  const bool composed = form == UnicodeForm::kNfc || form == UnicodeForm::kNfkc;
  std::vector<PlacedChar> chars, spare;
  TextRewriter rewriter(text);
  const std::string_view bytes = rewriter.bytes();
  for (uint32_t kept = 0; kept < size;) {
    const uint32_t run = composed && begin > kept ? begin - 1 : begin;
    rewriter.Keep(kept, run);
    while (begin < size && static_cast<uint8_t>(bytes[begin]) >= 0x80) ++begin;
    chars.clear();
    AppendChars(bytes, run, begin, &chars);
    Decompose(compatibility, &chars, &spare);
    if (composed) Compose(&chars);
    for (const PlacedChar& c : chars) Put(c, &rewriter);
    kept = begin;
    begin = static_cast<uint32_t>(SkipAscii(bytes, begin));
    if (begin == size) {
      rewriter.Keep(kept, size);
      break;
    }
  }
  if (!rewriter.Unchanged()) rewriter.Finish();
}

// Cleaning, Chinese characters, accents and case in one pass: ASCII by a table, what stands between by characters.
// Stretches without ASCII are on their own for decomposition, as in ToForm; a dropped control character belongs to
// them, since what stands around it becomes neighbours.
class BertNormalizer final : public Normalizer {
 public:
  explicit BertNormalizer(const BertNormalization& options) : options_(options) {
    const CharClasses classes;
    for (uint32_t byte = 0; byte < 256; ++byte) {
      if (byte >= 0x80 || (options.clean_text && (classes[byte] & kBertRemoved))) {
        ascii_[byte] = kSlow;
      } else if (options.clean_text && (classes[byte] & kSpace)) {
        ascii_[byte] = ' ';
      } else {
        ascii_[byte] = static_cast<uint8_t>(options.lowercase ? classes.Lower(byte) : byte);
      }
    }
  }

  void Apply(AlignedText* text) const override {
    TextRewriter rewriter(text);
    const std::string_view bytes = rewriter.bytes();
    const auto size = static_cast<uint32_t>(bytes.size());
    std::vector<PlacedChar> chars, spare;
    for (uint32_t i = 0; i < size;) {
      uint32_t end = i;
      while (end < size && ascii_[static_cast<uint8_t>(bytes[end])] != kSlow) ++end;
      rewriter.KeepMapped(i, end, ascii_);
      i = end;
      while (end < size && ascii_[static_cast<uint8_t>(bytes[end])] == kSlow) ++end;
      if (i < end) Rewrite(i, end, &chars, &spare, &rewriter);
      i = end;
    }
    rewriter.Finish();
  }

  std::string Description() const override {
    return absl::StrCat("bert ", options_.clean_text, options_.chinese_chars, options_.strip_accents,
                        options_.lowercase);
  }

 private:
  static constexpr uint8_t kSlow = 0xFF;  // of a byte that is not dealt with by the table

  void Rewrite(uint32_t begin, uint32_t end, std::vector<PlacedChar>* chars, std::vector<PlacedChar>* spare,
               TextRewriter* rewriter) const {
    const CharClasses classes;
    chars->clear();
    for (uint32_t i = begin; i < end;) {
      const DecodedChar c = DecodeUtf8(rewriter->bytes(), i);
      const uint32_t next = i + static_cast<uint32_t>(c.length);
      const uint16_t flags = c.valid ? classes[c.code_point] : uint16_t{kBertRemoved};
      if (options_.clean_text && (flags & (kBertRemoved | kSpace))) {
        if (!(flags & kBertRemoved)) chars->push_back({U' ', i, next});
      } else {
        const bool cjk = options_.chinese_chars && c.valid && IsBertCjk(c.code_point);
        if (cjk) chars->push_back({U' ', i, i});
        chars->push_back({c.valid ? c.code_point : kInvalidByte, i, next});
        if (cjk) chars->push_back({U' ', next, next});
      }
      i = next;
    }
    if (options_.strip_accents) Decompose(/*compatibility=*/false, chars, spare);
    for (PlacedChar& c : *chars) {
      if (c.code_point == kInvalidByte) {
        Put(c, rewriter);
        continue;
      }
      if (options_.strip_accents && (classes[c.code_point] & kBertMark)) continue;
      if (options_.lowercase && c.code_point == 0x130) {
        rewriter->Replace(c.begin, c.end, "i\xCC\x87");
        continue;
      }
      if (options_.lowercase) c.code_point = classes.Lower(c.code_point);
      Put(c, rewriter);
    }
  }

  BertNormalization options_;
  uint8_t ascii_[256];
};

}  // namespace

std::unique_ptr<Normalizer> MakeBertNormalizer(const BertNormalization& options) {
  return std::make_unique<BertNormalizer>(options);
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
    RewriteChars(text, [&](uint32_t, uint32_t, const DecodedChar& c, const auto& replace) {
      if (c.valid && (classes[c.code_point] & kMark)) replace("");
    });
  });
}

std::unique_ptr<Normalizer> MakeReplace(std::string from, std::string to) {
  std::string description = absl::StrCat("replace ", from.size(), " ", from, to);
  return MakeStep(std::move(description), [from = std::move(from), to = std::move(to)](AlignedText* text) {
    size_t at = text->bytes().find(from);
    if (at == std::string_view::npos) return;
    TextRewriter rewriter(text);
    if (from.size() == 1) {
      rewriter.KeepReplacing(0, static_cast<uint32_t>(rewriter.bytes().size()), from[0], to);
      return rewriter.Finish();
    }
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

std::unique_ptr<Normalizer> MakeJoinSpaces(std::string to) {
  std::string description = absl::StrCat("join-spaces ", to);
  return MakeStep(std::move(description), [to = std::move(to)](AlignedText* text) {
    size_t at = text->bytes().find("  ");
    if (at == std::string_view::npos) return;
    TextRewriter rewriter(text);
    const std::string_view bytes = rewriter.bytes();
    size_t kept = 0;
    for (; at != std::string_view::npos; at = bytes.find("  ", kept)) {
      rewriter.Keep(static_cast<uint32_t>(kept), static_cast<uint32_t>(at));
      kept = std::min(bytes.find_first_not_of(' ', at), bytes.size());
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
