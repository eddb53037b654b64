// XL3M (arXiv 2405.17755, section 3: the entropy of the next token after segment and question) and LongLLMLingua's
// ranking of documents (arXiv 2310.06839, section 4.1; get_distance_longllmlingua of its code).
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "precis/base/status_macros.h"
#include "runtime/segment_scorers.h"

namespace precis::engine {
namespace {

constexpr std::string_view kSeparator = "\n\n";
constexpr std::string_view kPublishedEnd = " We can get the answer to this question in the given documents.";
// Segments that are under way at once: tokens and what is observed of them are in memory.
constexpr size_t kBatch = 64;

absl::Status TooLong(const SegmentModel& model, size_t index, int64_t tokens, int64_t question) {
  return absl::FailedPreconditionError(absl::StrCat("segment ", index, " has ", tokens, " tokens and the question ",
                                                    question, ", model '", model.info.name, "' takes ", model.window(),
                                                    " in all: use shorter segments or a longer model"));
}

// The mean log-probability of the question's tokens.
float Likelihood(const SequenceJob& job) {
  double sum = 0;
  for (const float logprob : job.logprobs) sum += logprob;
  return job.logprobs.empty() ? 0.0f : static_cast<float>(sum / static_cast<double>(job.logprobs.size()));
}

float Certainty(const Observation& seen) {
  double sum = 0;
  for (const double entropy : seen.entropies) sum += entropy;
  return static_cast<float>(-sum / static_cast<double>(seen.entropies.size()));
}

}  // namespace

absl::StatusOr<std::vector<float>> ScoreApart(const SegmentModel& model, std::span<const std::string_view> segments,
                                              std::string_view question, const SegmentScoreOptions& options,
                                              const CallContext& call) {
  const bool entropy = options.scoring == SegmentScoring::kEntropy;
  const bool published = !entropy && options.published;
  const std::string asked = published ? absl::StrCat(std::string(question), std::string(kPublishedEnd))
                                      : absl::StrCat(std::string(kSeparator), std::string(question));
  PRECIS_ASSIGN_OR_RETURN(const std::vector<TokenId> question_ids, model.tokenizer.Encode(asked, {}));
  const auto question_tokens = static_cast<int64_t>(question_ids.size());
  // The separator says nothing about the question.
  int64_t skipped = 0;
  if (!published) {
    PRECIS_ASSIGN_OR_RETURN(skipped, model.tokenizer.CountTokens(kSeparator));
    skipped = std::min(skipped, question_tokens - 1);
  }
  std::vector<float> scores;
  scores.reserve(segments.size());
  for (size_t begin = 0; begin < segments.size(); begin += kBatch) {
    const size_t count = std::min(kBatch, segments.size() - begin);
    std::vector<SequenceJob> jobs(count);
    std::vector<Observation> seen(count);
    for (size_t i = 0; i < count; ++i) {
      SequenceJob& job = jobs[i];
      job.call = call;
      job.tokens = model.beginning;
      PRECIS_ASSIGN_OR_RETURN(const std::vector<TokenId> ids, model.tokenizer.Encode(segments[begin + i], {}));
      job.tokens.insert(job.tokens.end(), ids.begin(), ids.end());
      const auto before = static_cast<int64_t>(job.tokens.size());
      job.tokens.insert(job.tokens.end(), question_ids.begin(), question_ids.end());
      const auto size = static_cast<int64_t>(job.tokens.size());
      if (size > model.window()) {
        return TooLong(model, begin + i, static_cast<int64_t>(ids.size()), question_tokens);
      }
      if (entropy) {
        const int64_t rows = question_tokens - skipped;
        seen[i].from = size - (options.entropy_tokens == 0 ? rows : std::min<int64_t>(rows, options.entropy_tokens));
        job.observe = &seen[i];
      } else {
        // The very first token of all has nothing before it.
        job.score_from = std::max<int64_t>(1, before + skipped);
      }
    }
    PRECIS_RETURN_IF_ERROR(model.scheduler.RunAll(jobs));
    for (size_t i = 0; i < count; ++i) scores.push_back(entropy ? Certainty(seen[i]) : Likelihood(jobs[i]));
  }
  return scores;
}

}  // namespace precis::engine
