// Drafts for the sequences of a decoder: which tokens probably come next, and how many of them are worth verifying.
//
// The scheduler verifies drafts in one step, as rows after the token that is due, and chooses at each row as it would
// have without: since a row's logits are the same bits alone or among others and the sampler draws by seed and index,
// the text is the same with any drafts, also when it is sampled.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "models/decoder.h"
#include "models/kv_cache.h"
#include "precis/base/call_context.h"
#include "precis/engine/generator.h"
#include "runtime/draft_plan.h"
#include "runtime/prompt_lookup.h"
#include "runtime/sampler.h"

namespace precis::engine {

struct SpeculationOptions {
  bool lookup = false;             // drafts from the text itself
  std::unique_ptr<Decoder> draft;  // drafts from a smaller model of the same vocabulary, instead of `lookup`
  int64_t draft_kv_budget_bytes = 0;
  int64_t vocabulary = 0;  // of the model that drafts are for: no draft lies outside
  int fixed_drafts = 0;    // for tests and measurements: always so many where there are any; 0: as many as pay
};

// What the speculator knows of one sequence.
class DraftState {
 public:
  // The drafts to verify after the sequence's last token, as Propose chose them.
  std::span<const TokenId> drafts() const { return {drafts_.data(), static_cast<size_t>(count_)}; }
  // Says that `token` is the next one of the sequence.
  void Accept(TokenId token);

 private:
  friend class Speculator;
  DraftState(int64_t capacity, const Sampling& sampling, AcceptanceRates* rates);
  double ChanceOf(int kind) const;
  void Foretell(TokenId token, int kind);
  int64_t size() const { return static_cast<int64_t>(text_.tokens().size()); }

  PromptLookup text_;             // the prompt and all tokens after it
  AcceptanceRates* const rates_;  // of all sequences
  AcceptanceRates own_;           // of this one
  int64_t prompt_ = 0, end_ = 0;  // tokens of the prompt; the most there can be
  Sampler sampler_;
  std::unique_ptr<KvSequence> kv_;  // of the draft model

  // What is foretold of the tokens after text_: also what is not worth verifying, to learn from it.
  std::array<TokenId, kMostDrafts> drafts_{};
  std::array<int, kMostDrafts> kinds_{};
  int foretold_ = 0;  // of drafts_
  int count_ = 0;     // of them, to be verified
  int right_ = 0;     // of them, known to be right by now
  // Of the draft model.
  double chance_ = 1;                     // that all of drafts_ are right
  int64_t fed_ = 0;                       // of drafts_, whose keys and values are in kv_
  int64_t pause_ = 0, paused_until_ = 0;  // no drafts before the text has that length
};

// Of the engine thread alone.
class Speculator {
 public:
  explicit Speculator(SpeculationOptions options);
  ~Speculator();

  bool on() const { return options_.lookup || options_.draft != nullptr; }

  // Null when off. `max_tokens` will follow the prompt at most.
  std::unique_ptr<DraftState> Begin(const std::string& tenant, std::span<const TokenId> prompt, int64_t max_tokens,
                                    const Sampling& sampling);

  // Chooses the drafts of sequences that are about to be fed one token each, the last accepted one.
  void Propose(std::span<DraftState* const> states);

  // What a step without prompt tokens took, by its rows.
  void Measure(int64_t rows, double seconds) { cost_.Measure(rows, seconds); }

 private:
  void Lookup(DraftState* state);
  void RunDraftModel(std::span<DraftState* const> states);
  bool WantsDraftModel(DraftState* state, int64_t rows);
  void Draft(DraftState* state, std::span<const float> logits);
  int64_t Limit(const DraftState& state) const;

  SpeculationOptions options_;
  std::unique_ptr<KvCache> draft_cache_;
  AcceptanceRates rates_;
  StepCost cost_, draft_cost_;
  std::vector<DraftOffer> offers_;
  std::vector<DraftState*> drafting_;  // by the draft model, in the order of chunks_
  std::vector<DecoderChunk> chunks_;
};

}  // namespace precis::engine
