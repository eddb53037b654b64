// Runs the sequences of one decoder together: continuous batching (Orca, Yu et al., OSDI 2022) with prompts computed in
// blocks between the steps of the others, and drafts verified beside them (speculator.h).
#pragma once

#include <array>
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
#include "runtime/speculator.h"

namespace precis::engine {

struct SchedulerOptions {
  std::string model;      // for messages
  int max_sequences = 8;  // that run at once
  int queue_limit = 64;   // that wait
  int64_t kv_budget_bytes = 0;
  std::optional<cpu::KvType> kv_type;  // unset: as the decoder's mode has them
};

// What a model makes of a prompt, without going on with it: one of the two.
struct Observation {
  int64_t from = 0;  // of the tokens from this position on; < tokens.size()
  // The weights with which they attend in one layer, summed over its heads: [tokens from `from` on][stride], stride
  // being the number of tokens rounded up to 64. -1: none.
  int64_t attention_layer = -1;
  std::vector<float> attention;
  int64_t stride = 0;
  // Else: the entropy of what follows each of them, in nats.
  std::vector<double> entropies;
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

  // Observing: set, and on_token null, the job neither generates nor scores. Not owned.
  Observation* observe = nullptr;

  // Results.
  bool ended = false;  // by one of `ends`
  int64_t cached_tokens = 0, generated = 0;
  int64_t drafted = 0, drafts_right = 0;  // tokens verified beside others, and those that came so
  absl::Duration prefill_time, decode_time;
};

// Thread-safe.
class Scheduler {
 public:
  Scheduler(std::unique_ptr<Decoder> decoder, const SchedulerOptions& options, SpeculationOptions speculation = {});
  ~Scheduler();  // no Run may be under way
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Logits in memory at once; scoring with a vocabulary of 152,064 would otherwise ask for 78 MB a step.
  static constexpr int64_t kLogitRows = 16;
  // The most rows of a step.
  static int64_t MostRows(int max_sequences);

  const Decoder& decoder() const { return *decoder_; }
  int64_t max_positions() const { return max_positions_; }

  // Blocks until the job is done. Errors: ResourceExhausted (the queue is full, or the sequence is longer than the KV
  // budget), Cancelled, DeadlineExceeded (both within one step), Internal (the model gave NaN).
  absl::Status Run(SequenceJob* job) ABSL_LOCKS_EXCLUDED(mutex_);

  // All of them, several at once. The first error ends it; jobs that had not begun by then are left undone.
  absl::Status RunAll(std::span<SequenceJob> jobs) ABSL_LOCKS_EXCLUDED(mutex_);

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
    std::unique_ptr<DraftState> drafting;  // null: no speculation
    // The last token sampled, not yet fed, and the drafts after it; and how many of those have come so in this step.
    std::array<TokenId, 1 + kMostDrafts> feeding;
    int64_t drafts = 0, right = 0;
    bool parted = false;  // a draft was wrong: the rows after it are void
    absl::Time begun, first_token;
    int64_t feed = 0;  // tokens of the prompt to feed
    bool finished = false;
    absl::Status status;
  };

  // Nothing, or why it cannot run; `nothing_to_do`: the job is done as it is.
  absl::Status CheckJob(const SequenceJob& job, bool* nothing_to_do) const;
  void Loop() ABSL_LOCKS_EXCLUDED(mutex_);
  void Admit() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Step();
  void CollectChunks();
  void AddDrafts();
  void RunChunks();
  void RunLooks();
  void Retire() ABSL_LOCKS_EXCLUDED(mutex_);
  // A row of logits for a sequence: its next token, or the score of the next given one.
  void Take(Active* active, std::span<const float> logits);
  void Score(Active* active, std::span<const float> logits);
  void Observe(Active* active, std::span<const float> logits);
  void NotANumber(Active* active);
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
  Speculator speculator_;
  std::vector<std::unique_ptr<Active>> active_;
  std::vector<DecoderChunk> chunks_;
  std::vector<Active*> chunk_owner_;
  // The chunks of jobs that only look at a layer's attention, which end at that layer.
  std::vector<DecoderChunk> looks_;
  std::vector<Active*> look_owner_;
  std::vector<Active*> row_owner_;
  std::vector<DraftState*> drafting_;
  bool prefilling_ = false;  // chunks_ hold tokens of prompts

  std::thread thread_;
};

}  // namespace precis::engine
