// How much of the meaning is left: the cosine of the mean sentence vectors of what went in and what came out.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "precis/base/call_context.h"
#include "precis/compress/types.h"
#include "precis/engine/embedder.h"

namespace precis::compress {

// Embeds the sentences of the passages (evenly chosen, at most `kFidelitySentences`) and of the context in one call.
// Nothing where one side has none. Errors: the embedder's.
inline constexpr size_t kFidelitySentences = 2048;
absl::StatusOr<std::optional<double>> MeasureFidelity(const Request& request, const std::string& text,
                                                      const std::vector<Span>& spans, engine::Embedder& embedder,
                                                      const CallContext& call);

// For several contexts of one request, whose passages are embedded once. Not thread-safe.
class FidelityMeter {
 public:
  // All outlive it. Errors: the embedder's.
  static absl::StatusOr<FidelityMeter> Make(const Request& request, engine::Embedder& embedder,
                                            const CallContext& call);
  // As MeasureFidelity.
  absl::StatusOr<std::optional<double>> Of(const std::string& text, const std::vector<Span>& spans) const;

 private:
  FidelityMeter(const Request& request, engine::Embedder& embedder, const CallContext& call)
      : request_(request), embedder_(embedder), call_(call) {}

  const Request& request_;
  engine::Embedder& embedder_;
  const CallContext& call_;
  std::vector<float> sources_;
};

// The embedder's options for sentences of passages. A sentence is a part of a chunk: it is embedded as a document, and
// one that is longer than the window as the mean of its parts.
engine::EmbedOptions SentenceOptions();
engine::CacheTag SentenceTag(const Request& request, int passage);

}  // namespace precis::compress
