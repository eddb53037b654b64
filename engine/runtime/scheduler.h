// Runs the sequences of one decoder together: continuous batching (Orca, Yu et al., OSDI 2022) with prompts computed in
// blocks between the steps of the others.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "models/decoder.h"
#include "models/kv_cache.h"
#include "precis/base/call_context.h"
#include "precis/engine/generator.h"
#include "runtime/annotated_mutex.h"
#include "runtime/sampler.h"

namespace precis::engine {

struct SchedulerOptions {
  std::string model;      // for messages
  int max_sequences = 8;  // that run at once
  int queue_limit = 64;   // that wait
  int64_t kv_budget_bytes = 0;
};

// What a sequence is asked to do, and what came out. The caller keeps it alive during Run.
struct SequenceJob {
  std::vector<TokenId> tokens;  // the prompt; >= 1
  std::string tenant;
  CallContext call;

  // Generation: called on the engine thread with each token; false ends the text. Null: the job only scores.
  std::function<bool(TokenId)> on_token;
  Sampling sampling;
  int64_t max_tokens = 0;
  std::vector<TokenId> ends;  // tokens that end the text; not passed on

  // Scoring: logprobs[i] is that of tokens[score_from + i] after all before it.
  int64_t score_from = 1;  // >= 1
  std::vector<float> logprobs;

  // Results.
  bool ended = false;  // by one of `ends`
  int64_t cached_tokens = 0, generated = 0;
  absl::Duration prefill_time, decode_time;
};

// Thread-safe.
class Scheduler {
 public:
  Scheduler(std::unique_ptr<Decoder> decoder, const SchedulerOptions& options);
  ~Scheduler();  // no Run may be under way
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  const Decoder& decoder() const { return *decoder_; }
  int64_t max_positions() const { return max_positions_; }

  // Blocks until the job is done. Errors: ResourceExhausted (the queue is full, or the sequence is longer than the KV
  // budget), Cancelled, DeadlineExceeded (both within one step), Internal (the model gave NaN).
  absl::Status Run(SequenceJob* job) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Waiting {
    SequenceJob* job;
    std::optional<absl::Status> done;
    std::condition_variable_any wake;
  };
  // A running sequence. Of the engine thread alone.
  struct Active {
    Waiting* waiting;
    std::unique_ptr<KvSequence> kv;
    Sampler sampler;
    TokenId next = -1;  // sampled, not yet fed
    absl::Time begun, first_token;
    int64_t feed = 0;  // tokens of the prompt to feed
    bool finished = false;
    absl::Status status;
  };

  void Loop() ABSL_LOCKS_EXCLUDED(mutex_);
  void Admit() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Step();
  void Retire() ABSL_LOCKS_EXCLUDED(mutex_);
  // A row of logits for a sequence: its next token, or the score of the next given one.
  void Take(Active* active, std::span<const float> logits);
  void Finish(Active* active, absl::Status status);
  int64_t PositionsOf(const SequenceJob& job) const;

  const std::unique_ptr<Decoder> decoder_;
  const SchedulerOptions options_;
  int64_t max_positions_ = 0;

  Mutex mutex_;
  std::condition_variable_any work_;
  std::deque<Waiting*> waiting_ ABSL_GUARDED_BY(mutex_);
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;

  // Of the engine thread alone.
  std::unique_ptr<KvCache> cache_;
  std::vector<std::unique_ptr<Active>> active_;
  std::vector<DecoderChunk> chunks_;
  std::vector<Active*> chunk_owner_;
  std::vector<Active*> row_owner_;

  std::thread thread_;
};

}  // namespace precis::engine
