// Checks which sentences of an answer are supported, and by what.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "precis/base/call_context.h"
#include "precis/compress/types.h"
#include "precis/engine/embedder.h"

namespace precis::compress {

enum class SupportKind { kMarker, kSupportTest, kUnsupported };

struct Citation {
  ByteRange answer;  // a sentence of the answer with its marks, in bytes of the answer's text
  SupportKind support = SupportKind::kUnsupported;
  int passage = -1;          // index into the request's passages; -1 when unsupported
  ByteRange source;          // in that passage's text: the sentence that supports it best
  ByteRange document_range;  // the same in the document's stored text; empty for a passage without document
  double score = 0;          // of the support test, [0, 1]
};

// Binds each sentence of an answer to the spans of a context (design.md section 5, Citing). A mark "[n]" counts only if
// [n] is in the context and shares content with the sentence; a sentence without a valid mark is cited only if it
// passes the support test (content words, numbers and negations found in one place, and, with an embedder, its
// similarity); all others are kUnsupported. A sentence has one entry for each passage that it is bound to, or one that
// is kUnsupported; what states nothing (only marks or punctuation) has none. Entries come in the order of the answer.
// Deterministic. One thread at a time.
class CitationChecker {
 public:
  // `context` and `passages` are read here and not kept. `embedder` may be null. `tenant` and `read_epoch` are those of
  // the request that made the context: the sentences of its passages are looked up in the embedding cache by them.
  static absl::StatusOr<std::unique_ptr<CitationChecker>> Make(const Context& context,
                                                               const std::vector<Passage>& passages,
                                                               std::shared_ptr<engine::Embedder> embedder,
                                                               const std::string& tenant, uint64_t read_epoch,
                                                               const CallContext& call);
  virtual ~CitationChecker() = default;

  // The next part of a streamed answer: the citations of the sentences that it completes.
  [[nodiscard]] virtual absl::StatusOr<std::vector<Citation>> Add(std::string_view delta, const CallContext& call) = 0;
  // The end of the answer: the citations of what is left. The checker then expects the next answer over the same
  // context, whose ranges count from 0 again.
  [[nodiscard]] virtual absl::StatusOr<std::vector<Citation>> Finish(const CallContext& call) = 0;
};

// A whole answer at once. `embedder` may be null; not kept.
absl::StatusOr<std::vector<Citation>> CheckCitations(std::string_view answer, const Context& context,
                                                     const std::vector<Passage>& passages, engine::Embedder* embedder,
                                                     const CallContext& call);

}  // namespace precis::compress
