#include "storage/records.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "precis/base/hash.h"
#include "storage/codec.h"
#include "storage/keys.h"

namespace precis::index {
namespace {

// One for each kind of value; raised when its layout changes, and then the old one is still read.
constexpr uint8_t kCollectionFormat = 1;
constexpr uint8_t kDocumentFormat = 1;
constexpr uint8_t kChunkFormat = 1;
constexpr uint8_t kTermsFormat = 1;
constexpr uint8_t kOutboxFormat = 1;
constexpr uint8_t kVectorFormat = 1;

absl::Status CheckFormat(const char* what, uint8_t found, uint8_t known) {
  if (found == known) return absl::OkStatus();
  // Formats are counted one by one: what is far off was never written, by a newer program neither.
  if (found > known && found < known + 16) {
    return absl::FailedPreconditionError(absl::StrCat("a stored ", what, " has format ", static_cast<int>(found),
                                                      ", this program knows up to ", static_cast<int>(known),
                                                      ": use the program that wrote it, or a newer one"));
  }
  return absl::DataLossError(absl::StrCat("a stored ", what, " has the impossible format ", static_cast<int>(found)));
}

absl::Status Damaged(const char* what) {
  return absl::DataLossError(absl::StrCat("a stored ", what, " is damaged: verify the data folder"));
}

void EncodeRange(const ByteRange& range, Encoder* out) { out->Signed(range.begin).Signed(range.end); }

ByteRange DecodeRange(Decoder* in) {
  ByteRange range;
  range.begin = in->Signed();
  range.end = in->Signed();
  return range;
}

void EncodeValue(const MetadataValue& value, Encoder* out) {
  out->Byte(static_cast<uint8_t>(value.index()));
  switch (value.index()) {
    case 0:
      out->String(std::get<std::string>(value));
      break;
    case 1:
      out->Signed(std::get<int64_t>(value));
      break;
    case 2:
      out->Double(std::get<double>(value));
      break;
    case 3:
      out->Byte(std::get<bool>(value) ? 1 : 0);
      break;
    default:
      out->Strings(std::get<StringList>(value));
      break;
  }
}

MetadataValue DecodeValue(Decoder* in, bool* known) {
  switch (in->Byte()) {
    case 0:
      return in->String();
    case 1:
      return in->Signed();
    case 2:
      return in->Double();
    case 3:
      return in->Byte() != 0;
    case 4:
      return in->Strings();
    default:
      *known = false;
      return std::string();
  }
}

void EncodeMetadata(const Metadata& metadata, Encoder* out) {
  out->Varint(metadata.size());
  for (const auto& [key, value] : metadata) {
    out->String(key);
    EncodeValue(value, out);
  }
}

void EncodeFilter(const Filter& filter, Encoder* out) {
  out->Byte(static_cast<uint8_t>(filter.kind)).String(filter.field);
  out->Byte(static_cast<uint8_t>(filter.minimum_excluded)).Byte(static_cast<uint8_t>(filter.maximum_excluded));
  for (const auto* values : {&filter.values, &filter.minimum, &filter.maximum}) {
    out->Varint(values->size());
    for (const MetadataValue& value : *values) EncodeValue(value, out);
  }
  out->Varint(filter.children.size());
  for (const Filter& child : filter.children) EncodeFilter(child, out);
}

}  // namespace

std::string Serialize(const CollectionRecord& record) {
  const CollectionOptions& options = record.options;
  Encoder out;
  out.Byte(kCollectionFormat).Varint(record.uid).String(options.tenant).String(options.name);
  out.String(options.encoder_model).String(options.expected_fingerprint);
  out.Byte(static_cast<uint8_t>(options.metric)).Signed(options.max_tokens).Signed(options.overlap_tokens.value_or(0));
  out.Byte(static_cast<uint8_t>(options.vector_index)).String(options.description);
  out.String(record.encoder_fingerprint).Signed(record.dimensions).Signed(record.created_unix_ms);
  return out.Take();
}

absl::StatusOr<CollectionRecord> ParseCollectionRecord(std::string_view bytes) {
  Decoder in(bytes);
  if (absl::Status status = CheckFormat("collection", in.Byte(), kCollectionFormat); !status.ok()) return status;
  CollectionRecord record;
  CollectionOptions& options = record.options;
  record.uid = in.Varint();
  options.tenant = in.String();
  options.name = in.String();
  options.encoder_model = in.String();
  options.expected_fingerprint = in.String();
  const uint8_t metric = in.Byte();
  options.max_tokens = static_cast<int>(in.Signed());
  options.overlap_tokens = static_cast<int>(in.Signed());
  const uint8_t kind = in.Byte();
  options.description = in.String();
  record.encoder_fingerprint = in.String();
  record.dimensions = static_cast<int>(in.Signed());
  record.created_unix_ms = in.Signed();
  if (!in.Finished() || metric > static_cast<uint8_t>(Metric::kL2) ||
      kind > static_cast<uint8_t>(VectorIndexKind::kHnsw) || record.dimensions < 1 || record.dimensions > 1 << 16) {
    return Damaged("collection");
  }
  options.metric = static_cast<Metric>(metric);
  options.vector_index = static_cast<VectorIndexKind>(kind);
  return record;
}

std::string Serialize(const DocumentRecord& record) {
  const DocumentInfo& info = record.info;
  Encoder out;
  out.Byte(kDocumentFormat).Varint(record.attempt).String(info.document_id).String(info.version_id).String(info.uri);
  out.String(info.title).String(info.media_type).String(info.language);
  EncodeMetadata(info.metadata, &out);
  out.Signed(info.original_bytes).String(info.content_sha256).Signed(info.text_bytes).Signed(info.chunks);
  out.Signed(info.tokens).Signed(info.ingested_unix_ms).Varint(info.sequence).Strings(info.warnings);
  return out.Take();
}

absl::StatusOr<DocumentRecord> ParseDocumentRecord(std::string_view bytes) {
  Decoder in(bytes);
  if (absl::Status status = CheckFormat("document", in.Byte(), kDocumentFormat); !status.ok()) return status;
  DocumentRecord record;
  DocumentInfo& info = record.info;
  record.attempt = in.Varint();
  info.document_id = in.String();
  info.version_id = in.String();
  info.uri = in.String();
  info.title = in.String();
  info.media_type = in.String();
  info.language = in.String();
  bool known = true;
  for (uint64_t n = in.Count(2); n > 0 && in.ok(); --n) {
    std::string key = in.String();
    info.metadata[std::move(key)] = DecodeValue(&in, &known);
  }
  info.original_bytes = in.Signed();
  info.content_sha256 = in.String();
  info.text_bytes = in.Signed();
  info.chunks = static_cast<int>(in.Signed());
  info.tokens = in.Signed();
  info.ingested_unix_ms = in.Signed();
  info.sequence = in.Varint();
  info.warnings = in.Strings();
  if (!in.Finished() || !known || BytesOfHex(info.document_id).empty() || BytesOfHex(info.version_id).empty() ||
      info.chunks < 0 || info.text_bytes < 0) {
    return Damaged("document");
  }
  return record;
}

std::string Serialize(const ChunkRecord& record) {
  Encoder out;
  out.Byte(kChunkFormat);
  EncodeRange(record.range, &out);
  out.Signed(record.tokens).Strings(record.heading_path);
  const SourceLocation& place = record.location;
  out.Signed(place.line_begin).Signed(place.line_end).Signed(place.page_begin).Signed(place.page_end);
  out.Byte(place.original_range.has_value() ? 1 : 0);
  if (place.original_range) EncodeRange(*place.original_range, &out);
  out.Raw(BytesOfHex(record.text_hash));
  return out.Take();
}

absl::StatusOr<ChunkRecord> ParseChunkRecord(std::string_view bytes) {
  Decoder in(bytes);
  if (absl::Status status = CheckFormat("chunk", in.Byte(), kChunkFormat); !status.ok()) return status;
  ChunkRecord record;
  record.range = DecodeRange(&in);
  record.tokens = static_cast<int>(in.Signed());
  record.heading_path = in.Strings();
  SourceLocation& place = record.location;
  place.line_begin = static_cast<int>(in.Signed());
  place.line_end = static_cast<int>(in.Signed());
  place.page_begin = static_cast<int>(in.Signed());
  place.page_end = static_cast<int>(in.Signed());
  if (in.Byte() != 0) place.original_range = DecodeRange(&in);
  record.text_hash = ToHex(in.Raw(32));
  if (!in.Finished() || record.range.begin < 0 || record.range.end < record.range.begin) return Damaged("chunk");
  return record;
}

std::string Serialize(const TermsRecord& record) {
  Encoder out;
  out.Byte(kTermsFormat).Varint(static_cast<uint64_t>(record.analyzer_version)).Varint(record.length);
  out.Varint(record.terms.size());
  for (const auto& [term, frequency] : record.terms) out.String(term).Varint(frequency);
  return out.Take();
}

absl::StatusOr<TermsRecord> ParseTermsRecord(std::string_view bytes) {
  Decoder in(bytes);
  if (absl::Status status = CheckFormat("list of terms", in.Byte(), kTermsFormat); !status.ok()) return status;
  TermsRecord record;
  record.analyzer_version = static_cast<int>(in.Varint());
  record.length = static_cast<uint32_t>(in.Varint());
  const uint64_t count = in.Count(2);
  record.terms.reserve(count);
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    std::string term = in.String();
    const uint64_t frequency = in.Varint();
    record.terms.emplace_back(std::move(term), static_cast<uint32_t>(frequency));
  }
  if (!in.Finished()) return Damaged("list of terms");
  return record;
}

std::string Serialize(const OutboxRecord& record) {
  return Encoder().Byte(kOutboxFormat).String(record.tenant).String(record.document_id).Take();
}

absl::StatusOr<OutboxRecord> ParseOutboxRecord(std::string_view bytes) {
  Decoder in(bytes);
  if (absl::Status status = CheckFormat("erasure", in.Byte(), kOutboxFormat); !status.ok()) return status;
  OutboxRecord record;
  record.tenant = in.String();
  record.document_id = in.String();
  if (!in.Finished()) return Damaged("erasure");
  return record;
}

std::string SerializeVector(const float* values, int dimensions) {
  std::string out(1 + sizeof(float) * static_cast<size_t>(dimensions), static_cast<char>(kVectorFormat));
  std::memcpy(out.data() + 1, values, sizeof(float) * static_cast<size_t>(dimensions));
  return out;
}

absl::Status ParseVector(std::string_view bytes, int dimensions, float* values) {
  if (bytes.empty()) return Damaged("vector");
  if (absl::Status status = CheckFormat("vector", static_cast<uint8_t>(bytes[0]), kVectorFormat); !status.ok()) {
    return status;
  }
  const size_t size = sizeof(float) * static_cast<size_t>(dimensions);
  if (bytes.size() != 1 + size) return Damaged("vector");
  std::memcpy(values, bytes.data() + 1, size);
  return absl::OkStatus();
}

std::string CanonicalBytes(const Metadata& metadata) {
  Encoder out;
  EncodeMetadata(metadata, &out);
  return out.Take();
}

std::string CanonicalBytes(const Filter& filter) {
  Encoder out;
  EncodeFilter(filter, &out);
  return out.Take();
}

}  // namespace precis::index
