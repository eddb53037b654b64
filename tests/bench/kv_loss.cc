#include "kv_loss.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "distribution_distance.h"
#include "formats/model_files.h"
#include "models/decoder.h"
#include "precis/base/file.h"
#include "precis/base/status_macros.h"
#include "precis/engine/load.h"

namespace precis::engine {
namespace {

constexpr int64_t kWindow = 2048, kChunk = 128, kLogitRows = 16;

// The logits after each token of a chunk, [tokens][vocabulary].
void Compute(Decoder* decoder, KvCache* cache, KvSequence* sequence, std::span<const TokenId> tokens,
             std::vector<float>* out) {
  const int64_t rows = static_cast<int64_t>(tokens.size());
  const DecoderChunk chunk{sequence, tokens, rows};
  decoder->Forward({&chunk, 1}, cache);
  out->clear();
  for (int64_t first = 0; first < rows; first += kLogitRows) {
    const auto logits = decoder->Logits(first, std::min(kLogitRows, rows - first));
    out->insert(out->end(), logits.begin(), logits.end());
  }
}

absl::StatusOr<nlohmann::json> Measure(const std::string& path, int threads, const std::string& text_path,
                                       int64_t positions, bool exact) {
  PRECIS_ASSIGN_OR_RETURN(const ModelFiles found, FindModelFiles(path));
  PRECIS_ASSIGN_OR_RETURN(DecoderFiles files, DecoderFiles::Open(found));
  PRECIS_ASSIGN_OR_RETURN(const auto tokenizer, LoadTokenizer(path));
  PRECIS_ASSIGN_OR_RETURN(const std::string text, ReadFile(text_path, 64 << 20));
  PRECIS_ASSIGN_OR_RETURN(const std::vector<TokenId> ids, tokenizer->Encode(text, {}));
  PRECIS_ASSIGN_OR_RETURN(const auto decoder, Decoder::Load(std::move(files), exact, cpu::BestIsaLevel(), false,
                                                            cpu::ThreadPool::Shared(threads)));
  const int64_t window = std::min(kWindow, decoder->config().context);
  struct Kind {
    const char* name;
    cpu::KvType type;
    std::unique_ptr<KvCache> cache;
    std::unique_ptr<KvSequence> sequence;
    DistributionDistance distance;
  };
  std::vector<Kind> kinds;
  const auto add = [&](const char* name, cpu::KvType type) {
    kinds.push_back({name, type, nullptr, nullptr, DistributionDistance(decoder->kernels())});
  };
  add("f32", cpu::KvType::kF32);
  add("f16", cpu::KvType::kF16);
  add("int8", cpu::KvType::kInt8);
  nlohmann::json out = {{"model", found.name}, {"mode", exact ? "exact" : "fast"}, {"window", window}};
  for (Kind& kind : kinds) {
    KvLayout layout = decoder->kv_layout();
    layout.type = kind.type;
    kind.cache = std::make_unique<KvCache>(layout, (window + 63) / 64 * layout.page_bytes());
    out[kind.name]["bytes_per_token"] = layout.page_bytes() / 64;
  }
  std::vector<float> reference, logits;
  const auto positions_seen = [&] { return kinds.back().distance.positions(); };
  for (size_t begin = 0; begin + static_cast<size_t>(window) <= ids.size() && positions_seen() < positions;
       begin += static_cast<size_t>(window)) {
    std::vector<TokenId> tokens(ids.begin() + static_cast<ptrdiff_t>(begin),
                                ids.begin() + static_cast<ptrdiff_t>(begin) + window);
    if (tokenizer->special_tokens_added() > 0 && tokenizer->special().bos >= 0) {
      tokens.front() = tokenizer->special().bos;
    }
    for (Kind& kind : kinds) kind.sequence = kind.cache->Admit("", tokens, window, 0);
    for (int64_t first = 0; first < window; first += kChunk) {
      const int64_t rows = std::min(kChunk, window - first);
      for (Kind& kind : kinds) {
        std::vector<float>* to = &kind == kinds.data() ? &reference : &logits;
        Compute(decoder.get(), kind.cache.get(), kind.sequence.get(),
                std::span(tokens).subspan(static_cast<size_t>(first), static_cast<size_t>(rows)), to);
        const size_t width = reference.size() / static_cast<size_t>(rows);
        for (int64_t r = 0; r < rows && first + r + 1 < window; ++r) {
          const size_t at = static_cast<size_t>(r) * width;
          kind.distance.Add(std::span(reference).subspan(at, width), std::span(*to).subspan(at, width),
                            tokens[static_cast<size_t>(first + r) + 1]);
        }
      }
    }
    for (Kind& kind : kinds) kind.sequence.reset();
  }
  if (positions_seen() == 0) return absl::InvalidArgumentError("the text is shorter than one window");
  for (const Kind& kind : kinds) out[kind.name].update(kind.distance.ToJson());
  return out;
}

}  // namespace

int KvLoss(const std::string& path, int threads, const std::string& text_path, int64_t positions, bool exact) {
  const auto result = Measure(path, threads, text_path, positions, exact);
  if (!result.ok()) {
    std::fprintf(stderr, "%s\n", std::string(result.status().message()).c_str());
    return 1;
  }
  std::printf("%s\n", result->dump().c_str());
  return 0;
}

}  // namespace precis::engine
