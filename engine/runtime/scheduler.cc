#include "runtime/scheduler.h"

#include <algorithm>
#include <map>
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"

namespace precis::engine {
namespace {

// Prompt tokens of one step: enough to use the weights well, few enough that a cancelled call ends soon and running
// sequences do not stall.
constexpr int64_t kPrefillRows = 128;

}  // namespace

Scheduler::Scheduler(std::unique_ptr<Decoder> decoder, const SchedulerOptions& options, SpeculationOptions speculation)
    : decoder_(std::move(decoder)), options_(options), speculator_(std::move(speculation)) {
  KvLayout layout = decoder_->kv_layout();
  layout.type = options.kv_type.value_or(layout.type);
  cache_ = std::make_unique<KvCache>(layout, options.kv_budget_bytes);
  max_positions_ = cache_->max_positions();
  thread_ = std::thread([this] { Loop(); });
}

int64_t Scheduler::MostRows(int max_sequences) { return kPrefillRows + max_sequences + kMostAddedDrafts; }

Scheduler::~Scheduler() {
  {
    MutexLock lock(&mutex_);
    stop_ = true;
    work_.notify_one();
  }
  thread_.join();
}

int64_t Scheduler::PositionsOf(const SequenceJob& job) const {
  // The last token is never fed: nothing comes after it. But for observers.
  if (job.observe != nullptr) return static_cast<int64_t>(job.tokens.size());
  return static_cast<int64_t>(job.tokens.size()) - 1 + (job.on_token ? job.max_tokens : 0);
}

absl::Status Scheduler::CheckJob(const SequenceJob& job, bool* nothing_to_do) const {
  *nothing_to_do = false;
  if (PositionsOf(job) > max_positions_) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the sequence needs room for ", PositionsOf(job), " tokens and model '", options_.model,
                     "' has a key-value budget for ", max_positions_, ": raise the budget or ask for fewer tokens"));
  }
  // Scoring a single token needs no computation.
  *nothing_to_do = !job.on_token && job.observe == nullptr && static_cast<int64_t>(job.tokens.size()) <= job.score_from;
  return job.call.Check();
}

absl::Status Scheduler::RunAll(std::span<SequenceJob> jobs) {
  // Two places are left for others; a step is filled by fewer.
  const auto together = static_cast<size_t>(std::max(1, options_.max_sequences - 2));
  std::deque<std::unique_ptr<Waiting>> running;
  size_t next = 0;
  absl::Status result;
  MutexLock lock(&mutex_);
  while (!running.empty() || (result.ok() && next < jobs.size())) {
    if (result.ok() && next < jobs.size() && running.size() < together) {
      bool nothing_to_do;
      result = CheckJob(jobs[next], &nothing_to_do);
      if (!result.ok()) continue;
      if (nothing_to_do) {
        ++next;
        continue;
      }
      if (static_cast<int>(waiting_.size()) < options_.queue_limit) {
        running.emplace_back(new Waiting{&jobs[next++], std::nullopt, {}});
        waiting_.push_back(running.back().get());
        work_.notify_one();
        continue;
      }
      if (running.empty()) {
        result = absl::ResourceExhaustedError(absl::StrCat(waiting_.size(), " calls are waiting for model '",
                                                           options_.model, "', which is its limit: try again later"));
        continue;
      }
    }
    while (!running.front()->done) running.front()->wake.wait(mutex_);
    result.Update(*running.front()->done);
    running.pop_front();
  }
  return result;
}

absl::Status Scheduler::Run(SequenceJob* job) {
  bool nothing_to_do;
  if (absl::Status status = CheckJob(*job, &nothing_to_do); !status.ok()) return status;
  if (nothing_to_do) return absl::OkStatus();
  Waiting waiting{job, std::nullopt, {}};
  MutexLock lock(&mutex_);
  if (static_cast<int>(waiting_.size()) >= options_.queue_limit) {
    return absl::ResourceExhaustedError(absl::StrCat(waiting_.size(), " calls are waiting for model '", options_.model,
                                                     "', which is its limit: try again later"));
  }
  waiting_.push_back(&waiting);
  work_.notify_one();
  while (!waiting.done) waiting.wake.wait(mutex_);
  return *std::move(waiting.done);
}

void Scheduler::Loop() {
  while (true) {
    {
      MutexLock lock(&mutex_);
      while (!stop_ && waiting_.empty() && active_.empty()) work_.wait(mutex_);
      if (stop_) {
        for (Waiting* w : waiting_) {
          w->done = absl::UnavailableError(absl::StrCat("model '", options_.model, "' is being unloaded"));
          w->wake.notify_one();
        }
        waiting_.clear();
        if (active_.empty()) return;
        for (const auto& a : active_) {
          if (!a->finished)
            Finish(a.get(), absl::UnavailableError(absl::StrCat("model '", options_.model, "' is being unloaded")));
        }
      } else {
        Admit();
      }
    }
    Step();
    Retire();
  }
}

void Scheduler::Admit() {
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    absl::Status status = (*it)->job->call.Check();
    if (status.ok()) {
      ++it;
      continue;
    }
    (*it)->done = std::move(status);
    (*it)->wake.notify_one();
    it = waiting_.erase(it);
  }
  while (!waiting_.empty() && static_cast<int>(active_.size()) < options_.max_sequences) {
    // Among the waiting, the first of the tenant with the fewest running sequences.
    std::map<std::string, int> running;
    for (const auto& a : active_) ++running[a->waiting->job->tenant];
    auto pick = waiting_.begin();
    for (auto it = waiting_.begin(); it != waiting_.end(); ++it) {
      if (running[(*it)->job->tenant] < running[(*pick)->job->tenant]) pick = it;
    }
    SequenceJob* job = (*pick)->job;
    // At least one token is computed, for its logits; scored ones all are.
    const int64_t reusable = job->on_token             ? static_cast<int64_t>(job->tokens.size()) - 1
                             : job->observe != nullptr ? job->observe->from
                                                       : job->score_from - 1;
    // What ends at a layer has no keys and values behind it: only its like may begin with it.
    const int64_t look = job->observe != nullptr ? job->observe->attention_layer : -1;
    const bool part = look >= 0 && look + 1 < decoder_->config().layers;
    std::unique_ptr<KvSequence> kv =
        cache_->Admit(part ? absl::StrCat(job->tenant, std::string("\0layers ", 8), look) : job->tenant, job->tokens,
                      PositionsOf(*job), reusable);
    // No room: wait for a running sequence to end. Nobody overtakes, or a long prompt could wait forever.
    if (kv == nullptr) return;
    job->cached_tokens = kv->reused();
    auto active = std::unique_ptr<Active>(new Active{*pick, std::move(kv), Sampler(job->sampling)});
    if (job->on_token) {
      active->drafting = speculator_.Begin(job->tenant, job->tokens, job->max_tokens, job->sampling);
    }
    active->begun = absl::Now();
    active->feed = static_cast<int64_t>(job->tokens.size()) - (job->on_token || job->observe != nullptr ? 0 : 1);
    if (look >= 0) {
      job->observe->stride = (static_cast<int64_t>(job->tokens.size()) + 63) / 64 * 64;
      job->observe->attention.assign(
          static_cast<size_t>((static_cast<int64_t>(job->tokens.size()) - job->observe->from) * job->observe->stride),
          0);
    }
    active_.push_back(std::move(active));
    waiting_.erase(pick);
  }
}

void Scheduler::Finish(Active* active, absl::Status status) {
  active->finished = true;
  active->status = std::move(status);
}

void Scheduler::Step() {
  CollectChunks();
  if (chunks_.empty() && looks_.empty()) return;
  try {
    AddDrafts();
    const absl::Time begin = absl::Now();
    RunChunks();
    RunLooks();
    int64_t rows = 0;
    for (const DecoderChunk& chunk : chunks_) rows += static_cast<int64_t>(chunk.tokens.size());
    if (!prefilling_) speculator_.Measure(rows, absl::ToDoubleSeconds(absl::Now() - begin));
  } catch (const std::bad_alloc&) {
    chunk_owner_.insert(chunk_owner_.end(), look_owner_.begin(), look_owner_.end());
    for (Active* a : chunk_owner_) {
      Finish(a, absl::ResourceExhaustedError(absl::StrCat("out of memory while running model '", options_.model,
                                                          "': lower its key-value budget or max_sequences")));
    }
  }
}

void Scheduler::CollectChunks() {
  chunks_.clear();
  chunk_owner_.clear();
  looks_.clear();
  look_owner_.clear();
  prefilling_ = false;
  int64_t room = kPrefillRows;
  for (const auto& a : active_) {
    if (a->finished) continue;
    SequenceJob* job = a->waiting->job;
    if (absl::Status status = job->call.Check(); !status.ok()) {
      Finish(a.get(), std::move(status));
      continue;
    }
    DecoderChunk chunk{.sequence = a->kv.get()};
    const int64_t fed = a->kv->length();
    a->drafts = a->right = 0;
    a->parted = false;
    if (fed >= a->feed) {
      chunk.tokens = {a->feeding.data(), 1};
    } else {
      const int64_t take = std::min(room, a->feed - fed);
      if (take == 0) continue;
      room -= take;
      chunk.tokens = std::span(job->tokens).subspan(static_cast<size_t>(fed), static_cast<size_t>(take));
      // The row of position p tells about token p + 1.
      chunk.wanted = job->on_token             ? (fed + take == a->feed ? 1 : 0)
                     : job->observe != nullptr ? std::clamp<int64_t>(fed + take - job->observe->from, 0, take)
                                               : std::clamp<int64_t>(fed + take - (job->score_from - 1), 0, take);
      prefilling_ = true;
      if (job->observe != nullptr && job->observe->attention_layer >= 0) {
        chunk.wanted = 0;
        chunk.attention = job->observe->attention.data();
        chunk.attention_layer = job->observe->attention_layer;
        chunk.attention_from = job->observe->from;
        chunk.attention_stride = job->observe->stride;
        looks_.push_back(chunk);
        look_owner_.push_back(a.get());
        continue;
      }
    }
    chunks_.push_back(chunk);
    chunk_owner_.push_back(a.get());
  }
}

void Scheduler::AddDrafts() {
  const auto drafts = [](const Active* a) { return a->drafting != nullptr && a->kv->length() >= a->feed; };
  drafting_.clear();
  for (const Active* a : chunk_owner_) {
    if (drafts(a)) drafting_.push_back(a->drafting.get());
  }
  if (drafting_.empty()) return;
  speculator_.Propose(drafting_);
  for (size_t i = 0; i < chunks_.size(); ++i) {
    Active* a = chunk_owner_[i];
    if (!drafts(a)) continue;
    const std::span<const TokenId> found = a->drafting->drafts();
    std::copy(found.begin(), found.end(), a->feeding.begin() + 1);
    a->drafts = static_cast<int64_t>(found.size());
    a->waiting->job->drafted += a->drafts;
    chunks_[i].tokens = {a->feeding.data(), 1 + found.size()};
    chunks_[i].wanted = 1 + a->drafts;
  }
}

void Scheduler::RunLooks() {
  // Those of one layer together; there is hardly ever more than one.
  for (size_t i = 0; i < looks_.size(); ++i) {
    const int64_t layer = looks_[i].attention_layer;
    if (std::any_of(looks_.begin(), looks_.begin() + static_cast<std::ptrdiff_t>(i),
                    [&](const DecoderChunk& chunk) { return chunk.attention_layer == layer; })) {
      continue;
    }
    std::vector<DecoderChunk> same;
    for (const DecoderChunk& chunk : looks_) {
      if (chunk.attention_layer == layer) same.push_back(chunk);
    }
    decoder_->ForwardTo(layer, same, cache_.get());
  }
  for (Active* a : look_owner_) {
    if (a->kv->length() < a->feed) continue;
    // Weights are sums of positive numbers: one that is none, or infinite, shows in their sum.
    const std::vector<float>& weights = a->waiting->job->observe->attention;
    double sum = 0;
    for (const float weight : weights) sum += weight;
    if (!(sum >= 0)) {
      NotANumber(a);
    } else {
      Finish(a, absl::OkStatus());
    }
  }
}

void Scheduler::RunChunks() {
  if (chunks_.empty()) return;
  const int64_t rows = decoder_->Forward(chunks_, cache_.get());
  row_owner_.clear();
  for (size_t i = 0; i < chunks_.size(); ++i) {
    row_owner_.insert(row_owner_.end(), static_cast<size_t>(chunks_[i].wanted), chunk_owner_[i]);
  }
  for (int64_t first = 0; first < rows; first += kLogitRows) {
    const int64_t count = std::min(kLogitRows, rows - first);
    const std::span<const float> logits = decoder_->Logits(first, count);
    const size_t width = logits.size() / static_cast<size_t>(count);
    for (int64_t i = 0; i < count; ++i) {
      Take(row_owner_[static_cast<size_t>(first + i)], logits.subspan(static_cast<size_t>(i) * width, width));
    }
  }
  // Wrong drafts leave no trace.
  for (Active* a : chunk_owner_) {
    if (a->drafts > 0) cache_->Truncate(a->kv.get(), a->kv->length() - (a->drafts - a->right));
  }
}

void Scheduler::NotANumber(Active* a) {
  Finish(a, absl::InternalError(absl::StrCat("model '", options_.model,
                                             "' computed a logit that is not a number: its weights may be damaged")));
}

void Scheduler::Score(Active* a, std::span<const float> logits) {
  SequenceJob* job = a->waiting->job;
  const double total = decoder_->kernels().log_sum_exp(logits.data(), static_cast<int64_t>(logits.size()));
  if (!(total == total)) return NotANumber(a);
  const TokenId target = job->tokens[static_cast<size_t>(job->score_from) + job->logprobs.size()];
  const double logprob = static_cast<double>(logits[static_cast<size_t>(target)]) - total;
  job->logprobs.push_back(static_cast<float>(std::min(logprob, 0.0)));
  if (static_cast<size_t>(job->score_from) + job->logprobs.size() == job->tokens.size()) {
    job->prefill_time = absl::Now() - a->begun;
    Finish(a, absl::OkStatus());
  }
}

void Scheduler::Observe(Active* a, std::span<const float> logits) {
  SequenceJob* job = a->waiting->job;
  const double entropy = decoder_->kernels().entropy(logits.data(), static_cast<int64_t>(logits.size()));
  if (!(entropy == entropy)) return NotANumber(a);
  job->observe->entropies.push_back(std::max(0.0, entropy));
  if (static_cast<size_t>(job->observe->from) + job->observe->entropies.size() == job->tokens.size()) {
    Finish(a, absl::OkStatus());
  }
}

void Scheduler::Take(Active* a, std::span<const float> logits) {
  if (a->finished || a->parted) return;
  SequenceJob* job = a->waiting->job;
  if (job->observe != nullptr) return Observe(a, logits);
  if (!job->on_token) return Score(a, logits);
  if (job->generated == 0) {
    a->first_token = absl::Now();
    job->prefill_time = a->first_token - a->begun;
  } else if (a->right > 0) {
    // Whoever left while earlier rows of this step were passed on gets no more.
    if (absl::Status status = job->call.Check(); !status.ok()) return Finish(a, std::move(status));
  }
  const absl::StatusOr<TokenId> token = a->sampler.Next(logits, job->generated);
  if (!token.ok()) return NotANumber(a);
  a->parted = a->right == a->drafts || *token != a->feeding[static_cast<size_t>(1 + a->right)];
  if (!a->parted) {
    ++a->right;
    ++job->drafts_right;
  }
  if (std::find(job->ends.begin(), job->ends.end(), *token) != job->ends.end()) {
    job->ended = true;
  } else {
    ++job->generated;
    if (a->parted) a->feeding[0] = *token;
    if (a->drafting != nullptr) a->drafting->Accept(*token);
    if (job->on_token(*token) && job->generated < job->max_tokens) return;
  }
  job->decode_time = absl::Now() - a->first_token;
  Finish(a, absl::OkStatus());
}

void Scheduler::Retire() {
  for (auto& a : active_) {
    if (!a->finished) continue;
    a->kv.reset();  // before the caller is told: what it held is free when the call returns
    MutexLock lock(&mutex_);
    a->waiting->done = std::move(a->status);
    a->waiting->wake.notify_one();
  }
  std::erase_if(active_, [](const auto& a) { return a->finished; });
}

}  // namespace precis::engine
