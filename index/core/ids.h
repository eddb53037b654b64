// The ids of design.md section 4: hashes of what they name, in lower-case hexadecimal.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "precis/index/types.h"
#include "storage/records.h"

namespace precis::index {

std::string DocumentId(std::string_view tenant, std::string_view collection, std::string_view uri);

// Covers all that decides the stored text, the chunks and the vectors: bytes, media type, title, metadata, versions of
// parser, splitter and indexed text, sizes of chunks, encoder.
std::string VersionId(const std::string& document_id, const DocumentInput& document,
                      const CollectionRecord& collection);

std::string ChunkId(std::string_view version_id, int ordinal);
// Version id and ordinal, or nothing for what is not a chunk id.
std::optional<std::pair<std::string, int>> ParseChunkId(std::string_view chunk_id);

}  // namespace precis::index
