#include "tokenizers/precompiled.h"

#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "precis/base/hash.h"
#include "precis/base/status_macros.h"
#include "precis/base/utf8.h"
#include "tokenizers/grapheme.h"

namespace precis::engine {
namespace {

constexpr size_t kMaxReplacementBytes = 64;  // U+FDFA, the longest of Unicode, has 33
constexpr size_t kShortGrapheme = 6;         // from this size on a grapheme is taken character by character
constexpr std::string_view kReplacementChar = "\xEF\xBF\xBD";

// A unit of darts-clone's double array: a node that is reached by a byte, or the value of a key.
struct Unit {
  uint32_t bits;
  bool IsValue() const { return bits >> 31; }
  uint32_t value() const { return bits & 0x7FFFFFFF; }
  bool IsReachedBy(uint8_t byte) const { return (bits & 0x800000FF) == byte; }
  bool EndsKey() const { return bits >> 8 & 1; }
  uint32_t offset() const { return (bits >> 10) << ((bits & 0x200) >> 6); }
};

class CharsMap {
 public:
  static absl::StatusOr<CharsMap> Read(std::string_view bytes) {
    const auto wrong = [](const auto&... what) {
      return absl::InvalidArgumentError(absl::StrCat("the precompiled_charsmap ", what...));
    };
    uint32_t size = 0;
    if (bytes.size() < sizeof size) return wrong("has ", bytes.size(), " bytes, at least 4 are needed");
    std::memcpy(&size, bytes.data(), sizeof size);
    bytes.remove_prefix(sizeof size);
    if (size == 0 || size % sizeof(Unit) != 0 || size > bytes.size()) {
      return wrong("begins with an array of ", size, " bytes, a multiple of 4 up to the ", bytes.size(),
                   " bytes that follow is needed");
    }
    CharsMap map;
    map.units_.resize(size / sizeof(Unit));
    std::memcpy(map.units_.data(), bytes.data(), size);
    map.replacements_ = bytes.substr(size);
    if (!IsValidUtf8(map.replacements_)) return wrong("holds replacements that are no UTF-8");
    for (const Unit& unit : map.units_) {
      if (!unit.IsValue()) continue;
      const bool inside = unit.value() < map.replacements_.size() &&
                          (static_cast<uint8_t>(map.replacements_[unit.value()]) & 0xC0) != 0x80;
      if (!inside || map.ReplacementAt(unit.value()).size() > kMaxReplacementBytes) {
        return wrong("has no replacement of at most ", kMaxReplacementBytes, " bytes at ", unit.value());
      }
    }
    return map;
  }

  // The replacement of the shortest key that `text` begins with.
  std::optional<std::string_view> Find(std::string_view text) const {
    size_t node = units_[0].offset();
    for (const char c : text) {
      const auto byte = static_cast<uint8_t>(c);
      if (byte == 0) return std::nullopt;
      node ^= byte;
      if (node >= units_.size() || !units_[node].IsReachedBy(byte)) return std::nullopt;
      const Unit unit = units_[node];
      node ^= unit.offset();
      if (!unit.EndsKey()) continue;
      if (node >= units_.size() || !units_[node].IsValue()) return std::nullopt;
      return ReplacementAt(units_[node].value());
    }
    return std::nullopt;
  }

 private:
  // At most one byte more than is allowed: a hostile map must not make this a search through all of it.
  std::string_view ReplacementAt(size_t at) const {
    const std::string_view rest = std::string_view(replacements_).substr(at, kMaxReplacementBytes + 1);
    return rest.substr(0, rest.find('\0'));
  }

  std::vector<Unit> units_;
  std::string replacements_;
};

class Precompiled final : public Normalizer {
 public:
  Precompiled(CharsMap map, std::string description) : map_(std::move(map)), description_(std::move(description)) {
    for (size_t byte = 0; byte < 0x80; ++byte) {
      const char c = static_cast<char>(byte);
      plain_[byte] = c != '\r' && !map_.Find(std::string_view(&c, 1)).has_value();
    }
  }

  void Apply(AlignedText* text) const override {
    const Graphemes graphemes;
    TextRewriter rewriter(text);
    const std::string_view bytes = rewriter.bytes();
    size_t kept = 0;  // from here on nothing has been written
    for (size_t i = 0; i < bytes.size();) {
      // ASCII characters without a key stay, each of them a grapheme, but for the last one where no ASCII follows.
      const size_t run = i;
      while (i < bytes.size() && plain_[static_cast<uint8_t>(bytes[i])]) ++i;
      if (i == bytes.size()) break;
      if (i > run && static_cast<uint8_t>(bytes[i]) >= 0x80) --i;
      const Grapheme grapheme = graphemes.At(bytes, i);
      if (grapheme.size >= kShortGrapheme || !Rewrite(i, grapheme.end, &kept, &rewriter)) {
        for (size_t end; i < grapheme.end; i = end) {
          end = i + static_cast<size_t>(DecodeUtf8(bytes, i).length);
          Rewrite(i, end, &kept, &rewriter);
        }
      }
      i = grapheme.end;
    }
    if (kept == 0) return;
    rewriter.Keep(static_cast<uint32_t>(kept), static_cast<uint32_t>(bytes.size()));
    rewriter.Finish();
  }

  std::string Description() const override { return description_; }

 private:
  // Writes the replacement of bytes [begin, end), at most 3 * kShortGrapheme of them, if there is one.
  bool Rewrite(size_t begin, size_t end, size_t* kept, TextRewriter* rewriter) const {
    const std::string_view old = rewriter->bytes().substr(begin, end - begin);
    char valid[4 * kShortGrapheme];
    size_t size = 0;
    for (size_t i = 0; i < old.size();) {
      const DecodedChar c = DecodeUtf8(old, i);
      const std::string_view part = c.valid ? old.substr(i, static_cast<size_t>(c.length)) : kReplacementChar;
      std::memcpy(valid + size, part.data(), part.size());
      size += part.size();
      i += static_cast<size_t>(c.length);
    }
    const auto replacement = map_.Find({valid, size});
    if (!replacement.has_value()) return false;
    if (*replacement != old) {
      rewriter->Keep(static_cast<uint32_t>(*kept), static_cast<uint32_t>(begin));
      rewriter->Replace(static_cast<uint32_t>(begin), static_cast<uint32_t>(end), *replacement);
      *kept = end;
    }
    return true;
  }

  CharsMap map_;
  std::string description_;
  bool plain_[256] = {};  // ASCII characters that stay as they are, but for '\r', which may have '\n' behind it
};

}  // namespace

absl::StatusOr<std::unique_ptr<Normalizer>> MakePrecompiled(std::string_view charsmap) {
  PRECIS_ASSIGN_OR_RETURN(CharsMap map, CharsMap::Read(charsmap));
  Hasher hasher;
  hasher.Field(charsmap);
  return std::make_unique<Precompiled>(std::move(map), absl::StrCat("precompiled ", hasher.FinishHex()));
}

}  // namespace precis::engine
