// A stored version of a document, as memory holds it.
#pragma once

#include <cstdint>
#include <string>

#include "precis/index/metadata.h"
#include "precis/index/types.h"
#include "storage/keys.h"
#include "storage/records.h"

namespace precis::index {

// Immutable once made; shared by everything that points to the version.
struct DocumentEntry {
  DocumentInfo info;
  uint64_t attempt = 0;
  uint64_t uid = 0;  // of the collection

  std::string version_prefix() const { return VersionPrefix(uid, info.version_id, attempt); }
  FilterSubject subject() const {
    return {&info.document_id,     &info.uri,     &info.title, &info.media_type, &info.language,
            info.ingested_unix_ms, &info.metadata};
  }
};

}  // namespace precis::index
