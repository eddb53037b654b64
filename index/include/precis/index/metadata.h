// Typed metadata of documents, and conditions on it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"

namespace precis::index {

using StringList = std::vector<std::string>;
using MetadataValue = std::variant<std::string, int64_t, double, bool, StringList>;
using Metadata = std::map<std::string, MetadataValue>;

inline constexpr int kMaxMetadataEntries = 128;
inline constexpr int kMaxMetadataKeyBytes = 128;
inline constexpr int64_t kMaxMetadataBytes = 64 << 10;  // keys and values together

// A condition tree. A field is a metadata key or one of "$document_id", "$uri", "$title", "$media_type", "$language"
// (strings) and "$ingested_unix_ms" (int64). A document that lacks the field, or holds another type there, does not
// match the leaf; int64 and double compare by value; a string list matches if any of its strings does.
struct Filter {
  enum class Kind { kAllOf, kAnyOf, kNot, kEquals, kIn, kRange, kPrefix, kExists };
  Kind kind = Kind::kAllOf;
  std::vector<Filter> children;                 // kAllOf (empty: true), kAnyOf (empty: false), kNot (exactly one)
  std::string field;                            // leaves
  std::vector<MetadataValue> values;            // kEquals: one; kIn: any number of one type; kPrefix: one string
  std::vector<MetadataValue> minimum, maximum;  // kRange: none or one each, at least one of the two
  bool minimum_excluded = false, maximum_excluded = false;
};

inline constexpr int kMaxFilterDepth = 16;
inline constexpr int kMaxFilterLeaves = 1024;
inline constexpr int kMaxFilterValues = 10000;

// InvalidArgument with the offending field, value and limit.
absl::Status ValidateMetadata(const Metadata& metadata);
absl::Status ValidateFilter(const Filter& filter);

// What a filter can see of a document.
struct FilterSubject {
  const std::string* document_id;
  const std::string* uri;
  const std::string* title;
  const std::string* media_type;
  const std::string* language;
  int64_t ingested_unix_ms;
  const Metadata* metadata;
};

// Requires a valid filter. Thread-safe, no allocation.
bool Matches(const Filter& filter, const FilterSubject& subject);

}  // namespace precis::index
