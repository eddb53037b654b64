// Messages of common.proto <-> the index's and the engine's types.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "precis/base/byte_range.h"
#include "precis/compress/types.h"
#include "precis/index/index.h"
#include "precis/v1/common.pb.h"

namespace precis::services {

void ToProto(const ByteRange& range, v1::ByteRange* out);
// Unset lines, pages and range leave `out` empty.
void ToProto(const index::SourceLocation& location, v1::SourceLocation* out);
bool HasLocation(const index::SourceLocation& location);

void ToProto(const index::MetadataValue& value, v1::MetadataValue* out);
// InvalidArgument when none of the value's kinds is set.
absl::StatusOr<index::MetadataValue> FromProto(const v1::MetadataValue& value);
template <class Map>
void MetadataToProto(const index::Metadata& metadata, Map* out) {
  for (const auto& [key, value] : metadata) ToProto(value, &(*out)[key]);
}
template <class Map>
absl::StatusOr<index::Metadata> MetadataFromProto(const Map& map) {
  index::Metadata metadata;
  for (const auto& [key, value] : map) {
    auto converted = FromProto(value);
    if (!converted.ok()) return converted.status();
    metadata[key] = *std::move(converted);
  }
  return metadata;
}

// InvalidArgument: a condition without kind, deeper than index::kMaxFilterDepth. The index checks the rest.
absl::StatusOr<index::Filter> FromProto(const v1::Filter& filter);

void ToProto(const std::string& stage, absl::Duration duration, v1::StageTiming* out);

void ToProto(const index::Passage& passage, bool include_text, v1::Passage* out);
// What compression and citation checks need of a passage. InvalidArgument when `text_hash` does not match the text.
absl::StatusOr<compress::Passage> FromProto(const v1::Passage& passage);

void ToProto(const absl::Status& status, v1::ItemError* out);

// A page token is the last name of the page before, marked so that tokens of other lists are refused.
std::string MakePageToken(const std::string& list, const std::string& last);
absl::StatusOr<std::string> ReadPageToken(const std::string& list, const std::string& token);

}  // namespace precis::services
