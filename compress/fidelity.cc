#include "fidelity.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "precis/base/status_macros.h"
#include "precis/text/sentences.h"
#include "vectors.h"

namespace precis::compress {

engine::EmbedOptions SentenceOptions() {
  engine::EmbedOptions options;
  options.role = engine::InputRole::kDocument;
  options.long_input = engine::LongInput::kSplitAndPool;
  return options;
}

engine::CacheTag SentenceTag(const Request& request, int passage) {
  return {request.tenant, passage < 0 ? "" : request.passages[static_cast<size_t>(passage)].document_id,
          request.read_epoch};
}

absl::StatusOr<std::optional<double>> MeasureFidelity(const Request& request, const std::string& text,
                                                      const std::vector<Span>& spans, engine::Embedder& embedder,
                                                      const CallContext& call) {
  std::vector<std::string_view> texts;
  std::vector<engine::CacheTag> tags;
  const auto add = [&](std::string_view whole, int passage) {
    for (const ByteRange& sentence : text::SplitSentences(whole)) {
      texts.push_back(Slice(whole, sentence));
      tags.push_back(SentenceTag(request, passage));
    }
  };
  for (size_t i = 0; i < request.passages.size(); ++i) add(request.passages[i].text, static_cast<int>(i));
  if (texts.size() > kFidelitySentences) {
    for (size_t i = 0; i < kFidelitySentences; ++i) {
      const size_t from = i * texts.size() / kFidelitySentences;
      texts[i] = texts[from];
      tags[i] = tags[from];
    }
    texts.resize(kFidelitySentences);
    tags.resize(kFidelitySentences);
  }
  const size_t in = texts.size();
  for (const Span& span : spans) {
    if (span.kind == SpanKind::kDelimiter) continue;
    add(Slice(text, span.output), span.verbatim() ? span.passage : span.cited_passages.front());
  }
  if (in == 0 || texts.size() == in) return std::nullopt;
  engine::EmbedOptions options = SentenceOptions();
  // A document read at an unknown epoch must not get into the cache.
  if (request.read_epoch != 0) options.tags = tags;
  PRECIS_ASSIGN_OR_RETURN(const std::vector<engine::Embedding> vectors, embedder.Embed(texts, options, call));
  std::vector<float> before, after;
  for (size_t i = 0; i < vectors.size(); ++i) AddTo(vectors[i].vector, i < in ? &before : &after);
  return CosineOf(before, after);
}

}  // namespace precis::compress
