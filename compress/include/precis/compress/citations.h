// Checks which sentences of an answer are supported, and by what.
#pragma once

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
  ByteRange answer;  // a sentence of the answer, in bytes of the answer's text
  SupportKind support = SupportKind::kUnsupported;
  int passage = -1;          // index into the request's passages; -1 when unsupported
  ByteRange source;          // in that passage's text: the sentence that supports it best
  ByteRange document_range;  // the same in the document's stored text
  double score = 0;          // of the support test, [0, 1]
};

// Binds each sentence of `answer` to the spans of `context` (design.md section 5, Citing). A mark "[n]" counts only if
// passage n is in the context and shares content with the sentence; a sentence without a valid mark is cited only if it
// passes the support test (content words, numbers and negations found in one span, and, with an embedder, its
// similarity); all others are kUnsupported. `embedder` may be null. Deterministic.
absl::StatusOr<std::vector<Citation>> CheckCitations(std::string_view answer, const Context& context,
                                                     const std::vector<Passage>& passages, engine::Embedder* embedder,
                                                     const CallContext& call);

}  // namespace precis::compress
