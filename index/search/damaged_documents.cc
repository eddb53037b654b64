#include "search/damaged_documents.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace precis::index {

void DamagedDocuments::Add(DamagedDocument document) {
  absl::MutexLock lock(&mu_);
  std::string id = document.document_id;
  documents_.insert_or_assign(std::move(id), std::move(document));
}

std::optional<DamagedDocument> DamagedDocuments::Remove(const std::string& document_id) {
  absl::MutexLock lock(&mu_);
  const auto found = documents_.find(document_id);
  if (found == documents_.end()) return std::nullopt;
  DamagedDocument document = std::move(found->second);
  documents_.erase(found);
  return document;
}

std::optional<DamagedDocument> DamagedDocuments::Find(const std::string& document_id) const {
  absl::MutexLock lock(&mu_);
  const auto found = documents_.find(document_id);
  if (found == documents_.end()) return std::nullopt;
  return found->second;
}

std::vector<DamagedDocument> DamagedDocuments::All() const {
  absl::MutexLock lock(&mu_);
  std::vector<DamagedDocument> all;
  for (const auto& [id, document] : documents_) all.push_back(document);
  return all;
}

int64_t DamagedDocuments::count() const {
  absl::MutexLock lock(&mu_);
  return static_cast<int64_t>(documents_.size());
}

absl::Status DamageOf(const DamagedDocument& document, const std::string& collection) {
  const std::string name = document.uri.empty() ? absl::StrCat("with the id ", document.document_id)
                                                : absl::StrCat("'", absl::Utf8SafeCEscape(document.uri), "'");
  return absl::DataLossError(
      absl::StrCat("document ", name, " of collection '", collection, "' is damaged: ", document.why,
                   "; it is left out of search, the others are served: index it again, or delete "
                   "it"));
}

}  // namespace precis::index
