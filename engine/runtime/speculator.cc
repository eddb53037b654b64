#include "runtime/speculator.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

namespace precis::engine {
namespace {

using Kinds = std::array<double, AcceptanceRates::kKinds>;

// Matches of 2, 3, 4, 5-6, 7-9, 10-13, 14-19 and more tokens.
constexpr int64_t kMatchLengths[] = {3, 4, 5, 7, 10, 14, 20};
constexpr Kinds kLookupPrior = {0.25, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.9, 0.9};
// By the draft model's probability in ninths; the last one is of all first drafts together.
constexpr Kinds kDraftPrior = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.7};
constexpr int kAnyKind = AcceptanceRates::kKinds - 1;

constexpr double kPriorWeight = 8, kMemory = 500, kOwnMemory = 32, kOthersWeight = 4;
// Tokens of a prompt that the draft model reads in one step.
constexpr int64_t kCatchUpRows = 128;
// While the draft model does not pay, it is tried again after this many tokens, then twice as many...
constexpr int64_t kFirstPause = 64, kLongestPause = 1024;

int KindOfMatch(int64_t length) {
  return static_cast<int>(std::upper_bound(std::begin(kMatchLengths), std::end(kMatchLengths), length) -
                          std::begin(kMatchLengths));
}

double Seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

}  // namespace

DraftState::DraftState(int64_t capacity, const Sampling& sampling, AcceptanceRates* rates)
    : text_(capacity), rates_(rates), own_(Kinds{}, 0, kOwnMemory), end_(capacity), sampler_(sampling) {}

double DraftState::ChanceOf(int kind) const { return own_.Of(kind, *rates_, kOthersWeight); }

void DraftState::Accept(TokenId token) {
  if (right_ < foretold_) {
    const size_t at = static_cast<size_t>(right_);
    const bool right = drafts_[at] == token;
    for (AcceptanceRates* rates : {rates_, &own_}) {
      rates->Count(kinds_[at], right);
      if (kv_ != nullptr && right_ == 0) rates->Count(kAnyKind, right);
    }
    if (right) {
      ++right_;
    } else {
      foretold_ = right_;
    }
  }
  text_.Add(token);
}

void DraftState::Foretell(TokenId token, int kind) {
  drafts_[static_cast<size_t>(foretold_)] = token;
  kinds_[static_cast<size_t>(foretold_)] = kind;
  ++foretold_;
}

Speculator::Speculator(SpeculationOptions options)
    : options_(std::move(options)),
      rates_(options_.draft != nullptr ? kDraftPrior : kLookupPrior, kPriorWeight, kMemory) {
  if (options_.draft != nullptr) {
    draft_cache_ = std::make_unique<KvCache>(options_.draft->kv_layout(), options_.draft_kv_budget_bytes);
  }
}

Speculator::~Speculator() = default;

std::unique_ptr<DraftState> Speculator::Begin(const std::string& tenant, std::span<const TokenId> prompt,
                                              int64_t max_tokens, const Sampling& sampling) {
  if (!on()) return nullptr;
  const int64_t size = static_cast<int64_t>(prompt.size());
  std::unique_ptr<DraftState> state(new DraftState(size + max_tokens, sampling, &rates_));
  for (const TokenId token : prompt) state->text_.Add(token);
  state->prompt_ = size;
  if (draft_cache_ != nullptr && size + max_tokens <= draft_cache_->max_positions()) {
    // Null when there is no room: then this sequence goes without drafts.
    state->kv_ = draft_cache_->Admit(tenant, prompt, size + max_tokens, size - 1);
  }
  return state;
}

// The last token that may come needs no draft after it.
int64_t Speculator::Limit(const DraftState& state) const {
  const int64_t most = options_.fixed_drafts > 0 ? options_.fixed_drafts : kMostDrafts;
  return std::clamp<int64_t>(state.end_ - state.size() - 1, 0, std::min<int64_t>(most, kMostDrafts));
}

void Speculator::Lookup(DraftState* state) {
  const PromptLookup::Match match = state->text_.Find();
  if (match.length == 0) return;
  const int64_t limit = Limit(*state);
  // A draft's own match is one longer for every draft before it.
  for (int64_t i = 0; i < limit; ++i) state->Foretell(state->text_.Foretold(match, i), KindOfMatch(match.length + i));
}

void Speculator::Propose(std::span<DraftState* const> states) {
  for (DraftState* s : states) {
    if (s->kv_ != nullptr && s->fed_ > 0) {
      draft_cache_->Truncate(s->kv_.get(), s->kv_->length() - s->fed_ + std::min<int64_t>(s->fed_, s->right_));
    }
    s->foretold_ = s->count_ = s->right_ = 0;
    s->fed_ = 0;
    s->chance_ = 1;
  }
  if (options_.draft != nullptr) {
    RunDraftModel(states);
  } else {
    for (DraftState* s : states) Lookup(s);
  }
  if (options_.fixed_drafts > 0) {
    for (DraftState* s : states) s->count_ = s->foretold_;
    return;
  }
  offers_.resize(states.size());
  for (size_t i = 0; i < states.size(); ++i) {
    DraftOffer& offer = offers_[i];
    offer.count = states[i]->foretold_;
    double chance = 1;
    for (int j = 0; j < offer.count; ++j) {
      chance *= states[i]->ChanceOf(states[i]->kinds_[static_cast<size_t>(j)]);
      offer.chance[static_cast<size_t>(j)] = chance;
    }
  }
  PlanDrafts(static_cast<int64_t>(states.size()), cost_, offers_);
  for (size_t i = 0; i < states.size(); ++i) states[i]->count_ = offers_[i].taken;
}

// Whether another draft of this sequence is worth a run of the draft model over `drafting` sequences and a row of ours.
bool Speculator::WantsDraftModel(DraftState* s, int64_t drafting) {
  if (s->kv_ == nullptr || s->foretold_ >= Limit(*s)) return false;
  if (options_.fixed_drafts > 0 || !cost_.known() || !draft_cost_.known()) return true;
  const double next = s->foretold_ == 0 ? s->ChanceOf(kAnyKind)
                                        : s->chance_ * s->ChanceOf(s->kinds_[static_cast<size_t>(s->foretold_ - 1)]);
  const double price = draft_cost_.Of(drafting) / static_cast<double>(drafting) + cost_.Of(2) - cost_.Of(1);
  return next > price / cost_.Of(1);
}

// The draft's choice after one of its rows.
void Speculator::Draft(DraftState* s, std::span<const float> logits) {
  const int64_t index = s->size() - s->prompt_ + s->foretold_;
  // By the same draw as the verification: equal distributions then give equal tokens.
  const absl::StatusOr<TokenId> token = s->sampler_.Next(logits, index);
  if (!token.ok()) {
    s->kv_.reset();  // not a number: this model has nothing to say
    return;
  }
  const double lse = options_.draft->kernels().log_sum_exp(logits.data(), static_cast<int64_t>(logits.size()));
  const double confidence = std::exp(static_cast<double>(logits[static_cast<size_t>(*token)]) - lse);
  const int kind = std::clamp(static_cast<int>(confidence * kAnyKind), 0, kAnyKind - 1);
  s->Foretell(*token, kind);
  s->chance_ *= s->ChanceOf(kind);
}

void Speculator::RunDraftModel(std::span<DraftState* const> states) {
  drafting_.clear();
  chunks_.clear();
  const auto vocabulary = options_.draft->config().vocabulary;
  int64_t room = kCatchUpRows;
  const int64_t count = static_cast<int64_t>(states.size());
  for (DraftState* s : states) {
    if (s->kv_ == nullptr || s->size() < s->paused_until_ || Limit(*s) == 0) continue;
    if (WantsDraftModel(s, count)) {
      s->pause_ = 0;
    } else {
      // Tried all the same, once, to see whether it still does not pay.
      s->pause_ = std::clamp(2 * s->pause_, kFirstPause, kLongestPause);
      s->paused_until_ = s->size() + s->pause_;
    }
    const std::span<const TokenId> text = s->text_.tokens();
    const int64_t behind = s->size() - s->kv_->length();
    const int64_t take = std::min(room, behind);
    if (take == 0) continue;
    const auto tokens = text.subspan(static_cast<size_t>(s->kv_->length()), static_cast<size_t>(take));
    if (std::any_of(tokens.begin(), tokens.end(), [&](TokenId id) { return id >= vocabulary; })) {
      s->kv_.reset();
      continue;
    }
    room -= take;
    chunks_.push_back({s->kv_.get(), tokens, take == behind ? 1 : 0});
    if (take < behind) s->pause_ = 0, s->paused_until_ = 0;
    drafting_.push_back(s);
  }
  while (!chunks_.empty()) {
    const double begin = Seconds();
    int64_t rows = 0;
    for (const DecoderChunk& chunk : chunks_) rows += static_cast<int64_t>(chunk.tokens.size());
    const int64_t wanted = options_.draft->Forward(chunks_, draft_cache_.get());
    // Who has not read the whole text yet drafts nothing in this step.
    size_t kept = 0;
    for (size_t i = 0; i < chunks_.size(); ++i) {
      if (chunks_[i].wanted == 1) drafting_[kept++] = drafting_[i];
    }
    drafting_.resize(kept);
    if (wanted > 0) {
      const std::span<const float> logits = options_.draft->Logits(0, wanted);
      const size_t width = logits.size() / kept;
      for (size_t i = 0; i < kept; ++i) {
        Draft(drafting_[i], logits.subspan(i * width, std::min(width, static_cast<size_t>(options_.vocabulary))));
      }
    }
    draft_cost_.Measure(rows, Seconds() - begin);
    chunks_.clear();
    const int64_t running = static_cast<int64_t>(kept);
    kept = 0;
    for (DraftState* s : drafting_) {
      if (s->paused_until_ > s->size() || !WantsDraftModel(s, running)) continue;
      const size_t last = static_cast<size_t>(s->foretold_ - 1);
      if (s->drafts_[last] >= vocabulary) continue;
      chunks_.push_back({s->kv_.get(), {&s->drafts_[last], 1}, 1});
      ++s->fed_;
      drafting_[kept++] = s;
    }
    drafting_.resize(kept);
  }
}

}  // namespace precis::engine
