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

namespace {

// Sentences to embed, each with the tag of its passage.
struct Sentences {
  void Add(std::string_view whole, const Request& request, int passage) {
    for (const ByteRange& sentence : text::SplitSentences(whole)) {
      texts.push_back(Slice(whole, sentence));
      tags.push_back(SentenceTag(request, passage));
    }
  }
  // Those of all passages; of many, evenly chosen ones.
  void AddPassages(const Request& request) {
    for (size_t i = 0; i < request.passages.size(); ++i) Add(request.passages[i].text, request, static_cast<int>(i));
    if (texts.size() <= kFidelitySentences) return;
    for (size_t i = 0; i < kFidelitySentences; ++i) {
      const size_t from = i * texts.size() / kFidelitySentences;
      texts[i] = texts[from];
      tags[i] = tags[from];
    }
    texts.resize(kFidelitySentences);
    tags.resize(kFidelitySentences);
  }
  void AddContext(const Request& request, const std::string& text, const std::vector<Span>& spans) {
    for (const Span& span : spans) {
      if (span.kind == SpanKind::kDelimiter) continue;
      Add(Slice(text, span.output), request, span.verbatim() ? span.passage : span.cited_passages.front());
    }
  }
  absl::StatusOr<std::vector<engine::Embedding>> Embed(const Request& request, engine::Embedder& embedder,
                                                       const CallContext& call) const {
    engine::EmbedOptions options = SentenceOptions();
    // A document read at an unknown epoch must not get into the cache.
    if (request.read_epoch != 0) options.tags = tags;
    return embedder.Embed(texts, options, call);
  }

  std::vector<std::string_view> texts;
  std::vector<engine::CacheTag> tags;
};

}  // namespace

absl::StatusOr<std::optional<double>> MeasureFidelity(const Request& request, const std::string& text,
                                                      const std::vector<Span>& spans, engine::Embedder& embedder,
                                                      const CallContext& call) {
  Sentences sentences;
  sentences.AddPassages(request);
  const size_t in = sentences.texts.size();
  sentences.AddContext(request, text, spans);
  if (in == 0 || sentences.texts.size() == in) return std::nullopt;
  PRECIS_ASSIGN_OR_RETURN(const std::vector<engine::Embedding> vectors, sentences.Embed(request, embedder, call));
  std::vector<float> before, after;
  for (size_t i = 0; i < vectors.size(); ++i) AddTo(vectors[i].vector, i < in ? &before : &after);
  return CosineOf(before, after);
}

absl::StatusOr<FidelityMeter> FidelityMeter::Make(const Request& request, engine::Embedder& embedder,
                                                  const CallContext& call) {
  FidelityMeter meter(request, embedder, call);
  Sentences sentences;
  sentences.AddPassages(request);
  if (sentences.texts.empty()) return meter;
  PRECIS_ASSIGN_OR_RETURN(const std::vector<engine::Embedding> vectors, sentences.Embed(request, embedder, call));
  for (const engine::Embedding& embedding : vectors) AddTo(embedding.vector, &meter.sources_);
  return meter;
}

absl::StatusOr<std::optional<double>> FidelityMeter::Of(const std::string& text, const std::vector<Span>& spans) const {
  Sentences sentences;
  sentences.AddContext(request_, text, spans);
  if (sources_.empty() || sentences.texts.empty()) return std::nullopt;
  PRECIS_ASSIGN_OR_RETURN(const std::vector<engine::Embedding> vectors, sentences.Embed(request_, embedder_, call_));
  std::vector<float> own;
  for (const engine::Embedding& embedding : vectors) AddTo(embedding.vector, &own);
  return CosineOf(sources_, own);
}

}  // namespace precis::compress
