// An inverted index in memory over the chunks of a collection, by slot. Derived: filled from the stored terms. Postings
// of dead slots stay until the table is compacted; statistics are those of the slots alive at the view's epoch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "precis/base/call_context.h"
#include "search/selection.h"
#include "search/top_k.h"
#include "storage/records.h"

namespace precis::index {

// What one query term adds to one slot's score.
struct TermShare {
  std::string term;
  uint32_t frequency = 0;
  int64_t document_frequency = 0;
  double score = 0;
};

inline constexpr uint32_t kNoSlot = ~uint32_t{0};

// Sizes of the live set that BM25 needs.
struct KeywordStatistics {
  int64_t chunks = 0;
  int64_t length = 0;  // terms, all chunks together
};

// Thread-safe: one writer, any number of readers. A reader never waits for more than a few chunks' postings.
class KeywordIndex {
 public:
  // The terms of slots [first, first + chunks.size()). `first` never decreases from call to call.
  void Append(uint32_t first, absl::Span<const TermsRecord> chunks);

  // The postings of another index's slots [begin, end), renumbered: new_slots[slot - begin], kNoSlot: left out. New
  // numbers increase with the old ones and are above all that are here.
  void AppendRenumbered(const KeywordIndex& from, uint32_t begin, absl::Span<const uint32_t> new_slots);

  // BM25 over the slots of the selection that hold a term of the query (analysed terms; one that is repeated counts
  // that often). Cancelled, DeadlineExceeded.
  absl::Status Search(const std::vector<std::string>& query_terms, const Selection& selection,
                      const KeywordStatistics& statistics, const CallContext& call, TopK* best) const;

  // The shares of the distinct terms of the query in one slot, by term.
  std::vector<TermShare> Explain(const std::vector<std::string>& query_terms, const SlotView& view, uint32_t slot,
                                 const KeywordStatistics& statistics) const;

  int64_t MemoryBytes() const;

 private:
  struct Posting {
    uint32_t slot;
    uint32_t frequency;
  };
  using Postings = std::vector<Posting>;  // by slot
  const Postings* Find(const std::string& term) const ABSL_SHARED_LOCKS_REQUIRED(mu_);

  mutable absl::Mutex mu_;
  absl::flat_hash_map<std::string, Postings> terms_ ABSL_GUARDED_BY(mu_);
  int64_t postings_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t term_bytes_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace precis::index
