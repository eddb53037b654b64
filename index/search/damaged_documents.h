// Documents of a collection that are stored but cannot be served: something of them is damaged. They are kept out of
// search and lists, named to whoever asks for them, and stay as they are on the disk until they are written again or
// deleted.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"

namespace precis::index {

struct DamagedDocument {
  std::string document_id;
  std::string uri;             // empty: the document's own row is what is damaged
  std::string version_prefix;  // of its rows; empty: unknown, for the same reason
  std::string why;             // one sentence without its end
};

// Thread-safe.
class DamagedDocuments {
 public:
  void Add(DamagedDocument document);
  // Gives what was known of it.
  std::optional<DamagedDocument> Remove(const std::string& document_id);
  std::optional<DamagedDocument> Find(const std::string& document_id) const;
  std::vector<DamagedDocument> All() const;  // by id
  int64_t count() const;

 private:
  mutable absl::Mutex mu_;
  std::map<std::string, DamagedDocument> documents_ ABSL_GUARDED_BY(mu_);  // by id
};

// DataLoss that names the document, the damage and the way out.
absl::Status DamageOf(const DamagedDocument& document, const std::string& collection);

}  // namespace precis::index
