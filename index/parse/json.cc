// JSON (RFC 8259) by hand, because the map needs the place of every value, which nlohmann's parser does not give.
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "parse/formats.h"
#include "parse/text_builder.h"
#include "precis/base/status_macros.h"
#include "precis/base/utf8.h"

namespace precis::index {
namespace {

constexpr int kMaxDepth = 200;

class JsonWalker {
 public:
  JsonWalker(std::string_view text, TextBuilder* builder, const CallContext& call)
      : text_(text), builder_(builder), call_(call) {}

  // One value and the white space around it.
  absl::Status Document(int64_t begin, int64_t end) {
    position_ = begin;
    end_ = end;
    SkipSpace();
    PRECIS_RETURN_IF_ERROR(Value(0));
    SkipSpace();
    if (position_ < end_) return Broken("something after the value");
    return absl::OkStatus();
  }

 private:
  absl::Status Broken(std::string_view what) const {
    int64_t line = 1;
    for (int64_t i = 0; i < position_ && i < static_cast<int64_t>(text_.size()); ++i) line += text_[i] == '\n';
    return StatusWithReason(
        absl::StatusCode::kInvalidArgument, "PARSE_FAILED",
        absl::StrCat("the JSON is broken in line ", line, " (byte ", position_, "): ", std::string(what)));
  }

  char Peek() const { return position_ < end_ ? text_[static_cast<size_t>(position_)] : '\0'; }
  void SkipSpace() {
    while (Peek() == ' ' || Peek() == '\t' || Peek() == '\n' || Peek() == '\r') ++position_;
  }

  absl::Status Value(int depth) {
    if (depth > kMaxDepth) return Broken(absl::StrCat("it nests deeper than ", kMaxDepth, " levels"));
    if (++values_ % 1024 == 0) PRECIS_RETURN_IF_ERROR(call_.Check());
    if (builder_->full()) return absl::OkStatus();  // Finish() reports it
    switch (Peek()) {
      case '{':
        return Object(depth);
      case '[':
        return Array(depth);
      case '"': {
        std::string value;
        ByteRange source;
        PRECIS_RETURN_IF_ERROR(String(&value, &source));
        Leaf(value, source);
        return absl::OkStatus();
      }
      default:
        return Scalar();
    }
  }

  absl::Status Object(int depth) {
    const int64_t begin = position_++;
    SkipSpace();
    if (Peek() == '}') {
      ++position_;
      Leaf("{}", {begin, position_});
      return absl::OkStatus();
    }
    for (;;) {
      SkipSpace();
      std::string key;
      ByteRange source;
      if (Peek() != '"') return Broken("a name in double quotes should stand here");
      PRECIS_RETURN_IF_ERROR(String(&key, &source));
      SkipSpace();
      if (Peek() != ':') return Broken("a colon should stand here");
      ++position_;
      SkipSpace();
      const size_t before = path_.size();
      if (!path_.empty()) path_ += '.';
      path_ += key;
      PRECIS_RETURN_IF_ERROR(Value(depth + 1));
      path_.resize(before);
      SkipSpace();
      const char next = Peek();
      ++position_;
      if (next == '}' || builder_->full()) return absl::OkStatus();
      if (next != ',') return Broken("a comma or a closing brace should stand here");
    }
  }

  absl::Status Array(int depth) {
    const int64_t begin = position_++;
    SkipSpace();
    if (Peek() == ']') {
      ++position_;
      Leaf("[]", {begin, position_});
      return absl::OkStatus();
    }
    for (int64_t index = 0;; ++index) {
      SkipSpace();
      const size_t before = path_.size();
      absl::StrAppend(&path_, "[", index, "]");
      // Records of a list are told apart by an empty line.
      if (depth == 0 && index > 0 && !builder_->empty()) builder_->Add("\n");
      PRECIS_RETURN_IF_ERROR(Value(depth + 1));
      path_.resize(before);
      SkipSpace();
      const char next = Peek();
      ++position_;
      if (next == ']' || builder_->full()) return absl::OkStatus();
      if (next != ',') return Broken("a comma or a closing bracket should stand here");
    }
  }

  // A number, true, false or null, as it is written.
  absl::Status Scalar() {
    const int64_t begin = position_;
    while (position_ < end_) {
      const char c = Peek();
      const bool part = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
                        c == '+' || c == '.';
      if (!part) break;
      ++position_;
    }
    const std::string value(Slice(text_, {begin, position_}));
    if (value != "true" && value != "false" && value != "null") {
      char* end = nullptr;
      const bool starts = !value.empty() && (value[0] == '-' || (value[0] >= '0' && value[0] <= '9'));
      if (starts) std::strtod(value.c_str(), &end);
      if (!starts || *end != '\0' || value.find_first_of("xXnN") != std::string::npos) {
        position_ = begin;
        return Broken("a value should stand here");
      }
    }
    Leaf(value, {begin, position_});
    return absl::OkStatus();
  }

  // The decoded string and the place between its quotes.
  absl::Status String(std::string* value, ByteRange* source) {
    source->begin = ++position_;
    while (Peek() != '"') {
      if (position_ >= end_) return Broken("a string is not closed");
      if (Peek() != '\\') {
        value->push_back(Peek());
        ++position_;
        continue;
      }
      ++position_;
      const char escaped = Peek();
      ++position_;
      switch (escaped) {
        case 'n':
          value->push_back('\n');
          break;
        case 't':
          value->push_back('\t');
          break;
        case 'r':
          value->push_back('\r');
          break;
        case 'b':
        case 'f':
          value->push_back(' ');
          break;
        case '"':
        case '\\':
        case '/':
          value->push_back(escaped);
          break;
        case 'u':
          PRECIS_RETURN_IF_ERROR(UnicodeEscape(value));
          break;
        default:
          return Broken("an unknown escape in a string");
      }
    }
    source->end = position_++;
    return absl::OkStatus();
  }

  absl::Status UnicodeEscape(std::string* value) {
    char32_t unit = 0;
    PRECIS_RETURN_IF_ERROR(Hex4(&unit));
    if (unit >= 0xD800 && unit < 0xDC00 && Slice(text_, {position_, end_}).substr(0, 2) == "\\u") {
      const int64_t before = position_;
      position_ += 2;
      char32_t low = 0;
      PRECIS_RETURN_IF_ERROR(Hex4(&low));
      if (low >= 0xDC00 && low < 0xE000) {
        unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
      } else {
        position_ = before;
      }
    }
    // Half a surrogate pair is no character, and NUL would end C strings.
    const bool invalid = (unit >= 0xD800 && unit < 0xE000) || unit == 0;
    AppendUtf8(invalid ? 0xFFFD : unit, value);
    return absl::OkStatus();
  }

  absl::Status Hex4(char32_t* unit) {
    *unit = 0;
    for (int i = 0; i < 4; ++i) {
      const char c = Peek();
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) return Broken("four hexadecimal digits should stand here");
      *unit = *unit * 16 + static_cast<char32_t>(digit);
      ++position_;
    }
    return absl::OkStatus();
  }

  void Leaf(std::string_view value, const ByteRange& source) {
    if (!path_.empty()) {
      builder_->Add(path_);
      builder_->Add(": ");
    }
    builder_->AddFrom(value, source);
    builder_->Add("\n");
  }

  std::string_view text_;
  TextBuilder* builder_;
  const CallContext& call_;
  int64_t position_ = 0;
  int64_t end_ = 0;
  int64_t values_ = 0;
  std::string path_;
};

}  // namespace

absl::Status ParseJson(const DecodedText& source, bool lines, const ParseLimits& limits, const CallContext& call,
                       ParsedDocument* document) {
  const std::string_view text = source.text();
  TextBuilder builder(source, limits.max_text_bytes);
  const auto size = static_cast<int64_t>(text.size());
  if (!lines) {
    PRECIS_RETURN_IF_ERROR(JsonWalker(text, &builder, call).Document(0, size));
    return builder.Finish(&document->text, &document->map);
  }
  for (int64_t begin = 0; begin < size && !builder.full();) {
    const size_t found = text.find('\n', static_cast<size_t>(begin));
    const int64_t end = found == std::string_view::npos ? size : static_cast<int64_t>(found);
    if (Slice(text, {begin, end}).find_first_not_of(" \t\r") != std::string_view::npos) {
      if (!builder.empty()) builder.Add("\n");
      PRECIS_RETURN_IF_ERROR(JsonWalker(text, &builder, call).Document(begin, end));
    }
    begin = end + 1;
  }
  return builder.Finish(&document->text, &document->map);
}

}  // namespace precis::index
