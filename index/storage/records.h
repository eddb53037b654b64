// The values of the column families and their bytes. Parse gives DataLoss on bytes that Serialize did not write, and
// FailedPrecondition on a format version that is newer than this program by less than 16.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "precis/index/types.h"

namespace precis::index {

struct CollectionRecord {
  uint64_t uid = 0;
  CollectionOptions options;  // defaults filled in
  std::string encoder_fingerprint;
  int dimensions = 0;
  int64_t created_unix_ms = 0;
};

struct DocumentRecord {
  DocumentInfo info;
  uint64_t attempt = 0;  // see VersionPrefix
};

struct ChunkRecord {
  ByteRange range;
  int tokens = 0;
  std::vector<std::string> heading_path;
  SourceLocation location;
  std::string text_hash;  // 64 hexadecimal digits
};

// What the keyword index keeps of a chunk: distinct terms, sorted, with their frequencies.
struct TermsRecord {
  int analyzer_version = 0;
  uint32_t length = 0;  // terms, repeated ones counted again
  std::vector<std::pair<std::string, uint32_t>> terms;
};

struct OutboxRecord {
  std::string tenant, document_id;
};

std::string Serialize(const CollectionRecord& record);
std::string Serialize(const DocumentRecord& record);
std::string Serialize(const ChunkRecord& record);
std::string Serialize(const TermsRecord& record);
std::string Serialize(const OutboxRecord& record);
std::string SerializeVector(const float* values, int dimensions);

absl::StatusOr<CollectionRecord> ParseCollectionRecord(std::string_view bytes);
absl::StatusOr<DocumentRecord> ParseDocumentRecord(std::string_view bytes);
absl::StatusOr<ChunkRecord> ParseChunkRecord(std::string_view bytes);
absl::StatusOr<TermsRecord> ParseTermsRecord(std::string_view bytes);
absl::StatusOr<OutboxRecord> ParseOutboxRecord(std::string_view bytes);
// Writes `dimensions` floats to `values`.
absl::Status ParseVector(std::string_view bytes, int dimensions, float* values);

// The bytes of metadata and of a filter that hashes and page tokens are made from: equal values, equal bytes.
std::string CanonicalBytes(const Metadata& metadata);
std::string CanonicalBytes(const Filter& filter);

}  // namespace precis::index
