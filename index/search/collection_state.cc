#include "search/collection_state.h"

#include <utility>

namespace precis::index {
namespace {

int64_t LengthOf(const SlotView& slots, uint32_t first, uint32_t count) {
  int64_t length = 0;
  for (uint32_t slot = first; slot < first + count; ++slot) length += slots.length(slot);
  return length;
}

// Copies the slots of the view that the copy has not seen.
void CatchUp(const CollectionState::View& view, uint64_t reclaimable, CollectionState::Compacted* out) {
  const auto begin = static_cast<uint32_t>(out->new_slots.size());
  for (uint32_t slot = begin; slot < view.slots.size(); ++slot) {
    const bool gone = view.slots.death(slot) <= reclaimable;
    out->new_slots.push_back(gone ? kNoSlot : out->slots->size());
    if (!gone) out->slots->AppendFrom(view.slots, slot);
  }
  out->keywords->AppendRenumbered(*view.keywords, begin, absl::MakeConstSpan(out->new_slots).subspan(begin));
}

}  // namespace

CollectionState::CollectionState(CollectionRecord record, uint64_t generation)
    : record_(std::move(record)),
      slots_(std::make_unique<SlotTable>(record_.dimensions)),
      keywords_(std::make_shared<KeywordIndex>()),
      generation_(generation) {}

std::shared_ptr<const DocumentEntry> CollectionState::Retire(const std::string& document_id, uint64_t sequence) {
  const auto found = documents_.find(document_id);
  if (found == documents_.end()) return nullptr;
  const Place place = std::move(found->second);
  documents_.erase(found);
  const DocumentInfo& info = place.document->info;
  const auto chunks = static_cast<uint32_t>(info.chunks);
  slots_->Kill(place.first_slot, chunks, sequence);
  uris_.erase(info.uri);
  --counts_.documents;
  counts_.chunks -= info.chunks;
  counts_.tokens -= info.tokens;
  counts_.text_bytes -= info.text_bytes;
  counts_.length -= LengthOf(slots_->View(sequence), place.first_slot, chunks);
  return place.document;
}

std::shared_ptr<const DocumentEntry> CollectionState::Add(const VersionData& version, uint64_t sequence) {
  std::shared_ptr<KeywordIndex> keywords;
  uint32_t first = 0;
  {
    absl::ReaderMutexLock lock(&mu_);
    keywords = keywords_;
    first = slots_->size();
  }
  // Before the slots are published and without the lock: readers stop at the end of their view.
  keywords->Append(first, version.terms);
  std::vector<uint32_t> lengths;
  lengths.reserve(version.terms.size());
  for (const TermsRecord& terms : version.terms) lengths.push_back(terms.length);

  const DocumentInfo& info = version.document->info;
  absl::WriterMutexLock lock(&mu_);
  std::shared_ptr<const DocumentEntry> replaced = Retire(info.document_id, sequence);
  slots_->Append(version.document, version.vectors, lengths, sequence);
  documents_[info.document_id] = {version.document, first};
  uris_[info.uri] = version.document;
  ++counts_.documents;
  counts_.chunks += info.chunks;
  counts_.tokens += info.tokens;
  counts_.text_bytes += info.text_bytes;
  for (uint32_t length : lengths) counts_.length += length;
  return replaced;
}

std::shared_ptr<const DocumentEntry> CollectionState::Remove(const std::string& document_id, uint64_t sequence) {
  absl::WriterMutexLock lock(&mu_);
  return Retire(document_id, sequence);
}

std::shared_ptr<const DocumentEntry> CollectionState::Find(const std::string& document_id) const {
  absl::ReaderMutexLock lock(&mu_);
  const auto found = documents_.find(document_id);
  return found == documents_.end() ? nullptr : found->second.document;
}

void CollectionState::ForEach(const std::string& from,
                              const std::function<bool(const std::shared_ptr<const DocumentEntry>&)>& visit) const {
  absl::ReaderMutexLock lock(&mu_);
  for (auto it = uris_.lower_bound(from); it != uris_.end(); ++it) {
    if (!visit(it->second)) return;
  }
}

CollectionState::View CollectionState::Read(uint64_t epoch) const {
  absl::ReaderMutexLock lock(&mu_);
  return {slots_->View(epoch), keywords_, graph_, {counts_.chunks, counts_.length}, generation_};
}

CollectionState::Counts CollectionState::counts() const {
  absl::ReaderMutexLock lock(&mu_);
  return counts_;
}

void CollectionState::SetGraph(std::shared_ptr<const HnswGraph> graph, uint64_t snapshot_sequence) {
  absl::WriterMutexLock lock(&mu_);
  graph_ = std::move(graph);
  snapshot_sequence_ = snapshot_sequence;
  ++generation_;
}

void CollectionState::AddHollow(uint32_t chunks) {
  absl::WriterMutexLock lock(&mu_);
  slots_->AppendHollow(chunks);
}

CollectionState::Compacted CollectionState::Compact(const View& view, uint64_t reclaimable) const {
  Compacted out;
  out.slots = std::make_unique<SlotTable>(record_.dimensions);
  out.keywords = std::make_shared<KeywordIndex>();
  CatchUp(view, reclaimable, &out);
  return out;
}

void CollectionState::Adopt(Compacted compacted, std::shared_ptr<const HnswGraph> graph, uint64_t snapshot_sequence,
                            uint64_t reclaimable) {
  const View view = Read(0);  // slots and postings alone: the epoch does not matter
  // What died while the copy was made.
  for (uint32_t slot = 0; slot < compacted.new_slots.size(); ++slot) {
    if (compacted.new_slots[slot] != kNoSlot) {
      compacted.slots->SetDeath(compacted.new_slots[slot], view.slots.death(slot));
    }
  }
  CatchUp(view, reclaimable, &compacted);

  absl::WriterMutexLock lock(&mu_);
  for (auto& [id, place] : documents_) {
    if (place.document->info.chunks > 0) place.first_slot = compacted.new_slots[place.first_slot];
  }
  slots_ = std::move(compacted.slots);
  keywords_ = std::move(compacted.keywords);
  graph_ = std::move(graph);
  snapshot_sequence_ = snapshot_sequence;
  ++generation_;
}

void CollectionState::SetVectorStatus(IndexStatus::State state, std::string detail) {
  absl::WriterMutexLock lock(&mu_);
  state_ = state;
  detail_ = std::move(detail);
}

void CollectionState::Describe(CollectionInfo* info) const {
  absl::ReaderMutexLock lock(&mu_);
  info->active_kind = graph_ ? VectorIndexKind::kHnsw : VectorIndexKind::kFlat;
  IndexStatus& vectors = info->vector_index;
  vectors.state = state_;
  vectors.detail = detail_;
  vectors.generation = generation_;
  vectors.snapshot_sequence = snapshot_sequence_;
  vectors.live = counts_.chunks;
  vectors.deleted = static_cast<int64_t>(slots_->size()) - counts_.chunks;
  vectors.memory_bytes = slots_->MemoryBytes() + (graph_ ? graph_->MemoryBytes() : 0);
  IndexStatus& keywords = info->keyword_index;
  keywords.generation = generation_;
  keywords.live = counts_.chunks;
  keywords.deleted = vectors.deleted;
  keywords.memory_bytes = keywords_->MemoryBytes();
}

}  // namespace precis::index
