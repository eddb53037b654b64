// InfiniRetri (arXiv 2502.12962, section 3.2; the package infini-retri 0.0.3): segments pass by in windows, and those
// that the question attends to are carried along as text.
#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "precis/base/status_macros.h"
#include "runtime/segment_scorers.h"

namespace precis::engine {
namespace {

// Before the segments, so that what every token attends to for want of anything better, the very first tokens, is no
// segment.
constexpr std::string_view kBefore = "Read the text and answer the question.\n\n";
constexpr std::string_view kBetween = "\n\n";
// More tokens of a question than this have no rows: its last ones are what it asks.
constexpr int64_t kMaxRows = 256;
constexpr int64_t kMaxPhraseTokens = 64;

class Passes {
 public:
  Passes(const SegmentModel& model, const SegmentScoreOptions& options, const CallContext& call)
      : model_(model), options_(options), call_(call) {
    const int64_t layers = model.scheduler.decoder().config().layers;
    layer_ = options.layer < 0 ? layers + options.layer : options.layer;
  }

  absl::StatusOr<std::vector<float>> Run(std::span<const std::string_view> segments, std::string_view question) {
    PRECIS_RETURN_IF_ERROR(Encode(segments, question));
    scores_.assign(segments.size(), 0);
    std::vector<int> carried;
    for (size_t next = 0; next < segments.size();) {
      PRECIS_RETURN_IF_ERROR(call_.Check());
      std::vector<int> pass = carried;
      const size_t first = next;
      next = TakeWindow(next, &pass);
      if (next == first) return TooLong(first);
      PRECIS_ASSIGN_OR_RETURN(carried, RunPass(pass));
    }
    for (const int segment : carried) scores_[static_cast<size_t>(segment)] += 1;
    return std::move(scores_);
  }

 private:
  int64_t TokensOf(int segment) const { return static_cast<int64_t>(ids_[static_cast<size_t>(segment)].size()); }

  absl::Status Encode(std::span<const std::string_view> segments, std::string_view question) {
    before_ = model_.beginning;
    PRECIS_ASSIGN_OR_RETURN(const std::vector<TokenId> before, model_.tokenizer.Encode(kBefore, {}));
    before_.insert(before_.end(), before.begin(), before.end());
    PRECIS_ASSIGN_OR_RETURN(question_,
                            model_.tokenizer.Encode(absl::StrCat(std::string(kBetween), std::string(question)), {}));
    for (const std::string_view segment : segments) {
      PRECIS_ASSIGN_OR_RETURN(ids_.emplace_back(), model_.tokenizer.Encode(segment, {}));
    }
    room_ = model_.window() - static_cast<int64_t>(before_.size() + question_.size());
    return absl::OkStatus();
  }

  absl::Status TooLong(size_t segment) const {
    return absl::FailedPreconditionError(absl::StrCat(
        "segment ", segment, " has ", ids_[segment].size(), " tokens and the question ", question_.size(), ", model '",
        model_.info.name, "' takes ", model_.window(), " in all: use shorter segments or a longer model"));
  }

  // New segments of window_tokens, or fewer where what is carried leaves less room; carried ones make room for a
  // segment that alone is longer than what is left. At least one, if it fits at all.
  size_t TakeWindow(size_t next, std::vector<int>* pass) {
    int64_t taken = 0;
    for (const int segment : *pass) taken += TokensOf(segment);
    while (!pass->empty() && taken + TokensOf(static_cast<int>(next)) > room_) {
      // The least of those carried goes; the last of equal ones.
      const auto least = std::min_element(pass->rbegin(), pass->rend(), [this](int a, int b) {
        return scores_[static_cast<size_t>(a)] < scores_[static_cast<size_t>(b)];
      });
      taken -= TokensOf(*least);
      pass->erase(std::next(least).base());
    }
    for (int64_t fresh = 0; next < ids_.size(); ++next) {
      const int64_t tokens = TokensOf(static_cast<int>(next));
      if (taken + tokens > room_ || (fresh > 0 && fresh + tokens > options_.window_tokens)) break;
      fresh += tokens;
      taken += tokens;
      pass->push_back(static_cast<int>(next));
    }
    return next;
  }

  // Scores the segments of a pass; returns those with one of its best tokens, in order.
  absl::StatusOr<std::vector<int>> RunPass(const std::vector<int>& pass) {
    SequenceJob job;
    job.call = call_;
    job.tokens = before_;
    for (const int segment : pass) {
      const auto& ids = ids_[static_cast<size_t>(segment)];
      job.tokens.insert(job.tokens.end(), ids.begin(), ids.end());
    }
    const auto first = static_cast<int64_t>(before_.size()), last = static_cast<int64_t>(job.tokens.size());
    job.tokens.insert(job.tokens.end(), question_.begin(), question_.end());
    const auto total = static_cast<int64_t>(job.tokens.size());
    const int64_t rows = std::min<int64_t>(kMaxRows, static_cast<int64_t>(question_.size()));
    Observation seen;
    seen.from = total - rows;
    seen.attention_layer = layer_;
    job.observe = &seen;
    PRECIS_RETURN_IF_ERROR(model_.scheduler.Run(&job));
    const std::vector<double> tokens =
        PhraseScores(seen.attention, seen.stride, first, last, total, rows, options_.phrase_tokens, &row_weights_);
    const double best = tokens.empty() ? 0 : *std::max_element(tokens.begin(), tokens.end());

    std::vector<int> order(tokens.size());
    std::iota(order.begin(), order.end(), 0);
    const auto top = std::min(order.size(), static_cast<size_t>(options_.top_tokens));
    const auto better = [&](int a, int b) {
      const double x = tokens[static_cast<size_t>(a)], y = tokens[static_cast<size_t>(b)];
      return x != y ? x > y : a < b;
    };
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(top), order.end(), better);
    std::vector<bool> chosen(tokens.size(), false);
    for (size_t i = 0; i < top; ++i) chosen[static_cast<size_t>(order[i])] = true;

    std::vector<int> kept;
    size_t at = 0;
    for (const int segment : pass) {
      const size_t end = at + static_cast<size_t>(TokensOf(segment));
      double most = 0;
      bool keep = false;
      for (; at < end; ++at) {
        most = std::max(most, tokens[at]);
        keep = keep || chosen[at];
      }
      scores_[static_cast<size_t>(segment)] = best > 0 ? static_cast<float>(most / best) : 0;
      if (keep) kept.push_back(segment);
    }
    return kept;
  }

  const SegmentModel& model_;
  const SegmentScoreOptions& options_;
  const CallContext& call_;
  int64_t layer_ = 0, room_ = 0;
  std::vector<TokenId> before_, question_;
  std::vector<std::vector<TokenId>> ids_;  // of the segments
  std::vector<double> row_weights_;        // of the first pass: all others take them over
  std::vector<float> scores_;
};

}  // namespace

absl::StatusOr<std::vector<float>> ScoreByAttention(const SegmentModel& model,
                                                    std::span<const std::string_view> segments,
                                                    std::string_view question, const SegmentScoreOptions& options,
                                                    const CallContext& call) {
  return Passes(model, options, call).Run(segments, question);
}

absl::Status CheckSegmentOptions(std::string_view question, const SegmentScoreOptions& options, int64_t layers) {
  if (question.empty()) return absl::InvalidArgumentError("there is no question to score segments by");
  if (options.window_tokens < 1) {
    return absl::InvalidArgumentError(absl::StrCat("window_tokens is ", options.window_tokens, ", must be at least 1"));
  }
  if (options.top_tokens < 1) {
    return absl::InvalidArgumentError(absl::StrCat("top_tokens is ", options.top_tokens, ", must be at least 1"));
  }
  if (options.phrase_tokens < 1 || options.phrase_tokens > kMaxPhraseTokens) {
    return absl::InvalidArgumentError(
        absl::StrCat("phrase_tokens is ", options.phrase_tokens, ", must be 1 to ", kMaxPhraseTokens));
  }
  if (options.layer >= layers || options.layer < -layers) {
    return absl::InvalidArgumentError(absl::StrCat("layer is ", options.layer, "; this model has layers 0 to ",
                                                   layers - 1, ", or -1 to -", layers, " from the last"));
  }
  if (options.entropy_tokens < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("entropy_tokens is ", options.entropy_tokens, ", must be 0 (all) or more"));
  }
  return absl::OkStatus();
}

std::vector<double> PhraseScores(std::span<const float> weights, int64_t stride, int64_t first, int64_t last,
                                 int64_t total, int64_t rows, int phrase_tokens, std::vector<double>* row_weights) {
  const auto at = [&](int64_t r, int64_t column) {
    return static_cast<double>(weights[static_cast<size_t>(r * stride + column)]);
  };
  if (row_weights->empty()) {
    for (int64_t r = 0; r < rows; ++r) {
      double mass = 0;
      for (int64_t column = last; column < total; ++column) mass += at(r, column);
      row_weights->push_back(mass * mass);  // the code multiplies by it twice
    }
  }
  const auto columns = static_cast<size_t>(last - first);
  std::vector<double> sums(columns, 0), scores(columns, 0);
  for (int64_t r = 0; r < rows; ++r) {
    const double weight = (*row_weights)[static_cast<size_t>(r)];
    for (size_t column = 0; column < columns; ++column) {
      sums[column] += weight * at(r, first + static_cast<int64_t>(column));
    }
  }
  // Of each row or of their sum: the sum of neighbours is the same. An even number has one more of them behind.
  const int64_t left = (phrase_tokens - 1) / 2, right = phrase_tokens - 1 - left;
  for (size_t column = 0; column < columns; ++column) {
    const auto c = static_cast<int64_t>(column);
    for (int64_t p = std::max<int64_t>(0, c - left); p <= std::min(static_cast<int64_t>(columns) - 1, c + right); ++p) {
      scores[column] += sums[static_cast<size_t>(p)];
    }
  }
  return scores;
}

}  // namespace precis::engine
