#include "precis/index/metadata.h"

#include <cmath>
#include <optional>

#include "absl/strings/str_cat.h"
#include "precis/base/status_macros.h"
#include "precis/base/utf8.h"

namespace precis::index {
namespace {

constexpr const char* kTypeNames[] = {"string", "int64", "double", "bool", "list of strings"};

// A name from a request, fit for one line of a message.
std::string Shown(const std::string& name) {
  constexpr size_t kMost = 64;
  const std::string_view head =
      std::string_view(name).substr(0, FloorToCharBoundary(name, std::min(kMost, name.size())));
  return absl::StrCat("'", ReplaceInvalidUtf8(head), name.size() > kMost ? "...'" : "'");
}

int64_t SizeOf(const MetadataValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return static_cast<int64_t>(text->size());
  if (const auto* list = std::get_if<StringList>(&value)) {
    int64_t size = 0;
    for (const std::string& text : *list) size += static_cast<int64_t>(text.size()) + 1;
    return size;
  }
  return 8;
}

bool IsText(const MetadataValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return IsValidUtf8(*text);
  if (const auto* list = std::get_if<StringList>(&value)) {
    for (const std::string& text : *list) {
      if (!IsValidUtf8(text)) return false;
    }
  }
  return true;
}

bool IsNan(const MetadataValue& value) {
  const auto* number = std::get_if<double>(&value);
  return number != nullptr && std::isnan(*number);
}

// -1, 0, 1, or nothing where the values cannot be compared. Exact for every int64 and double.
std::optional<int> CompareNumbers(int64_t a, double b) {
  if (std::isnan(b)) return std::nullopt;
  if (b >= 9223372036854775808.0) return -1;
  if (b < -9223372036854775808.0) return 1;
  const double floor = std::floor(b);
  const auto whole = static_cast<int64_t>(floor);
  if (a != whole) return a < whole ? -1 : 1;
  return b > floor ? -1 : 0;
}

template <typename T>
std::optional<int> Order(const T& a, const T& b) {
  if (a < b) return -1;
  if (b < a) return 1;
  if (a == b) return 0;
  return std::nullopt;
}

// A field's value, without copying it.
struct FieldValue {
  enum class Type { kNone, kText, kInt, kDouble, kBool, kList } type = Type::kNone;
  const std::string* text = nullptr;
  const StringList* list = nullptr;
  int64_t integer = 0;
  double number = 0;
  bool flag = false;
};

FieldValue Wrap(const MetadataValue& value) {
  FieldValue out;
  switch (value.index()) {
    case 0:
      out.type = FieldValue::Type::kText;
      out.text = &std::get<std::string>(value);
      break;
    case 1:
      out.type = FieldValue::Type::kInt;
      out.integer = std::get<int64_t>(value);
      break;
    case 2:
      out.type = FieldValue::Type::kDouble;
      out.number = std::get<double>(value);
      break;
    case 3:
      out.type = FieldValue::Type::kBool;
      out.flag = std::get<bool>(value);
      break;
    default:
      out.type = FieldValue::Type::kList;
      out.list = &std::get<StringList>(value);
      break;
  }
  return out;
}

FieldValue Lookup(const std::string& field, const FilterSubject& subject) {
  FieldValue out;
  if (!field.empty() && field[0] == '$') {
    out.type = FieldValue::Type::kText;
    if (field == "$document_id") {
      out.text = subject.document_id;
    } else if (field == "$uri") {
      out.text = subject.uri;
    } else if (field == "$title") {
      out.text = subject.title;
    } else if (field == "$media_type") {
      out.text = subject.media_type;
    } else if (field == "$language") {
      out.text = subject.language;
    } else {
      out.type = FieldValue::Type::kInt;
      out.integer = subject.ingested_unix_ms;
    }
    return out;
  }
  const auto found = subject.metadata->find(field);
  return found == subject.metadata->end() ? out : Wrap(found->second);
}

std::optional<int> Compare(const FieldValue& a, const MetadataValue& b) {
  switch (a.type) {
    case FieldValue::Type::kText:
      if (const auto* text = std::get_if<std::string>(&b)) return Order(*a.text, *text);
      break;
    case FieldValue::Type::kInt:
      if (const auto* integer = std::get_if<int64_t>(&b)) return Order(a.integer, *integer);
      if (const auto* number = std::get_if<double>(&b)) return CompareNumbers(a.integer, *number);
      break;
    case FieldValue::Type::kDouble:
      if (const auto* number = std::get_if<double>(&b)) return Order(a.number, *number);
      if (const auto* integer = std::get_if<int64_t>(&b)) {
        const std::optional<int> order = CompareNumbers(*integer, a.number);
        return order ? std::optional<int>(-*order) : std::nullopt;
      }
      break;
    case FieldValue::Type::kBool:
      if (const auto* flag = std::get_if<bool>(&b)) return Order(a.flag, *flag);
      break;
    default:
      break;
  }
  return std::nullopt;
}

// Whether the field, or any string of its list, is as `test` wants.
template <typename Test>
bool AnyOf(const FieldValue& value, const Test& test) {
  if (value.type == FieldValue::Type::kNone) return false;
  if (value.type != FieldValue::Type::kList) return test(value);
  FieldValue item;
  item.type = FieldValue::Type::kText;
  for (const std::string& text : *value.list) {
    item.text = &text;
    if (test(item)) return true;
  }
  return false;
}

bool InRange(const FieldValue& value, const Filter& filter) {
  if (!filter.minimum.empty()) {
    const std::optional<int> order = Compare(value, filter.minimum[0]);
    if (!order || *order < (filter.minimum_excluded ? 1 : 0)) return false;
  }
  if (!filter.maximum.empty()) {
    const std::optional<int> order = Compare(value, filter.maximum[0]);
    if (!order || *order > (filter.maximum_excluded ? -1 : 0)) return false;
  }
  return true;
}

struct FilterSize {
  int leaves = 0, values = 0;
};

absl::Status ValidateField(const std::string& field) {
  if (field.empty()) return absl::InvalidArgumentError("a filter's field is empty: name a metadata key");
  if (field[0] == '$' && field != "$document_id" && field != "$uri" && field != "$title" && field != "$media_type" &&
      field != "$language" && field != "$ingested_unix_ms") {
    return absl::InvalidArgumentError(
        absl::StrCat("a filter names the unknown field ", Shown(field),
                     ": built in are $document_id, $uri, $title, $media_type, $language, $ingested_unix_ms"));
  }
  if (field.size() > kMaxMetadataKeyBytes) {
    return absl::InvalidArgumentError(absl::StrCat("a filter's field ", Shown(field), " has ",
                                                   static_cast<int64_t>(field.size()), " bytes, the limit is ",
                                                   kMaxMetadataKeyBytes));
  }
  return absl::OkStatus();
}

absl::Status ValidateLeaf(const Filter& filter) {
  PRECIS_RETURN_IF_ERROR(ValidateField(filter.field));
  const auto wrong = [&filter](const char* rule) {
    return absl::InvalidArgumentError(absl::StrCat("the filter on ", Shown(filter.field), " ", rule));
  };
  const size_t values = filter.values.size();
  for (const auto* some : {&filter.values, &filter.minimum, &filter.maximum}) {
    for (const MetadataValue& value : *some) {
      if (IsNan(value)) return wrong("compares with NaN, which equals nothing: give a number");
      if (value.index() == 4) return wrong("compares with a list: give one string, or use kIn");
    }
  }
  switch (filter.kind) {
    case Filter::Kind::kEquals:
      if (values != 1) return wrong("needs exactly one value to equal");
      break;
    case Filter::Kind::kIn:
      for (const MetadataValue& value : filter.values) {
        if (value.index() != filter.values[0].index()) {
          return wrong(absl::StrCat("mixes values of type ", kTypeNames[filter.values[0].index()], " and ",
                                    kTypeNames[value.index()], ": use one type")
                           .c_str());
        }
      }
      break;
    case Filter::Kind::kRange:
      if (values != 0 || filter.minimum.size() > 1 || filter.maximum.size() > 1 ||
          filter.minimum.size() + filter.maximum.size() == 0) {
        return wrong("needs a minimum, a maximum, or one of each");
      }
      for (const auto* bound : {&filter.minimum, &filter.maximum}) {
        if (!bound->empty() && (*bound)[0].index() == 3) return wrong("has a bool as bound, which has no order");
      }
      break;
    case Filter::Kind::kPrefix:
      if (values != 1 || filter.values[0].index() != 0) return wrong("needs exactly one string as prefix");
      break;
    default:
      if (values != 0) return wrong("asks for existence and takes no values");
      break;
  }
  if (!filter.children.empty()) return wrong("is a comparison and cannot hold others");
  return absl::OkStatus();
}

absl::Status ValidateNode(const Filter& filter, int depth, FilterSize* size) {
  if (depth > kMaxFilterDepth) {
    return absl::InvalidArgumentError(
        absl::StrCat("the filter is nested deeper than ", kMaxFilterDepth, " levels: flatten it"));
  }
  switch (filter.kind) {
    case Filter::Kind::kNot:
      if (filter.children.size() != 1) {
        return absl::InvalidArgumentError(absl::StrCat("a filter's 'not' holds ",
                                                       static_cast<int64_t>(filter.children.size()),
                                                       " conditions: give it exactly one"));
      }
      [[fallthrough]];
    case Filter::Kind::kAllOf:
    case Filter::Kind::kAnyOf:
      // Empty nodes cost time as well: they count as leaves.
      if (filter.children.empty()) ++size->leaves;
      for (const Filter& child : filter.children) PRECIS_RETURN_IF_ERROR(ValidateNode(child, depth + 1, size));
      break;
    default:
      PRECIS_RETURN_IF_ERROR(ValidateLeaf(filter));
      ++size->leaves;
      size->values += static_cast<int>(filter.values.size());
  }
  if (size->leaves > kMaxFilterLeaves || size->values > kMaxFilterValues) {
    return absl::InvalidArgumentError(absl::StrCat("the filter has more than ", kMaxFilterLeaves, " conditions or ",
                                                   kMaxFilterValues, " values: split the request"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateMetadata(const Metadata& metadata) {
  if (metadata.size() > kMaxMetadataEntries) {
    return absl::InvalidArgumentError(absl::StrCat("metadata has ", static_cast<int64_t>(metadata.size()),
                                                   " entries, the limit is ", kMaxMetadataEntries));
  }
  int64_t bytes = 0;
  for (const auto& [key, value] : metadata) {
    if (key.empty() || key.size() > kMaxMetadataKeyBytes || key[0] == '$' || !IsValidUtf8(key)) {
      return absl::InvalidArgumentError(absl::StrCat("metadata key ", Shown(key), " must be UTF-8 of 1 to ",
                                                     kMaxMetadataKeyBytes, " bytes that does not begin with '$'"));
    }
    if (!IsText(value)) return absl::InvalidArgumentError(absl::StrCat("metadata ", Shown(key), " is not UTF-8"));
    if (IsNan(value)) return absl::InvalidArgumentError(absl::StrCat("metadata ", Shown(key), " is NaN"));
    bytes += static_cast<int64_t>(key.size()) + SizeOf(value);
  }
  if (bytes > kMaxMetadataBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("metadata has ", bytes, " bytes of keys and values, the limit is ", kMaxMetadataBytes));
  }
  return absl::OkStatus();
}

absl::Status ValidateFilter(const Filter& filter) {
  FilterSize size;
  return ValidateNode(filter, 1, &size);
}

bool Matches(const Filter& filter, const FilterSubject& subject) {
  switch (filter.kind) {
    case Filter::Kind::kAllOf:
      for (const Filter& child : filter.children) {
        if (!Matches(child, subject)) return false;
      }
      return true;
    case Filter::Kind::kAnyOf:
      for (const Filter& child : filter.children) {
        if (Matches(child, subject)) return true;
      }
      return false;
    case Filter::Kind::kNot:
      return !Matches(filter.children[0], subject);
    default:
      break;
  }
  const FieldValue value = Lookup(filter.field, subject);
  switch (filter.kind) {
    case Filter::Kind::kExists:
      return value.type != FieldValue::Type::kNone;
    case Filter::Kind::kRange:
      return AnyOf(value, [&](const FieldValue& one) { return InRange(one, filter); });
    case Filter::Kind::kPrefix:
      return AnyOf(value, [&](const FieldValue& one) {
        return one.type == FieldValue::Type::kText && one.text->starts_with(std::get<std::string>(filter.values[0]));
      });
    default:  // kEquals, kIn
      return AnyOf(value, [&](const FieldValue& one) {
        for (const MetadataValue& wanted : filter.values) {
          if (Compare(one, wanted) == std::optional<int>(0)) return true;
        }
        return false;
      });
  }
}

}  // namespace precis::index
