// One document in: parse, split, embed, write the version, flip to it.
#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "core/ids.h"
#include "core/index_impl.h"
#include "core/indexed_text.h"
#include "parse/document_parser.h"
#include "precis/base/hash.h"
#include "precis/base/reason.h"
#include "precis/base/status_macros.h"
#include "precis/base/utf8.h"
#include "precis/split/splitter.h"
#include "precis/text/analyzer.h"
#include "storage/keys.h"

namespace precis::index {
namespace {

constexpr size_t kMaxUriBytes = 4096;
constexpr size_t kMaxTitleBytes = 4096;
constexpr size_t kMaxMediaTypeBytes = 256;
// Chunks a call of the encoder: enough to fill its batches, few enough that a cancel is seen soon.
constexpr size_t kChunksACall = 128;

absl::Status ValidateHeader(const DocumentInput& document) {
  if (document.uri.empty() || document.uri.size() > kMaxUriBytes || !IsValidUtf8(document.uri)) {
    return absl::InvalidArgumentError(absl::StrCat("the URI must be UTF-8 of 1 to ", static_cast<int64_t>(kMaxUriBytes),
                                                   " bytes; it has ", static_cast<int64_t>(document.uri.size())));
  }
  const auto too_long = [&document](const char* what, size_t size, size_t limit) {
    return absl::InvalidArgumentError(absl::StrCat("the ", what, " of '", document.uri, "' has ",
                                                   static_cast<int64_t>(size), " bytes, the limit is ",
                                                   static_cast<int64_t>(limit)));
  };
  if (document.title.size() > kMaxTitleBytes) return too_long("title", document.title.size(), kMaxTitleBytes);
  if (document.media_type.size() > kMaxMediaTypeBytes) {
    return too_long("media type", document.media_type.size(), kMaxMediaTypeBytes);
  }
  if (!IsValidUtf8(document.title)) {
    return absl::InvalidArgumentError(absl::StrCat("the title of '", document.uri, "' is not UTF-8"));
  }
  return ValidateMetadata(document.metadata);
}

absl::Status ValidateInput(const DocumentInput& document, int64_t max_bytes) {
  if (absl::Status status = ValidateHeader(document); !status.ok()) {
    status.SetPayload(kReasonPayload, absl::Cord("INVALID_HEADER"));
    return status;
  }
  if (static_cast<int64_t>(document.content.size()) <= max_bytes) return absl::OkStatus();
  return StatusWithReason(absl::StatusCode::kResourceExhausted, "TOO_LARGE",
                          absl::StrCat("'", document.uri, "' has ", static_cast<int64_t>(document.content.size()),
                                       " bytes, the limit is ", max_bytes, ": split the file"));
}

TermsRecord MakeTerms(std::string_view indexed_text) {
  std::map<std::string, uint32_t> counts;
  TermsRecord record;
  record.analyzer_version = text::kAnalyzerVersion;
  for (std::string& term : text::AnalyzeTerms(indexed_text)) {
    ++counts[std::move(term)];
    ++record.length;
  }
  record.terms.assign(counts.begin(), counts.end());
  return record;
}

// Checks a vector that may come from afar, and gives it length 1 where the metric is the cosine.
absl::Status Settle(const engine::Embedding& embedding, const CollectionRecord& collection, const std::string& encoder,
                    std::vector<float>* out) {
  if (static_cast<int>(embedding.vector.size()) != collection.dimensions) {
    return absl::InternalError(absl::StrCat("encoder '", encoder, "' gave a vector of ",
                                            static_cast<int64_t>(embedding.vector.size()), " dimensions, collection '",
                                            collection.options.name, "' has ", collection.dimensions));
  }
  double square = 0;
  for (float value : embedding.vector) square += static_cast<double>(value) * value;
  if (!std::isfinite(square)) {
    return absl::InternalError(absl::StrCat("encoder '", encoder, "' gave a vector that is not finite"));
  }
  // A vector of length 1 up to rounding keeps its bits.
  const bool scale = collection.options.metric == Metric::kCosine && square > 0 && std::abs(square - 1) > 1e-4;
  const float factor = scale ? static_cast<float>(1 / std::sqrt(square)) : 1.0f;
  for (float value : embedding.vector) out->push_back(value * factor);
  return absl::OkStatus();
}

class Stopwatch {
 public:
  explicit Stopwatch(std::vector<StageTiming>* timings) : timings_(timings) {}
  void Lap(const char* stage) {
    const absl::Time now = absl::Now();
    timings_->push_back({stage, now - last_});
    last_ = now;
  }

 private:
  std::vector<StageTiming>* timings_;
  absl::Time last_ = absl::Now();
};

// Collects the rows of a version and writes them in batches of bounded size.
class VersionWriter {
 public:
  VersionWriter(Store* store, std::string prefix) : store_(store), prefix_(std::move(prefix)) {
    batch_.Put(store_->family(Family::kVersions), prefix_, "");
  }
  absl::Status Put(Family family, uint32_t ordinal, std::string_view value) {
    batch_.Put(store_->family(family), OrdinalKey(prefix_, ordinal), rocksdb::Slice(value.data(), value.size()));
    return batch_.GetDataSize() >= kMaxBatchBytes ? Flush() : absl::OkStatus();
  }
  absl::Status PutParts(Family family, std::string_view bytes) {
    for (int64_t begin = 0, part = 0; begin < static_cast<int64_t>(bytes.size()); begin += kTextPartBytes, ++part) {
      PRECIS_RETURN_IF_ERROR(
          Put(family, static_cast<uint32_t>(part), bytes.substr(static_cast<size_t>(begin), kTextPartBytes)));
    }
    return absl::OkStatus();
  }
  absl::Status Flush() {
    PRECIS_RETURN_IF_ERROR(store_->Write(&batch_));
    batch_.Clear();
    return absl::OkStatus();
  }

 private:
  Store* store_;
  std::string prefix_;
  rocksdb::WriteBatch batch_;
};

IngestResult Unchanged(const DocumentEntry& document) {
  const DocumentInfo& info = document.info;
  IngestResult result;
  result.outcome = IngestOutcome::kUnchanged;
  result.document_id = info.document_id;
  result.version_id = info.version_id;
  result.chunks = info.chunks;
  result.tokens = info.tokens;
  result.text_bytes = info.text_bytes;
  result.sequence = info.sequence;
  result.warnings = info.warnings;
  return result;
}

}  // namespace

absl::StatusOr<TermsRecord> IndexImpl::AnalyzeStoredChunk(const DocumentEntry& document, uint32_t ordinal) const {
  const std::string prefix = document.version_prefix();
  PRECIS_ASSIGN_OR_RETURN(const std::string bytes, store_->Get(Family::kChunks, OrdinalKey(prefix, ordinal)));
  PRECIS_ASSIGN_OR_RETURN(const ChunkRecord chunk, ParseChunkRecord(bytes));
  PRECIS_ASSIGN_OR_RETURN(const std::string text,
                          ReadParts(*store_, Family::kTexts, prefix, chunk.range.begin, chunk.range.end));
  return MakeTerms(IndexedText(document.info.title, chunk.heading_path, text));
}

absl::StatusOr<IngestResult> IndexImpl::Ingest(const DocumentInput& document, const CallContext& call) {
  PRECIS_ASSIGN_OR_RETURN(const CollectionPtr collection, FindCollection(document.tenant, document.collection));
  PRECIS_RETURN_IF_ERROR(ValidateInput(document, options_.max_document_bytes));
  const CollectionRecord& record = collection->record();
  const std::string document_id = DocumentId(document.tenant, document.collection, document.uri);
  const std::string version_id = VersionId(document_id, document, record);
  if (const auto current = collection->Find(document_id); current && current->info.version_id == version_id) {
    return Unchanged(*current);
  }
  // Whatever caches keep of this text was read now: a delete from here on takes it along.
  const uint64_t read_epoch = epochs_.published();

  IngestResult result;
  Stopwatch watch(&result.timings);
  ParseLimits limits;
  limits.max_original_bytes = options_.max_document_bytes;
  PRECIS_ASSIGN_OR_RETURN(const ParsedDocument parsed,
                          ParseDocument(document.uri, document.media_type, document.content, limits, call));
  watch.Lap("parse");

  PRECIS_ASSIGN_OR_RETURN(const std::shared_ptr<engine::Embedder> encoder, EncoderOf(*collection));
  split::SplitOptions split_options;
  split_options.media_type = parsed.media_type;
  split_options.language = parsed.language;
  split_options.max_tokens = record.options.max_tokens;
  split_options.overlap_tokens = *record.options.overlap_tokens;
  split_options.tokenizer = &encoder->tokenizer();
  PRECIS_ASSIGN_OR_RETURN(const split::SplitResult split, split::Split(parsed.text, split_options, call));
  watch.Lap("split");

  auto entry = std::make_shared<DocumentEntry>();
  entry->uid = record.uid;
  entry->attempt = store_->NextUnique();
  DocumentInfo& info = entry->info;
  info.tenant = document.tenant;
  info.collection = document.collection;
  info.document_id = document_id;
  info.version_id = version_id;
  info.uri = document.uri;
  info.title = document.title.empty() ? parsed.title : document.title;
  info.media_type = parsed.media_type;
  info.language = parsed.language;
  info.metadata = document.metadata;
  info.original_bytes = static_cast<int64_t>(document.content.size());
  info.content_sha256 = Sha256Hex(document.content);
  info.text_bytes = static_cast<int64_t>(parsed.text.size());
  info.chunks = static_cast<int>(split.pieces.size());
  for (const split::Piece& piece : split.pieces) info.tokens += piece.tokens;
  info.warnings = parsed.warnings;
  info.warnings.insert(info.warnings.end(), split.warnings.begin(), split.warnings.end());

  // The title and headings help only as far as the encoder's window reaches: a chunk that fills it goes alone.
  const int64_t window = encoder->info().max_tokens - encoder->tokenizer().special_tokens_added();
  PRECIS_ASSIGN_OR_RETURN(const int64_t prefix_tokens,
                          encoder->tokenizer().CountTokens(encoder->info().document_prefix));
  VersionData version;
  version.document = entry;
  std::vector<std::string> texts(split.pieces.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    const std::string_view chunk = Slice(parsed.text, split.pieces[i].range);
    texts[i] = IndexedText(info.title, split.pieces[i].heading_path, chunk);
    version.terms.push_back(MakeTerms(texts[i]));
    if (texts[i].size() == chunk.size()) continue;
    PRECIS_ASSIGN_OR_RETURN(const int64_t tokens, encoder->tokenizer().CountTokens(texts[i]));
    if (tokens + prefix_tokens > window) texts[i] = std::string(chunk);
  }
  const std::vector<engine::CacheTag> tags(std::min(texts.size(), kChunksACall),
                                           engine::CacheTag{document.tenant, document_id, read_epoch});
  for (size_t begin = 0; begin < texts.size(); begin += kChunksACall) {
    PRECIS_RETURN_IF_ERROR(call.Check());
    const size_t end = std::min(texts.size(), begin + kChunksACall);
    const std::vector<std::string_view> slice(texts.begin() + static_cast<ptrdiff_t>(begin),
                                              texts.begin() + static_cast<ptrdiff_t>(end));
    engine::EmbedOptions options;
    options.role = engine::InputRole::kDocument;
    options.tags = std::span(tags).first(slice.size());
    PRECIS_ASSIGN_OR_RETURN(const std::vector<engine::Embedding> embeddings, encoder->Embed(slice, options, call));
    if (embeddings.size() != slice.size()) {
      return absl::InternalError(absl::StrCat("encoder '", encoder->info().name, "' gave ",
                                              static_cast<int64_t>(embeddings.size()), " vectors for ",
                                              static_cast<int64_t>(slice.size()), " texts"));
    }
    for (const engine::Embedding& embedding : embeddings) {
      PRECIS_RETURN_IF_ERROR(Settle(embedding, record, encoder->info().name, &version.vectors));
    }
  }
  watch.Lap("embed");

  const std::string prefix = entry->version_prefix();
  // Until the flip nobody points to what is written here: a failure leaves it to the sweeper.
  absl::Cleanup abandon = [this, &prefix] { sweeper_->Version(prefix, 0); };
  VersionWriter writer(store_.get(), prefix);
  PRECIS_RETURN_IF_ERROR(writer.PutParts(Family::kTexts, parsed.text));
  PRECIS_RETURN_IF_ERROR(writer.PutParts(Family::kSourceMaps, parsed.map.Serialize()));
  for (size_t i = 0; i < split.pieces.size(); ++i) {
    const split::Piece& piece = split.pieces[i];
    ChunkRecord chunk;
    chunk.range = piece.range;
    chunk.tokens = piece.tokens;
    chunk.heading_path = piece.heading_path;
    chunk.location = parsed.map.Locate(piece.range);
    chunk.text_hash = Sha256Hex(Slice(parsed.text, piece.range));
    const auto ordinal = static_cast<uint32_t>(i);
    PRECIS_RETURN_IF_ERROR(writer.Put(Family::kChunks, ordinal, Serialize(chunk)));
    PRECIS_RETURN_IF_ERROR(writer.Put(
        Family::kVectors, ordinal,
        SerializeVector(version.vectors.data() + i * static_cast<size_t>(record.dimensions), record.dimensions)));
    PRECIS_RETURN_IF_ERROR(writer.Put(Family::kTerms, ordinal, Serialize(version.terms[i])));
  }
  PRECIS_RETURN_IF_ERROR(writer.Flush());
  PRECIS_RETURN_IF_ERROR(call.Check());

  std::shared_ptr<const DocumentEntry> before;
  bool unchanged = false, repairs = false;
  Mutation flip;
  flip.subject = document_id;
  flip.prepare = [&](uint64_t first, rocksdb::WriteBatch* batch) -> absl::StatusOr<uint64_t> {
    if (collection->dropped()) {
      return absl::NotFoundError(
          absl::StrCat("collection '", document.collection, "' was deleted while '", document.uri, "' was read"));
    }
    before = collection->Find(document_id);
    if (before && before->info.version_id == version_id) {
      unchanged = true;
      return absl::AlreadyExistsError("another call stored this version");
    }
    info.sequence = first;
    info.ingested_unix_ms = NowUnixMs();
    batch->Put(store_->family(Family::kDocuments), DocumentKeyOf(record.uid, document_id),
               Serialize(DocumentRecord{info, entry->attempt}));
    // What caches made from the version before must go as if it had been deleted.
    repairs = collection->damaged().Find(document_id).has_value();
    if (before || repairs) outbox_.Add(first, document.tenant, document_id, batch);
    AddCollectionSequence(*collection, first, batch);
    return first;
  };
  flip.apply = [&](uint64_t last) {
    const auto replaced = collection->Add(version, last);
    if (replaced) sweeper_->Version(replaced->version_prefix(), last);
    SweepDamaged(collection.get(), document_id, last);
    collection->set_last_sequence(last);
  };
  const absl::StatusOr<uint64_t> sequence = committer_->Commit(std::move(flip));
  if (!sequence.ok() && unchanged) return Unchanged(*before);
  PRECIS_RETURN_IF_ERROR(sequence.status());
  std::move(abandon).Cancel();
  watch.Lap("store");
  builder_->Consider(collection);

  result.outcome = before || repairs ? IngestOutcome::kReplaced : IngestOutcome::kAdded;
  result.document_id = document_id;
  result.version_id = version_id;
  result.chunks = info.chunks;
  result.tokens = info.tokens;
  result.text_bytes = info.text_bytes;
  result.sequence = *sequence;
  result.warnings = info.warnings;
  return result;
}

}  // namespace precis::index
