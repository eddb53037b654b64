#include "runtime/text_embedder.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "precis/base/status_macros.h"

namespace precis::engine {
namespace {

// Texts tokenised between two looks at the call.
constexpr int64_t kTextsPerSlice = 256;

PoolingKind PoolingOf(const EncoderConfig& config) {
  switch (config.pooling) {
    case Pooling::kMean:
      break;
    case Pooling::kCls:
      return PoolingKind::kCls;
    case Pooling::kMax:
      return PoolingKind::kMax;
  }
  return PoolingKind::kMean;
}

}  // namespace

absl::StatusOr<std::shared_ptr<TextEmbedder>> TextEmbedder::Make(EncoderModel parts) {
  auto embedder = std::shared_ptr<TextEmbedder>(new TextEmbedder(std::move(parts)));
  PRECIS_RETURN_IF_ERROR(embedder->Check());
  return embedder;
}

absl::Status TextEmbedder::Check() {
  const EncoderConfig& config = parts_.encoder->config();
  const Tokenizer& tokenizer = *parts_.tokenizer;
  const SpecialTokens& special = tokenizer.special();
  PRECIS_RETURN_IF_ERROR(CheckEncoderTokenizer(parts_));
  pooling_ = PoolingOf(config);
  plain_ = {.max_tokens = config.max_tokens, .cls = special.cls, .sep = special.sep, .prefix = {}};
  query_ = document_ = plain_;
  PRECIS_ASSIGN_OR_RETURN(query_.prefix, tokenizer.Encode(parts_.info.query_prefix, {}));
  PRECIS_ASSIGN_OR_RETURN(document_.prefix, tokenizer.Encode(parts_.info.document_prefix, {}));
  for (const WindowFrame* frame : {&query_, &document_}) {
    const int64_t used = static_cast<int64_t>(frame->prefix.size()) + 2;
    if (used > config.max_tokens / 2) {
      return absl::InvalidArgumentError(absl::StrCat("a prefix of '", parts_.info.name, "' takes ", used,
                                                     " tokens with [CLS] and [SEP], of a window of ", config.max_tokens,
                                                     ": it may take half of it at most"));
    }
  }
  return absl::OkStatus();
}

const std::string& TextEmbedder::PrefixOf(InputRole role) const {
  static const std::string kNone;
  if (role == InputRole::kQuery) return parts_.info.query_prefix;
  return role == InputRole::kDocument ? parts_.info.document_prefix : kNone;
}

const WindowFrame& TextEmbedder::FrameOf(InputRole role) const {
  if (role == InputRole::kQuery) return query_;
  return role == InputRole::kDocument ? document_ : plain_;
}

absl::StatusOr<std::vector<TextWindows>> TextEmbedder::Tokenize(std::span<const std::string_view> texts,
                                                                const EmbedOptions& options,
                                                                const CallContext& call) const {
  const std::string& prefix = PrefixOf(options.role);
  const WindowFrame& frame = FrameOf(options.role);
  const int64_t count = static_cast<int64_t>(texts.size());
  std::vector<TextWindows> result(texts.size());
  const auto tokenize = [&](int64_t i) -> absl::Status {
    absl::StatusOr<std::vector<TokenId>> ids;
    if (prefix.empty()) {
      ids = parts_.tokenizer->Encode(texts[i], {});
    } else {
      ids = parts_.tokenizer->Encode(prefix + std::string(texts[i]), {});
    }
    if (!ids.ok()) return ids.status();
    PRECIS_ASSIGN_OR_RETURN(result[i], MakeWindows(*ids, frame, options.long_input, i));
    return absl::OkStatus();
  };
  for (int64_t slice = 0; slice < count; slice += kTextsPerSlice) {
    PRECIS_RETURN_IF_ERROR(call.Check());
    const int64_t size = std::min(kTextsPerSlice, count - slice);
    std::vector<absl::Status> statuses(static_cast<size_t>(size));
    parts_.pool->ParallelFor(size, 4, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) statuses[i] = tokenize(slice + i);
    });
    // The first in order, so that equal calls give equal errors.
    for (absl::Status& status : statuses) PRECIS_RETURN_IF_ERROR(std::move(status));
  }
  return result;
}

absl::Status TextEmbedder::EmbedWindows(std::span<const std::vector<TokenId>* const> windows, const CallContext& call,
                                        MutableMatrix out) {
  std::vector<int64_t> starts = {0};
  std::vector<TokenId> ids;
  for (const std::vector<TokenId>* window : windows) {
    ids.insert(ids.end(), window->begin(), window->end());
    starts.push_back(static_cast<int64_t>(ids.size()));
  }
  const OpContext context{parts_.pool.get(), parts_.isa};
  PRECIS_ASSIGN_OR_RETURN(const Turnstile::Turn turn, turnstile_.Enter(call));
  PRECIS_ASSIGN_OR_RETURN(const MatrixView hidden,
                          parts_.encoder->Forward(context, ids, starts, parts_.temperature, call, &activations_));
  PRECIS_RETURN_IF_ERROR(Pool(context, hidden, starts, pooling_, out));
  NormalizeRows(context, out);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Embedding>> TextEmbedder::Embed(std::span<const std::string_view> texts,
                                                           const EmbedOptions& options, const CallContext& call) {
  if (!options.tags.empty() && options.tags.size() != texts.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the call has ", texts.size(), " texts and ", options.tags.size(), " tags: give one for each"));
  }
  PRECIS_ASSIGN_OR_RETURN(const std::vector<TextWindows> inputs, Tokenize(texts, options, call));
  const OpContext context{parts_.pool.get(), parts_.isa};
  const int64_t dimensions = parts_.info.dimensions;
  std::vector<Embedding> embeddings(texts.size());

  // Windows of all texts in one line, cut into batches.
  std::vector<const std::vector<TokenId>*> batch;
  std::vector<std::pair<size_t, float>> owners;  // of each window in the batch: text, weight
  std::vector<float> vectors;
  int64_t batch_tokens = 0;
  const auto flush = [&]() -> absl::Status {
    if (batch.empty()) return absl::OkStatus();
    vectors.resize(batch.size() * static_cast<size_t>(dimensions));
    const MutableMatrix out(vectors.data(), static_cast<int64_t>(batch.size()), dimensions);
    PRECIS_RETURN_IF_ERROR(EmbedWindows(batch, call, out));
    for (size_t w = 0; w < batch.size(); ++w) {
      std::vector<float>& vector = embeddings[owners[w].first].vector;
      const float* from = out.row(static_cast<int64_t>(w));
      if (vector.empty() && owners[w].second == 1.0f) {
        vector.assign(from, from + dimensions);
      } else {
        vector.resize(static_cast<size_t>(dimensions), 0.0f);
        AddScaled(context, from, owners[w].second, vector);
      }
    }
    batch.clear();
    owners.clear();
    batch_tokens = 0;
    return absl::OkStatus();
  };

  for (size_t i = 0; i < inputs.size(); ++i) {
    const TextWindows& input = inputs[i];
    int64_t total_weight = 0;
    for (const int64_t weight : input.weights) total_weight += weight;
    for (size_t w = 0; w < input.windows.size(); ++w) {
      const int64_t tokens = static_cast<int64_t>(input.windows[w].size());
      if (batch_tokens + tokens > kBatchTokens) PRECIS_RETURN_IF_ERROR(flush());
      batch.push_back(&input.windows[w]);
      const bool alone = input.windows.size() == 1;
      owners.emplace_back(i, alone ? 1.0f : static_cast<float>(input.weights[w]) / static_cast<float>(total_weight));
      batch_tokens += tokens;
    }
    embeddings[i].tokens_total = input.tokens_total;
    embeddings[i].tokens_used = input.tokens_used;
    embeddings[i].truncated = input.truncated;
  }
  PRECIS_RETURN_IF_ERROR(flush());

  for (size_t i = 0; i < embeddings.size(); ++i) {
    std::vector<float>& vector = embeddings[i].vector;
    if (inputs[i].windows.size() > 1) NormalizeRows(context, MutableMatrix(vector.data(), 1, dimensions));
    if (!std::all_of(vector.begin(), vector.end(), [](float x) { return std::isfinite(x); })) {
      return absl::InternalError(absl::StrCat("model '", parts_.info.name,
                                              "' gave a vector with NaN or infinity for text ", i,
                                              ": load it with check_weights to find the damaged tensor"));
    }
  }
  return embeddings;
}

}  // namespace precis::engine
