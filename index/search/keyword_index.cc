#include "search/keyword_index.h"

#include <algorithm>
#include <map>

#include "precis/base/status_macros.h"
#include "precis/text/bm25.h"

namespace precis::index {
namespace {

// How many chunks go in before waiting readers get their turn.
constexpr size_t kChunksALock = 64;

// How often each distinct term occurs. Sorted: the order of the sums, and so their last bit, is always the same.
std::map<std::string, int> Distinct(const std::vector<std::string>& terms) {
  std::map<std::string, int> counts;
  for (const std::string& term : terms) ++counts[term];
  return counts;
}

int64_t CountAlive(const auto& postings, const SlotView& view) {
  int64_t alive = 0;
  for (const auto& posting : postings) {
    if (posting.slot >= view.size()) break;
    alive += view.Alive(posting.slot) ? 1 : 0;
  }
  return alive;
}

double MeanLength(const KeywordStatistics& statistics) {
  return statistics.chunks == 0 ? 1.0 : static_cast<double>(statistics.length) / static_cast<double>(statistics.chunks);
}

}  // namespace

void KeywordIndex::Append(uint32_t first, absl::Span<const TermsRecord> chunks) {
  for (size_t begin = 0; begin < chunks.size(); begin += kChunksALock) {
    absl::WriterMutexLock lock(&mu_);
    for (size_t i = begin; i < std::min(chunks.size(), begin + kChunksALock); ++i) {
      for (const auto& [term, frequency] : chunks[i].terms) {
        const auto [place, added] = terms_.try_emplace(term);
        if (added) term_bytes_ += static_cast<int64_t>(term.size() + sizeof(*place));
        place->second.push_back({first + static_cast<uint32_t>(i), frequency});
        ++postings_;
      }
    }
  }
}

void KeywordIndex::AppendRenumbered(const KeywordIndex& from, uint32_t begin, absl::Span<const uint32_t> new_slots) {
  const uint32_t end = begin + static_cast<uint32_t>(new_slots.size());
  absl::ReaderMutexLock read(&from.mu_);
  absl::WriterMutexLock write(&mu_);
  for (const auto& [term, postings] : from.terms_) {
    auto it = std::lower_bound(postings.begin(), postings.end(), begin,
                               [](const Posting& posting, uint32_t slot) { return posting.slot < slot; });
    Postings* into = nullptr;
    for (; it != postings.end() && it->slot < end; ++it) {
      const uint32_t slot = new_slots[it->slot - begin];
      if (slot == kNoSlot) continue;
      if (into == nullptr) {
        const auto [place, added] = terms_.try_emplace(term);
        if (added) term_bytes_ += static_cast<int64_t>(term.size() + sizeof(*place));
        into = &place->second;
      }
      into->push_back({slot, it->frequency});
      ++postings_;
    }
  }
}

const KeywordIndex::Postings* KeywordIndex::Find(const std::string& term) const {
  const auto found = terms_.find(term);
  return found == terms_.end() ? nullptr : &found->second;
}

absl::Status KeywordIndex::Search(const std::vector<std::string>& query_terms, const Selection& selection,
                                  const KeywordStatistics& statistics, const CallContext& call, TopK* best) const {
  const SlotView& view = selection.view();
  const double mean_length = MeanLength(statistics);
  std::vector<double> scores(view.size(), 0.0);
  std::vector<uint32_t> touched;
  for (const auto& [term, repeats] : Distinct(query_terms)) {
    PRECIS_RETURN_IF_ERROR(call.Check());
    absl::ReaderMutexLock lock(&mu_);
    const Postings* postings = Find(term);
    if (postings == nullptr) continue;
    const double idf = text::Bm25Idf(statistics.chunks, CountAlive(*postings, view));
    for (const Posting& posting : *postings) {
      if (posting.slot >= view.size()) break;  // written after this reader came
      if (!selection.Contains(posting.slot)) continue;
      double& score = scores[posting.slot];
      if (score == 0.0) touched.push_back(posting.slot);
      score += repeats * text::Bm25TermScore(idf, posting.frequency, view.length(posting.slot), mean_length, {});
    }
  }
  for (uint32_t slot : touched) best->Add({scores[slot], slot});
  return absl::OkStatus();
}

std::vector<TermShare> KeywordIndex::Explain(const std::vector<std::string>& query_terms, const SlotView& view,
                                             uint32_t slot, const KeywordStatistics& statistics) const {
  std::vector<TermShare> shares;
  for (const auto& [term, repeats] : Distinct(query_terms)) {
    TermShare share{term};
    absl::ReaderMutexLock lock(&mu_);
    if (const Postings* postings = Find(term); postings != nullptr) {
      share.document_frequency = CountAlive(*postings, view);
      const auto found =
          std::lower_bound(postings->begin(), postings->end(), slot,
                           [](const Posting& posting, uint32_t wanted) { return posting.slot < wanted; });
      if (found != postings->end() && found->slot == slot) {
        share.frequency = found->frequency;
        const double idf = text::Bm25Idf(statistics.chunks, share.document_frequency);
        share.score =
            repeats * text::Bm25TermScore(idf, share.frequency, view.length(slot), MeanLength(statistics), {});
      }
    }
    shares.push_back(std::move(share));
  }
  return shares;
}

int64_t KeywordIndex::MemoryBytes() const {
  absl::ReaderMutexLock lock(&mu_);
  return postings_ * static_cast<int64_t>(sizeof(Posting)) + term_bytes_;
}

}  // namespace precis::index
