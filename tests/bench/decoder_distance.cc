// How far a decoder's `fast` mode is from its `exact` mode on a text:
//
//   decoder_distance MODEL TEXT.txt [POSITIONS]
//
// The text is cut into windows of 512 tokens. Prints one JSON object: mean and largest KL divergence (nats) of the
// next-token distributions, share of positions with the same best token, and the ratio of the perplexities.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "distribution_distance.h"
#include "formats/model_files.h"
#include "models/decoder.h"
#include "precis/base/file.h"
#include "precis/engine/load.h"

namespace precis::engine {
namespace {

constexpr int64_t kWindow = 512, kRows = 16;

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return 1;
}

int Run(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: decoder_distance MODEL TEXT.txt [POSITIONS]\n");
    return 2;
  }
  const int64_t wanted = argc > 3 ? std::atoll(argv[3]) : 10000;
  const auto files = FindModelFiles(argv[1]);
  if (!files.ok()) return Fail(files.status());
  const auto tokenizer = LoadTokenizer(argv[1]);
  if (!tokenizer.ok()) return Fail(tokenizer.status());
  const auto text = ReadFile(argv[2], 64 << 20);
  if (!text.ok()) return Fail(text.status());
  const auto ids = (*tokenizer)->Encode(*text, {});
  if (!ids.ok()) return Fail(ids.status());
  const auto file = GgufFile::Open(files->gguf);
  if (!file.ok()) return Fail(file.status());
  const auto pool = cpu::ThreadPool::Shared(0);
  const auto exact = Decoder::Load(*file, true, cpu::BestIsaLevel(), false, pool);
  if (!exact.ok()) return Fail(exact.status());
  const auto fast = Decoder::Load(*file, false, cpu::BestIsaLevel(), false, pool);
  if (!fast.ok()) return Fail(fast.status());

  DistributionDistance distance((*exact)->kernels());
  for (size_t begin = 0; begin + kWindow <= ids->size() && distance.positions() < wanted; begin += kWindow) {
    std::vector<TokenId> window(ids->begin() + static_cast<ptrdiff_t>(begin),
                                ids->begin() + static_cast<ptrdiff_t>(begin) + kWindow);
    if ((*tokenizer)->special_tokens_added() > 0 && (*tokenizer)->special().bos >= 0) {
      window.front() = (*tokenizer)->special().bos;
    }
    KvCache exact_cache((*exact)->kv_layout(), (kWindow / 64) * (*exact)->kv_layout().page_bytes());
    KvCache fast_cache((*fast)->kv_layout(), (kWindow / 64) * (*fast)->kv_layout().page_bytes());
    auto a = exact_cache.Admit("", window, kWindow, 0), b = fast_cache.Admit("", window, kWindow, 0);
    const DecoderChunk ca{a.get(), window, kWindow}, cb{b.get(), window, kWindow};
    (*exact)->Forward({&ca, 1}, &exact_cache);
    (*fast)->Forward({&cb, 1}, &fast_cache);
    for (int64_t first = 0; first + 1 < kWindow && distance.positions() < wanted; first += kRows) {
      const auto p_rows = (*exact)->Logits(first, kRows), q_rows = (*fast)->Logits(first, kRows);
      const size_t width = p_rows.size() / kRows;
      for (int64_t r = 0; r < kRows && first + r + 1 < kWindow; ++r) {
        const auto p = p_rows.subspan(static_cast<size_t>(r) * width, width);
        const auto q = q_rows.subspan(static_cast<size_t>(r) * width, width);
        distance.Add(p, q, window[static_cast<size_t>(first + r) + 1]);
      }
    }
  }
  if (distance.positions() == 0) return Fail(absl::InvalidArgumentError("the text has fewer than 512 tokens"));
  std::printf("%s\n", distance.ToJson().dump().c_str());
  return 0;
}

}  // namespace
}  // namespace precis::engine

int main(int argc, char** argv) { return precis::engine::Run(argc, argv); }
