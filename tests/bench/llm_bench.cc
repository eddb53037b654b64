// Times our decoder the way shared/peers times llama.cpp:
//
//   llm_bench gen MODEL.gguf THREADS PREFILLS TOKENS STREAMS TOKENS_PER_STREAM
//   llm_bench gen model.gguf 2 512,2048 64 8 32
//
// prints one JSON object: pp512, pp2048 (prefill tokens/s), ttft512_ms (prefill and the first token), tg (greedy
// tokens/s of one stream), tgpar8 (of 8 streams together), rss1_mb (after loading), rss_mb (peak), load_s,
// pss_mb (proportional share, after loading), weights_bytes, params. PRECIS_BENCH_ISA=avx2 or scalar forces an
// instruction set. Token ids are made up: the time does not depend on the text.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "models/decoder.h"

namespace precis::engine {
namespace {

constexpr int64_t kBlock = 128;  // prompt tokens of a step, as the scheduler takes them

double Seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double StatusMegabytes(const char* key, const char* file = "/proc/self/status") {
  std::ifstream in(file);
  std::string line;
  while (std::getline(in, line)) {
    if (line.rfind(key, 0) == 0) return std::strtod(line.c_str() + std::strlen(key) + 1, nullptr) / 1024;
  }
  return 0;
}

cpu::IsaLevel Isa() {
  const char* wanted = std::getenv("PRECIS_BENCH_ISA");
  for (const cpu::IsaLevel level : cpu::AvailableIsaLevels()) {
    if (wanted != nullptr && wanted == cpu::IsaLevelName(level)) return level;
  }
  return cpu::BestIsaLevel();
}

class Bench {
 public:
  Bench(Decoder* decoder, int64_t positions) : decoder_(decoder), cache_(decoder->kv_layout(), Budget(positions)) {}

  std::unique_ptr<KvSequence> Start(int64_t positions) { return cache_.Admit("", {}, positions, 0); }

  std::vector<TokenId> Prompt(int64_t n, int64_t salt) const {
    std::vector<TokenId> ids;
    for (int64_t i = 0; i < n; ++i) {
      ids.push_back(static_cast<TokenId>((i * 7919 + salt * 104729 + 13) % decoder_->config().vocabulary));
    }
    return ids;
  }

  // Returns the first token after the prompt.
  TokenId Prefill(KvSequence* sequence, const std::vector<TokenId>& ids) {
    for (size_t i = 0; i < ids.size(); i += kBlock) {
      const size_t n = std::min(ids.size() - i, static_cast<size_t>(kBlock));
      const DecoderChunk chunk{sequence, std::span(ids).subspan(i, n), i + n == ids.size() ? 1 : 0};
      decoder_->Forward({&chunk, 1}, &cache_);
    }
    return Best(decoder_->Logits(0, 1));
  }

  void Step(std::vector<std::unique_ptr<KvSequence>>& sequences, std::vector<TokenId>* next) {
    std::vector<DecoderChunk> chunks;
    for (size_t i = 0; i < sequences.size(); ++i) chunks.push_back({sequences[i].get(), {&(*next)[i], 1}, 1});
    const int64_t rows = decoder_->Forward(chunks, &cache_);
    const auto logits = decoder_->Logits(0, rows);
    const size_t width = logits.size() / sequences.size();
    for (size_t i = 0; i < sequences.size(); ++i) (*next)[i] = Best(logits.subspan(i * width, width));
  }

 private:
  static TokenId Best(std::span<const float> logits) {
    return static_cast<TokenId>(std::max_element(logits.begin(), logits.end()) - logits.begin());
  }
  int64_t Budget(int64_t positions) const { return (positions + 64) / 64 * decoder_->kv_layout().page_bytes(); }

  Decoder* decoder_;
  KvCache cache_;
};

int Run(int argc, char** argv) {
  if (argc != 8 || std::string(argv[1]) != "gen") {
    std::fprintf(stderr, "usage: llm_bench gen MODEL.gguf THREADS PREFILLS TOKENS STREAMS TOKENS_PER_STREAM\n");
    return 2;
  }
  const int threads = std::atoi(argv[3]), tokens = std::atoi(argv[5]), streams = std::atoi(argv[6]),
            each = std::atoi(argv[7]);
  std::vector<int64_t> prefills;
  for (const char* p = argv[4]; *p != '\0';) {
    char* end;
    prefills.push_back(std::strtoll(p, &end, 10));
    p = *end == ',' ? end + 1 : end;
    if (prefills.back() < 1) return 2;
  }
  if (threads < 1 || tokens < 1 || streams < 1 || each < 1) return 2;

  nlohmann::json out;
  double begin = Seconds();
  auto file = GgufFile::Open(argv[2]);
  if (!file.ok()) {
    std::fprintf(stderr, "%s\n", std::string(file.status().message()).c_str());
    return 1;
  }
  auto decoder = Decoder::Load(*file, /*exact=*/false, Isa(), false, cpu::ThreadPool::Shared(threads));
  if (!decoder.ok()) {
    std::fprintf(stderr, "%s\n", std::string(decoder.status().message()).c_str());
    return 1;
  }
  out["load_s"] = Seconds() - begin;
  out["rss1_mb"] = StatusMegabytes("VmRSS:");
  out["pss_mb"] = StatusMegabytes("Pss:", "/proc/self/smaps_rollup");
  out["weights_bytes"] = (*file)->size_bytes();
  out["params"] = (*decoder)->parameters();

  const int64_t longest = *std::max_element(prefills.begin(), prefills.end());
  Bench bench(decoder->get(), std::max<int64_t>({longest, 64 + tokens, streams * (128 + each)}));
  {
    auto warm = bench.Start(64);
    bench.Prefill(warm.get(), bench.Prompt(64, 0));
  }
  for (const int64_t n : prefills) {
    auto sequence = bench.Start(n);
    begin = Seconds();
    bench.Prefill(sequence.get(), bench.Prompt(n, 1));
    const double s = Seconds() - begin;
    out["pp" + std::to_string(n)] = static_cast<double>(n) / s;
    out["ttft" + std::to_string(n) + "_ms"] = s * 1000;
  }
  const auto decode = [&](int count, int steps) {
    std::vector<std::unique_ptr<KvSequence>> sequences;
    std::vector<TokenId> next;
    for (int i = 0; i < count; ++i) {
      sequences.push_back(bench.Start(16 + steps));
      next.push_back(bench.Prefill(sequences.back().get(), bench.Prompt(16, i + 2)));
    }
    const double from = Seconds();
    for (int i = 0; i < steps; ++i) bench.Step(sequences, &next);
    return count * steps / (Seconds() - from);
  };
  out["tg"] = decode(1, tokens);
  out["tgpar" + std::to_string(streams)] = decode(streams, each);
  out["rss_mb"] = StatusMegabytes("VmHWM:");
  std::printf("%s\n", out.dump().c_str());
  return 0;
}

}  // namespace
}  // namespace precis::engine

int main(int argc, char** argv) { return precis::engine::Run(argc, argv); }
