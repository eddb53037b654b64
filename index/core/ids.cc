#include "core/ids.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/indexed_text.h"
#include "parse/document_parser.h"
#include "precis/base/hash.h"
#include "precis/split/splitter.h"
#include "storage/keys.h"

namespace precis::index {

std::string DocumentId(std::string_view tenant, std::string_view collection, std::string_view uri) {
  return Hasher().Field("precis.document.v1").Field(tenant).Field(collection).Field(uri).FinishHex();
}

std::string VersionId(const std::string& document_id, const DocumentInput& document,
                      const CollectionRecord& collection) {
  return Hasher()
      .Field("precis.version.v1")
      .Field(document_id)
      .Field(document.content)
      .Field(document.media_type)
      .Field(document.title)
      .Field(CanonicalBytes(document.metadata))
      .Field(int64_t{kParserVersion})
      .Field(int64_t{split::kSplitterVersion})
      .Field(int64_t{kIndexedTextVersion})
      .Field(int64_t{collection.options.max_tokens})
      .Field(int64_t{collection.options.overlap_tokens.value_or(0)})
      .Field(collection.encoder_fingerprint)
      .FinishHex();
}

std::string ChunkId(std::string_view version_id, int ordinal) {
  return absl::StrCat(std::string(version_id), "-", ordinal);
}

std::optional<std::pair<std::string, int>> ParseChunkId(std::string_view chunk_id) {
  if (chunk_id.size() < 66 || chunk_id[64] != '-' || BytesOfHex(chunk_id.substr(0, 64)).empty()) return std::nullopt;
  int ordinal = 0;
  const std::string number(chunk_id.substr(65));
  if (!absl::SimpleAtoi(number, &ordinal) || ordinal < 0 || absl::StrCat(ordinal) != number) return std::nullopt;
  return std::pair(std::string(chunk_id.substr(0, 64)), ordinal);
}

}  // namespace precis::index
