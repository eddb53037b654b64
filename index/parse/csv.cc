// CSV (RFC 4180) with comma, semicolon, tab or bar between the fields.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "parse/formats.h"
#include "parse/text_builder.h"
#include "precis/base/status_macros.h"

namespace precis::index {
namespace {

struct Field {
  std::string value;
  ByteRange source;  // inside the quotes, where there are some
};

class CsvReader {
 public:
  explicit CsvReader(std::string_view text) : text_(text), delimiter_(FindDelimiter(text)) {}

  // False at the end.
  bool Next(std::vector<Field>* record) {
    record->clear();
    if (position_ >= text_.size()) return false;
    for (;;) {
      record->push_back(ReadField());
      if (position_ >= text_.size()) return true;
      const char c = text_[position_++];
      if (c == delimiter_) {
        // A delimiter at the very end of the text stands before one more, empty field.
        if (position_ >= text_.size())
          record->push_back({"", {static_cast<int64_t>(position_), static_cast<int64_t>(position_)}});
        if (position_ >= text_.size()) return true;
        continue;
      }
      if (c == '\r' && position_ < text_.size() && text_[position_] == '\n') ++position_;
      return true;
    }
  }

  // A quote that is never closed swallows the rest: the caller warns.
  bool unclosed() const { return unclosed_; }

 private:
  // The one that the first line has most of, outside quotes.
  static char FindDelimiter(std::string_view text) {
    constexpr std::string_view kCandidates = ",;\t|";
    int counts[kCandidates.size()] = {};
    bool quoted = false;
    for (const char c : text) {
      if (c == '"') quoted = !quoted;
      if (!quoted && c == '\n') break;
      if (const size_t i = kCandidates.find(c); !quoted && i != std::string_view::npos) ++counts[i];
    }
    return kCandidates[static_cast<size_t>(std::max_element(std::begin(counts), std::end(counts)) - counts)];
  }

  Field ReadField() {
    Field field;
    if (text_[position_] != '"') {
      const size_t begin = position_;
      while (position_ < text_.size() && text_[position_] != delimiter_ && text_[position_] != '\n' &&
             text_[position_] != '\r') {
        ++position_;
      }
      field.value = std::string(text_.substr(begin, position_ - begin));
      field.source = {static_cast<int64_t>(begin), static_cast<int64_t>(position_)};
      return field;
    }
    const size_t begin = ++position_;
    size_t end = text_.size();
    while (position_ < text_.size()) {
      const char c = text_[position_++];
      if (c != '"') {
        field.value.push_back(c);
      } else if (position_ < text_.size() && text_[position_] == '"') {
        field.value.push_back('"');
        ++position_;
      } else {
        end = position_ - 1;
        break;
      }
    }
    unclosed_ = unclosed_ || end == text_.size();
    field.source = {static_cast<int64_t>(begin), static_cast<int64_t>(end)};
    // What stands between a closing quote and the delimiter belongs to the value as far as anyone knows.
    while (position_ < text_.size() && text_[position_] != delimiter_ && text_[position_] != '\n' &&
           text_[position_] != '\r') {
      field.value.push_back(text_[position_++]);
      field.source.end = static_cast<int64_t>(position_);
    }
    return field;
  }

  std::string_view text_;
  char delimiter_;
  size_t position_ = 0;
  bool unclosed_ = false;
};

bool IsBlank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

}  // namespace

absl::Status ParseCsv(const DecodedText& source, const ParseLimits& limits, const CallContext& call,
                      ParsedDocument* document) {
  CsvReader reader(source.text());
  TextBuilder builder(source, limits.max_text_bytes);
  std::vector<Field> header, record;
  while (header.empty() && reader.Next(&record)) {
    const bool blank = std::all_of(record.begin(), record.end(), [](const Field& f) { return IsBlank(f.value); });
    if (!blank) header = record;
  }
  int64_t records = 0, uneven = 0;
  while (!builder.full() && reader.Next(&record)) {
    if (++records % 256 == 0) PRECIS_RETURN_IF_ERROR(call.Check());
    if (record.size() == 1 && IsBlank(record[0].value)) continue;
    if (record.size() != header.size()) ++uneven;
    bool first = true;
    for (size_t i = 0; i < record.size(); ++i) {
      if (IsBlank(record[i].value)) continue;
      if (first && !builder.empty()) builder.Add("\n");
      first = false;
      if (i < header.size() && !IsBlank(header[i].value)) {
        builder.Add(header[i].value);
      } else {
        builder.Add(absl::StrCat("column ", i + 1));
      }
      builder.Add(": ");
      builder.AddFrom(record[i].value, record[i].source);
      builder.Add("\n");
    }
  }
  if (builder.empty()) {  // a header alone is all the text there is
    for (const Field& field : header) {
      builder.AddFrom(field.value, field.source);
      builder.Add("\n");
    }
  }
  if (uneven > 0) {
    document->warnings.push_back(absl::StrCat(uneven, uneven == 1 ? " record has" : " records have",
                                              " not as many fields as the header (", header.size(),
                                              "); fields beyond it are named by their column."));
  }
  if (reader.unclosed()) {
    document->warnings.push_back("A quoted field is never closed: all that follows was taken as its value.");
  }
  return builder.Finish(&document->text, &document->map);
}

}  // namespace precis::index
