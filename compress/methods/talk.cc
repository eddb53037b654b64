#include "methods/talk.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "boundaries.h"
#include "methods/fill.h"
#include "methods/sentence_pool.h"
#include "methods/surprisal_memory.h"
#include "methods/word_pool.h"
#include "precis/base/hash.h"
#include "precis/base/utf8.h"
#include "precis/text/sentences.h"

namespace precis::compress {
namespace {

// Sentences that are scored in one call, and what stands before them. A byte is at most a token, so that a window of
// the two fits the model whatever the script.
constexpr int64_t kPartBytes = 3000;
constexpr int64_t kLeastPartBytes = 256;
constexpr int64_t kUnknownWindow = 2048;
// The first token after a full stop surprises always: by these many tokens of none a short sentence is held back, or
// "Hm." would be worth more than any fact.
constexpr double kCalmTokens = 8;
constexpr size_t kRememberedParts = 8192;

struct Part {
  size_t begin, end;  // sentences
};

class TalkScorer {
 public:
  TalkScorer(const MethodInput& input, const std::vector<Unit>& sentences, SurprisalMemory* memory)
      : input_(input), sentences_(sentences), memory_(memory), values_(sentences.size(), 0) {
    const int64_t window =
        input.resources.scorer_info.max_tokens > 0 ? input.resources.scorer_info.max_tokens : kUnknownWindow;
    part_bytes_ = std::clamp(window * 3 / 4, kLeastPartBytes, kPartBytes);
    context_bytes_ = part_bytes_ / 5;
  }

  // Surprisal of each sentence, the newest first until `max_tokens` are scored, whether they were remembered or not:
  // memory may not change what is kept.
  absl::StatusOr<std::vector<double>> Run(int64_t max_tokens) {
    const std::vector<Part> parts = Parts();
    int64_t tokens = 0;
    for (size_t p = parts.size(); p-- > 0 && tokens < max_tokens;) {
      PRECIS_RETURN_IF_ERROR(input_.call.Check());
      if (input_.progress) input_.progress("score", tokens, max_tokens);
      for (size_t s = parts[p].begin; s < parts[p].end; ++s) tokens += input_.tokens.Estimate(sentences_[s]);
      PRECIS_RETURN_IF_ERROR(Score(parts[p]));
      scored_ += parts[p].end - parts[p].begin;
    }
    return std::move(values_);
  }
  size_t scored() const { return scored_; }

 private:
  // Of one turn each.
  std::vector<Part> Parts() const {
    std::vector<Part> parts;
    int64_t bytes = 0;
    for (size_t s = 0; s < sentences_.size(); ++s) {
      const bool new_turn = s == 0 || sentences_[s].piece != sentences_[s - 1].piece;
      if (new_turn || bytes + sentences_[s].range.size() > part_bytes_) {
        parts.push_back({s, s});
        bytes = 0;
      }
      parts.back().end = s + 1;
      bytes += sentences_[s].range.size();
    }
    return parts;
  }

  absl::Status Score(const Part& part) {
    std::string context;  // the end of what was said before
    for (size_t s = part.begin; s-- > 0 && static_cast<int64_t>(context.size()) < context_bytes_;) {
      context = absl::StrCat(std::string(TextOf(input_, sentences_[s])), "\n", context);
    }
    if (static_cast<int64_t>(context.size()) > context_bytes_) {
      const auto from = context.size() - static_cast<size_t>(context_bytes_);
      context.erase(0, FloorToCharBoundary(context, from));
    }
    std::string text;
    std::vector<int64_t> ends;
    for (size_t s = part.begin; s < part.end; ++s) {
      if (!text.empty()) text += " ";
      text += TextOf(input_, sentences_[s]);
      ends.push_back(static_cast<int64_t>(text.size()));
    }
    const auto limit = static_cast<size_t>(part_bytes_);
    if (text.size() > limit) text.resize(FloorToCharBoundary(text, limit));

    const std::string& model = input_.resources.scorer_info.fingerprint;
    const std::string key =
        model.empty() ? "" : Hasher().Field("talk").Field(model).Field(context).Field(text).FinishHex();
    std::vector<double> values;
    if (key.empty() || !memory_->Get(key, &values)) {
      PRECIS_ASSIGN_OR_RETURN(const std::vector<engine::TokenScore> scores,
                              input_.resources.scorer->ScoreTokens(context, text, input_.call));
      std::vector<double> sums(ends.size(), 0), counts(ends.size(), 0);
      size_t s = 0;
      for (const engine::TokenScore& score : scores) {
        while (s + 1 < ends.size() && score.token.bytes.begin >= ends[s]) ++s;
        sums[s] -= static_cast<double>(score.logprob);
        ++counts[s];
      }
      for (size_t i = 0; i < sums.size(); ++i) values.push_back(sums[i] / (counts[i] + kCalmTokens));
      if (!key.empty()) memory_->Put(key, values);
    }
    std::copy(values.begin(), values.end(), values_.begin() + static_cast<std::ptrdiff_t>(part.begin));
    return absl::OkStatus();
  }

  const MethodInput& input_;
  const std::vector<Unit>& sentences_;
  SurprisalMemory* const memory_;
  std::vector<double> values_;
  int64_t part_bytes_, context_bytes_;
  size_t scored_ = 0;
};

class Talk final : public Method {
 public:
  MethodInfo info() const override {
    MethodInfo info;
    info.name = "talk";
    info.description =
        "Of a conversation's turns, oldest first, keeps the sentences that say most: what a causal model did not "
        "expect, fading by the round, and what shares words with the query.";
    info.uses_query = true;
    info.uses_scorer = true;
    info.parameters = {
        {"decay", "double", "0.9", "0..1", "Worth of a round against that of the one after it."},
        {"relevance", "double", "0.5", "0..1", "Share of the query's words in the worth of a sentence."},
        {"max_scored", "int", "2048", "0..131072",
         "Tokens of the newest turns whose surprisal is measured; older ones are kept by the query's words alone."},
    };
    return info;
  }

  absl::StatusOr<Draft> Run(const MethodInput& input) const override {
    std::vector<Unit> sentences;
    std::vector<std::string_view> texts;
    for (int i = 0; i < input.table.size(); ++i) {
      if (i % 256 == 0) PRECIS_RETURN_IF_ERROR(input.call.Check());
      for (const ByteRange& range : text::SplitSentences(input.table.text(i))) {
        sentences.push_back({i, range});
        texts.push_back(Slice(input.table.text(i), range));
      }
    }
    const absl::Time start = absl::Now();
    PRECIS_ASSIGN_OR_RETURN(const std::vector<double> news, News(input, sentences));
    const bool has_query = !IsBlank(input.request.query);
    const std::vector<double> keywords =
        has_query ? SentenceKeywords(input, texts) : std::vector<double>(texts.size(), 0);
    const double relevance = has_query ? input.parameters.Double("relevance") : 0;
    const double decay = input.parameters.Double("decay");
    const auto turns = static_cast<int>(input.request.passages.size());
    std::vector<double> worth(sentences.size());
    for (size_t s = 0; s < sentences.size(); ++s) {
      const Piece& piece = input.table.piece(sentences[s].piece);
      const int turn = piece.verbatim() ? piece.passage : piece.cited.front();
      const int rounds_ago = (turns - 1 - turn) / 2;
      worth[s] = (1 - relevance) * std::pow(decay, rounds_ago) * news[s] + relevance * keywords[s];
    }
    input.notes.timings.push_back({"score", absl::Now() - start});

    std::vector<int> order(sentences.size());
    std::iota(order.begin(), order.end(), 0);
    // Of equals the newest.
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
      const double x = worth[static_cast<size_t>(a)], y = worth[static_cast<size_t>(b)];
      return x != y ? x > y : sentences[static_cast<size_t>(a)].piece > sentences[static_cast<size_t>(b)].piece;
    });
    std::vector<Unit> units;
    for (const int s : order) units.push_back(sentences[static_cast<size_t>(s)]);
    PRECIS_ASSIGN_OR_RETURN(const FillResult filled, FillBudget(input, units, 0));
    if (filled.units.empty()) {
      return absl::FailedPreconditionError(
          absl::StrCat("not even one word of a turn fits the budget of ", input.fitter.budget(), " tokens: raise it"));
    }
    if (filled.cut >= 0) {
      input.notes.warnings.push_back("to fill the budget a sentence of the talk is kept only in its beginning");
    }
    return Restrict(input.table, Normalize(filled.units, input.table));
  }

 private:
  // How much each sentence says, [0, 1]: surprisal over the greatest, or 1 for all where none can be had.
  absl::StatusOr<std::vector<double>> News(const MethodInput& input, const std::vector<Unit>& sentences) const {
    input.notes.skip_fidelity = true;  // nobody compares a talk with its mean
    std::vector<double> even(sentences.size(), 1);
    const auto by_recency = [&](const std::string& why) {
      input.notes.warnings.push_back(absl::StrCat("turns were kept by recency and the query's words, not by surprisal",
                                                  why.empty() ? "" : ": ", why));
      return even;
    };
    if (input.resources.scorer == nullptr) {
      return by_recency(input.resources.no_scorer.empty() ? "no model that scores tokens is loaded"
                                                          : input.resources.no_scorer);
    }
    TalkScorer scorer(input, sentences, &memory_);
    absl::StatusOr<std::vector<double>> values = scorer.Run(input.parameters.Int("max_scored"));
    if (absl::IsCancelled(values.status()) || absl::IsDeadlineExceeded(values.status())) return values.status();
    if (!values.ok()) {
      if (input.request.fallback_policy == FallbackPolicy::kFail) return values.status();
      input.notes.transient = true;
      return by_recency(std::string(values.status().message()));
    }
    const double greatest = values->empty() ? 0 : *std::max_element(values->begin(), values->end());
    if (greatest <= 0) return even;
    for (double& value : *values) value /= greatest;
    input.notes.plan.push_back(absl::StrCat(
        "turns are kept by surprisal", input.resources.scorer_info.name.empty() ? "" : " to '",
        input.resources.scorer_info.name, input.resources.scorer_info.name.empty() ? "" : "'", " (", scorer.scored(),
        " of ", sentences.size(), " sentences measured), fading by the round, and by the query's words"));
    return *std::move(values);
  }

  mutable SurprisalMemory memory_{kRememberedParts};
};

}  // namespace

std::unique_ptr<Method> MakeTalk() { return std::make_unique<Talk>(); }

}  // namespace precis::compress
