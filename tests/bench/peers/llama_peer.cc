// llama.cpp with llm_bench's arguments and keys, through its public C API. Built by setup_peers, not by CMake.
//
//   llama_peer gen MODEL.gguf THREADS 512,2048 TOKENS STREAMS TOKENS_A_STREAM
//
// One process is one round. Prints one JSON object: load_s, ppN (prefill of N tokens, tokens/s), ttftN_ms (with the
// first argmax), tg (greedy decode), tgparN (N sequences in one batch, tokens/s in all), rss1_mb, rss_mb (peak).
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "llama.h"

namespace {

constexpr int kPrompt = 64;  // tokens before what is decoded

double Now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double PeakMegabytes() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024.0;
}

[[noreturn]] void Fail(const char* what) {
  std::fprintf(stderr, "llama_peer: %s failed\n", what);
  std::exit(1);
}

void Add(llama_batch* batch, llama_token token, int position, int sequence, bool logits) {
  const int i = batch->n_tokens++;
  batch->token[i] = token;
  batch->pos[i] = position;
  batch->n_seq_id[i] = 1;
  batch->seq_id[i][0] = sequence;
  batch->logits[i] = logits;
}

class Peer {
 public:
  Peer(const char* path, int threads) : threads_(threads) {
    const double begin = Now();
    model_ = llama_model_load_from_file(path, llama_model_default_params());
    if (model_ == nullptr) Fail("loading the model");
    std::printf("{\"load_s\":%.4f,\"weights_bytes\":%llu,\"params\":%llu", Now() - begin,
                static_cast<unsigned long long>(llama_model_size(model_)),
                static_cast<unsigned long long>(llama_model_n_params(model_)));
    vocabulary_ = llama_vocab_n_tokens(llama_model_get_vocab(model_));
    batch_ = llama_batch_init(kBatch, 0, 1);
  }

  void Open(int window, int sequences) {
    llama_context_params parameters = llama_context_default_params();
    parameters.n_ctx = static_cast<uint32_t>(window);
    parameters.n_batch = kBatch;
    parameters.n_ubatch = 512;
    parameters.n_seq_max = static_cast<uint32_t>(sequences);
    parameters.n_threads = parameters.n_threads_batch = threads_;
    parameters.no_perf = true;
    context_ = llama_init_from_model(model_, parameters);
    if (context_ == nullptr) Fail("making a context");
  }
  void Close() { llama_free(context_); }
  void Forget() { llama_memory_clear(llama_get_memory(context_), true); }

  void Prefill(int tokens) {
    for (int i = 0; i < tokens;) {
      batch_.n_tokens = 0;
      for (; i < tokens && batch_.n_tokens < kBatch; ++i) Add(&batch_, Random(), i, 0, i == tokens - 1);
      Decode();
    }
  }
  llama_token Best(int row) const {
    const float* logits = llama_get_logits_ith(context_, row);
    return static_cast<llama_token>(std::max_element(logits, logits + vocabulary_) - logits);
  }

  // Seconds for `tokens` steps of `sequences` streams, each after a prompt of its own.
  double Generate(int sequences, int tokens) {
    std::vector<llama_token> next(static_cast<size_t>(sequences));
    std::vector<int> rows(next.size());
    batch_.n_tokens = 0;
    for (int s = 0; s < sequences; ++s) {
      for (int i = 0; i < kPrompt; ++i) Add(&batch_, Random(), i, s, i == kPrompt - 1);
      rows[static_cast<size_t>(s)] = batch_.n_tokens - 1;
    }
    Decode();
    for (size_t s = 0; s < next.size(); ++s) next[s] = Best(rows[s]);
    const double begin = Now();
    for (int i = 0; i < tokens; ++i) {
      batch_.n_tokens = 0;
      for (int s = 0; s < sequences; ++s) Add(&batch_, next[static_cast<size_t>(s)], kPrompt + i, s, true);
      Decode();
      for (int s = 0; s < sequences; ++s) next[static_cast<size_t>(s)] = Best(s);
    }
    return Now() - begin;
  }

 private:
  static constexpr int kBatch = 2048;

  void Decode() {
    if (llama_decode(context_, batch_) != 0) Fail("decoding");
  }
  llama_token Random() {
    state_ = state_ * 1664525u + 1013904223u;
    return static_cast<llama_token>(100 + (state_ >> 8) % static_cast<unsigned>(std::min(vocabulary_ - 200, 40000)));
  }

  const int threads_;
  llama_model* model_ = nullptr;
  llama_context* context_ = nullptr;
  llama_batch batch_{};
  int vocabulary_ = 0;
  unsigned state_ = 12345;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 8 || std::string_view(argv[1]) != "gen") {
    std::fprintf(stderr, "usage: llama_peer gen MODEL.gguf THREADS 512,2048 TOKENS STREAMS TOKENS_A_STREAM\n");
    return 2;
  }
  std::vector<int> prompts;
  std::stringstream list(argv[4]);
  for (std::string item; std::getline(list, item, ',');) prompts.push_back(std::atoi(item.c_str()));
  const int tokens = std::atoi(argv[5]), streams = std::atoi(argv[6]), each = std::atoi(argv[7]);

  llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
  llama_backend_init();
  Peer peer(argv[2], std::atoi(argv[3]));
  peer.Open(*std::max_element(prompts.begin(), prompts.end()) + tokens + kPrompt, 1);
  peer.Prefill(32);  // touches weights and buffers
  for (const int prompt : prompts) {
    peer.Forget();
    const double begin = Now();
    peer.Prefill(prompt);
    volatile llama_token first = peer.Best(-1);
    static_cast<void>(first);
    const double seconds = Now() - begin;
    std::printf(",\"pp%d\":%.3f,\"ttft%d_ms\":%.3f", prompt, prompt / seconds, prompt, seconds * 1e3);
  }
  peer.Forget();
  std::printf(",\"tg\":%.3f", tokens / peer.Generate(1, tokens));
  std::printf(",\"rss1_mb\":%.1f", PeakMegabytes());
  peer.Close();
  if (streams > 1) {
    peer.Open(streams * (kPrompt + each + 32), streams);
    std::printf(",\"tgpar%d\":%.3f", streams, streams * each / peer.Generate(streams, each));
    peer.Close();
  }
  std::printf(",\"rss_mb\":%.1f}\n", PeakMegabytes());
  return 0;
}
