// Describing, reading, listing, exporting and deleting documents.
#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/ids.h"
#include "core/index_impl.h"
#include "parse/source_map.h"
#include "precis/base/hash.h"
#include "precis/base/status_macros.h"
#include "precis/base/utf8.h"
#include "storage/codec.h"
#include "storage/keys.h"

namespace precis::index {
namespace {

constexpr int kDefaultPage = 100;
constexpr int kLargestPage = 1000;
constexpr size_t kMaxPageToken = 16 << 10;
constexpr uint8_t kPageTokenFormat = 1;

// Binds a page token to the list that it came from.
std::string ListDigest(uint64_t uid, const std::optional<Filter>& filter, const std::string& uri_prefix) {
  const Digest digest = Hasher()
                            .Field("precis.page.v1")
                            .Field(static_cast<int64_t>(uid))
                            .Field(filter ? CanonicalBytes(*filter) : std::string())
                            .Field(uri_prefix)
                            .Finish();
  return std::string(reinterpret_cast<const char*>(digest.data()), 16);
}

std::string MakePageToken(const std::string& list, const std::string& last_uri) {
  const std::string bytes = Encoder().Byte(kPageTokenFormat).Raw(list).String(last_uri).Take();
  return absl::WebSafeBase64Escape(bytes);
}

// The URI behind which the page begins.
absl::StatusOr<std::string> ParsePageToken(const std::string& token, const std::string& list) {
  std::string bytes;
  if (token.size() <= kMaxPageToken && absl::WebSafeBase64Unescape(token, &bytes)) {
    Decoder in(bytes);
    const uint8_t format = in.Byte();
    const std::string_view from = in.Raw(list.size());
    std::string last = in.String();
    if (in.Finished() && format == kPageTokenFormat && from == list) return last;
  }
  return absl::InvalidArgumentError(
      "the page token belongs to another list (collection, filter or prefix differ) or is damaged: begin without one");
}

bool MatchesOptional(const std::optional<Filter>& filter, const DocumentEntry& document) {
  return !filter || Matches(*filter, document.subject());
}

}  // namespace

absl::StatusOr<std::shared_ptr<const DocumentEntry>> IndexImpl::FindDocument(const CollectionState& collection,
                                                                             const DocumentKey& key) const {
  const CollectionOptions& options = collection.options();
  if (key.document_id.empty() == key.uri.empty()) {
    return absl::InvalidArgumentError("a document is named by its id or by its URI: give one of the two");
  }
  const std::string id = key.uri.empty() ? key.document_id : DocumentId(options.tenant, options.name, key.uri);
  if (auto document = collection.Find(id)) return document;
  if (const auto damaged = collection.damaged().Find(id)) return DamageOf(*damaged, options.name);
  return absl::NotFoundError(absl::StrCat("there is no document '",
                                          absl::Utf8SafeCEscape(key.uri.empty() ? key.document_id : key.uri),
                                          "' in collection '", options.name, "'"));
}

absl::StatusOr<std::string> IndexImpl::FindStoredId(const CollectionState& collection, const DocumentKey& key) const {
  const auto document = FindDocument(collection, key);
  if (document.ok()) return (*document)->info.document_id;
  if (!absl::IsDataLoss(document.status())) return document.status();
  const CollectionOptions& options = collection.options();
  return key.uri.empty() ? key.document_id : DocumentId(options.tenant, options.name, key.uri);
}

absl::Status IndexImpl::SetAside(const CollectionPtr& collection, const DocumentEntry& document,
                                 const absl::Status& damage) {
  const std::string id = document.info.document_id, prefix = document.version_prefix();
  Mutation mutation;
  mutation.subject = id;
  mutation.prepare = [](uint64_t first, rocksdb::WriteBatch*) -> absl::StatusOr<uint64_t> { return first; };
  mutation.apply = [&](uint64_t last) {
    const auto current = collection->Find(id);
    if (!current || current->version_prefix() != prefix) return;
    collection->damaged().Add({id, current->info.uri, prefix, std::string(damage.message())});
    collection->Remove(id, last);
  };
  return committer_->Commit(std::move(mutation)).status();
}

absl::StatusOr<DocumentInfo> IndexImpl::GetDocument(const std::string& tenant, const std::string& collection,
                                                    const DocumentKey& key) {
  PRECIS_ASSIGN_OR_RETURN(const CollectionPtr state, FindCollection(tenant, collection));
  PRECIS_ASSIGN_OR_RETURN(const auto document, FindDocument(*state, key));
  return document->info;
}

absl::StatusOr<std::string> IndexImpl::ReadText(const std::string& tenant, const std::string& collection,
                                                const DocumentKey& key, std::optional<ByteRange> range,
                                                ByteRange* actual_range, SourceLocation* location) {
  const Epochs::Pin pin = epochs_.PinNow();  // the version stays until its text is read
  PRECIS_ASSIGN_OR_RETURN(const CollectionPtr state, FindCollection(tenant, collection));
  PRECIS_ASSIGN_OR_RETURN(const auto document, FindDocument(*state, key));
  const int64_t size = document->info.text_bytes;
  ByteRange wanted = range.value_or(ByteRange{0, size});
  if (wanted.begin < 0 || wanted.end < wanted.begin || wanted.end > size) {
    return absl::InvalidArgumentError(absl::StrCat("bytes ", wanted.begin, " to ", wanted.end, " of '",
                                                   document->info.uri, "' are asked for, its text has ", size));
  }
  const std::string prefix = document->version_prefix();
  PRECIS_ASSIGN_OR_RETURN(std::string text, ReadParts(*store_, Family::kTexts, prefix, wanted.begin, wanted.end));
  size_t skip = 0;
  while (skip < text.size() && (static_cast<uint8_t>(text[skip]) & 0xc0) == 0x80) ++skip;
  text.erase(0, skip);
  text.resize(CompleteUtf8Prefix(text));
  wanted.begin += static_cast<int64_t>(skip);
  wanted.end = wanted.begin + static_cast<int64_t>(text.size());
  if (location != nullptr) {
    std::string bytes;
    PRECIS_RETURN_IF_ERROR(store_->Scan(Family::kSourceMaps, prefix, OrdinalKey(prefix, ~uint32_t{0}), true,
                                        [&bytes](std::string_view, std::string_view part) {
                                          bytes += part;
                                          return absl::OkStatus();
                                        }));
    PRECIS_ASSIGN_OR_RETURN(const SourceMap map, SourceMap::Deserialize(bytes));
    *location = map.Locate(wanted);
  }
  if (actual_range != nullptr) *actual_range = wanted;
  return text;
}

absl::StatusOr<DocumentPage> IndexImpl::ListDocuments(const std::string& tenant, const std::string& collection,
                                                      const std::optional<Filter>& filter,
                                                      const std::string& uri_prefix, int page_size,
                                                      const std::string& page_token) {
  PRECIS_ASSIGN_OR_RETURN(const CollectionPtr state, FindCollection(tenant, collection));
  if (filter) PRECIS_RETURN_IF_ERROR(ValidateFilter(*filter));
  if (page_size < 0 || page_size > kLargestPage) {
    return absl::InvalidArgumentError(absl::StrCat("a page of ", page_size, " documents is asked for, 1 to ",
                                                   kLargestPage, " are allowed (0: ", kDefaultPage, ")"));
  }
  const auto limit = static_cast<size_t>(page_size == 0 ? kDefaultPage : page_size);
  const std::string list = ListDigest(state->record().uid, filter, uri_prefix);
  std::string from = uri_prefix;
  std::string last;
  if (!page_token.empty()) {
    PRECIS_ASSIGN_OR_RETURN(last, ParsePageToken(page_token, list));
    from = last;
  }
  DocumentPage page;
  page.sequence = epochs_.published();
  std::vector<std::shared_ptr<const DocumentEntry>> documents;
  state->ForEach(from, [&](const std::shared_ptr<const DocumentEntry>& document) {
    if (!document->info.uri.starts_with(uri_prefix)) return false;
    if (!page_token.empty() && document->info.uri == last) return true;
    if (!MatchesOptional(filter, *document)) return true;
    documents.push_back(document);
    return documents.size() <= limit;  // one more tells whether there is a next page
  });
  const bool more = documents.size() > limit;
  if (more) documents.pop_back();
  for (const auto& document : documents) page.documents.push_back(document->info);
  if (more) page.next_page_token = MakePageToken(list, page.documents.back().uri);
  return page;
}

void IndexImpl::AddCollectionSequence(const CollectionState& collection, uint64_t sequence,
                                      rocksdb::WriteBatch* batch) const {
  batch->Put(store_->family(Family::kMeta), absl::StrCat("collection_sequence/", BigEndian64(collection.record().uid)),
             BigEndian64(sequence));
}

void IndexImpl::AddRemoval(const CollectionState& collection, const std::string& document_id, uint64_t epoch,
                           rocksdb::WriteBatch* batch) const {
  batch->Delete(store_->family(Family::kDocuments), DocumentKeyOf(collection.record().uid, document_id));
  outbox_.Add(epoch, collection.options().tenant, document_id, batch);
}

void IndexImpl::SweepDamaged(CollectionState* collection, const std::string& document_id, uint64_t last) const {
  const auto damaged = collection->damaged().Remove(document_id);
  if (damaged && !damaged->version_prefix.empty()) sweeper_->Version(damaged->version_prefix, last);
}

absl::StatusOr<DeleteResult> IndexImpl::RemoveDocuments(
    const CollectionPtr& collection, std::string subject,
    std::function<absl::StatusOr<std::vector<std::string>>()> choose) {
  DeleteResult result;
  Mutation mutation;
  mutation.subject = std::move(subject);
  mutation.prepare = [&](uint64_t first, rocksdb::WriteBatch* batch) -> absl::StatusOr<uint64_t> {
    if (collection->dropped()) {
      return absl::NotFoundError(absl::StrCat("collection '", collection->options().name, "' was just deleted"));
    }
    PRECIS_ASSIGN_OR_RETURN(result.document_ids, choose());
    uint64_t epoch = first;
    for (const std::string& id : result.document_ids) {
      if (collection->Find(id) || collection->damaged().Find(id)) AddRemoval(*collection, id, epoch++, batch);
    }
    const uint64_t last = std::max(first, epoch - 1);
    AddCollectionSequence(*collection, last, batch);
    return last;
  };
  mutation.apply = [&](uint64_t last) {
    for (const std::string& id : result.document_ids) {
      if (const auto removed = collection->Remove(id, last)) sweeper_->Version(removed->version_prefix(), last);
      SweepDamaged(collection.get(), id, last);
    }
    collection->set_last_sequence(last);
  };
  PRECIS_ASSIGN_OR_RETURN(result.sequence, committer_->Commit(std::move(mutation)));
  builder_->Consider(collection);
  return result;
}

absl::StatusOr<DeleteResult> IndexImpl::DeleteDocument(const std::string& tenant, const std::string& collection,
                                                       const DocumentKey& key) {
  PRECIS_ASSIGN_OR_RETURN(const CollectionPtr state, FindCollection(tenant, collection));
  PRECIS_ASSIGN_OR_RETURN(const std::string id, FindStoredId(*state, key));
  return RemoveDocuments(state, id, [this, &state, &key]() -> absl::StatusOr<std::vector<std::string>> {
    PRECIS_ASSIGN_OR_RETURN(std::string still, FindStoredId(*state, key));  // still there?
    return std::vector<std::string>{std::move(still)};
  });
}

absl::StatusOr<DeleteResult> IndexImpl::DeleteDocumentsByFilter(const std::string& tenant,
                                                                const std::string& collection,
                                                                const DeleteByFilterOptions& options) {
  PRECIS_ASSIGN_OR_RETURN(const CollectionPtr state, FindCollection(tenant, collection));
  PRECIS_RETURN_IF_ERROR(ValidateFilter(options.filter));
  if (options.max_documents < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_documents is ", options.max_documents, ", 0 or more is allowed"));
  }
  const auto choose = [&]() -> absl::StatusOr<std::vector<std::string>> {
    std::vector<std::string> ids;
    state->ForEach("", [&](const std::shared_ptr<const DocumentEntry>& document) {
      if ((options.max_sequence == 0 || document->info.sequence <= options.max_sequence) &&
          Matches(options.filter, document->subject())) {
        ids.push_back(document->info.document_id);
      }
      return true;
    });
    if (options.max_documents > 0 && static_cast<int64_t>(ids.size()) > options.max_documents) {
      return absl::FailedPreconditionError(absl::StrCat(static_cast<int64_t>(ids.size()),
                                                        " documents match, max_documents allows ",
                                                        options.max_documents, ": nothing was deleted"));
    }
    return ids;
  };
  PRECIS_ASSIGN_OR_RETURN(std::vector<std::string> ids, choose());
  if (options.dry_run || ids.empty()) return DeleteResult{epochs_.published(), std::move(ids)};
  return RemoveDocuments(state, "", choose);
}

absl::StatusOr<uint64_t> IndexImpl::Export(
    const std::string& tenant, const std::string& collection, const std::optional<Filter>& filter, bool with_vectors,
    const CallContext& call,
    const std::function<bool(const DocumentInfo&, std::string_view, const std::vector<ExportedChunk>&)>& sink) {
  if (filter) PRECIS_RETURN_IF_ERROR(ValidateFilter(*filter));
  // The pin keeps the versions listed here from being swept, however long the export takes.
  const Epochs::Pin pin = epochs_.PinNow();
  PRECIS_ASSIGN_OR_RETURN(const CollectionPtr state, FindCollection(tenant, collection));
  std::vector<std::shared_ptr<const DocumentEntry>> documents;
  state->ForEach("", [&](const std::shared_ptr<const DocumentEntry>& document) {
    if (MatchesOptional(filter, *document)) documents.push_back(document);
    return true;
  });
  for (const auto& document : documents) {
    PRECIS_RETURN_IF_ERROR(call.Check());
    const std::string prefix = document->version_prefix();
    PRECIS_ASSIGN_OR_RETURN(const std::string text,
                            ReadParts(*store_, Family::kTexts, prefix, 0, document->info.text_bytes));
    std::vector<ExportedChunk> chunks(static_cast<size_t>(document->info.chunks));
    for (size_t i = 0; i < chunks.size(); ++i) {
      const std::string key = OrdinalKey(prefix, static_cast<uint32_t>(i));
      PRECIS_ASSIGN_OR_RETURN(const std::string bytes, store_->Get(Family::kChunks, key));
      PRECIS_ASSIGN_OR_RETURN(ChunkRecord chunk, ParseChunkRecord(bytes));
      chunks[i].chunk_id = ChunkId(document->info.version_id, static_cast<int>(i));
      chunks[i].ordinal = static_cast<int>(i);
      chunks[i].range = chunk.range;
      chunks[i].heading_path = std::move(chunk.heading_path);
      chunks[i].tokens = chunk.tokens;
      chunks[i].location = chunk.location;
      if (!with_vectors) continue;
      chunks[i].vector.resize(static_cast<size_t>(state->record().dimensions));
      PRECIS_ASSIGN_OR_RETURN(const std::string vector, store_->Get(Family::kVectors, key));
      PRECIS_RETURN_IF_ERROR(ParseVector(vector, state->record().dimensions, chunks[i].vector.data()));
    }
    if (!sink(document->info, text, chunks)) return pin.epoch();
  }
  if (const std::vector<DamagedDocument> damaged = state->damaged().All(); !damaged.empty()) {
    return absl::DataLossError(absl::StrCat(
        "the export lacks ", static_cast<int64_t>(damaged.size()),
        " damaged documents, all others came; the first: ", std::string(DamageOf(damaged[0], collection).message())));
  }
  return pin.epoch();
}

}  // namespace precis::index
