#include "eval/runner.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <set>

#include "absl/strings/str_cat.h"
#include "eval/baselines.h"
#include "eval/checks.h"
#include "eval/layout.h"
#include "eval/metrics.h"
#include "eval/prompts.h"
#include "precis/base/hash.h"
#include "precis/base/status_macros.h"

namespace precis::eval {
namespace {

constexpr int kOwnVersion = 2;  // of the harness's own contexts

// Errors after which no other row would fare better.
bool EndsTheRun(const absl::Status& status) {
  return absl::IsCancelled(status) || absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsUnauthenticated(status) || absl::IsPermissionDenied(status);
}

struct Cell {
  std::string method;
  Budget budget;
};

class Run {
 public:
  Run(Backend& backend, const RunInput& input, RunLog& log, const RowProgress& progress, RunCounts* counts)
      : backend_(backend),
        input_(input),
        set_(*input.set),
        settings_(*input.settings),
        log_(log),
        progress_(progress),
        counts_(*counts) {
    cells_ = {{kClosed, {"-"}}, {kNone, {"-"}}};
    for (const Budget& budget : settings_.budgets) {
      for (const std::string& method : settings_.methods) {
        if (!HasNoBudget(method)) cells_.push_back({method, budget});
      }
    }
  }

  absl::Status Go() {
    total_ = static_cast<int64_t>(input_.questions.size() * cells_.size());
    for (int index : input_.questions) PRECIS_RETURN_IF_ERROR(RunQuestion(set_.questions[index]));
    return absl::OkStatus();
  }

 private:
  absl::Status RunQuestion(const Question& question) {
    passages_.reset();
    full_tokens_ = -1;
    for (const Cell& cell : cells_) {
      Row row;
      row.question = question.id;
      row.method = cell.method;
      row.version = MethodVersion(cell.method, input_.methods);
      row.budget = cell.budget.name;
      row.generator = input_.generator.name;
      const int64_t at = counts_.done + counts_.skipped + counts_.failed;
      if (!progress_(at, total_, absl::StrCat(question.id, " ", cell.method, " ", cell.budget.name))) {
        return absl::CancelledError("interrupted");
      }
      if (log_.Has(row)) {
        ++counts_.skipped;
        continue;
      }
      const absl::Status status = Measure(question, row.generator, cell, &row);
      if (EndsTheRun(status)) return status;
      if (!status.ok()) {
        row.values = Row().values;
        row.error = std::string(status.message());
      }
      ++(status.ok() ? counts_.done : counts_.failed);
      PRECIS_RETURN_IF_ERROR(log_.Append(row));
    }
    return absl::OkStatus();
  }

  // The candidates of the question, found when the first row needs them.
  absl::Status FindPassages(const Question& question) {
    if (passages_.has_value()) return absl::OkStatus();
    Search found;
    if (!question.passages.empty()) {
      const std::set<int> excluded(question.exclude_documents.begin(), question.exclude_documents.end());
      for (int document : question.passages) {
        if (excluded.count(document) > 0) continue;
        Passage passage;
        passage.document = document;
        passage.text = set_.documents[document].text;
        found.passages.push_back(std::move(passage));
      }
    } else {
      PRECIS_ASSIGN_OR_RETURN(found, backend_.Find(input_.collection, set_, question, settings_.top_k, settings_.mode));
    }
    passages_ = std::move(found);
    return absl::OkStatus();
  }

  absl::StatusOr<int64_t> FullTokens(const std::string& model) {
    if (full_tokens_ < 0) {
      PRECIS_ASSIGN_OR_RETURN(full_tokens_, backend_.CountTokens(model, LayOutWhole(passages_->passages).text));
    }
    return full_tokens_;
  }

  absl::Status Measure(const Question& question, const std::string& model, const Cell& cell, Row* row) {
    PRECIS_RETURN_IF_ERROR(FindPassages(question));
    // Where times are measured every row has a tenant of its own: no embedding, context or prefix of another row is
    // found in a cache. A row that a killed run left half done is tried again under another name.
    const std::string key = settings_.timings ? absl::StrCat(row->Key(), getpid()) : question.id;
    tenant_ = absl::StrCat("eval-", Hasher().Field(log_.fingerprint()).Field(key).FinishHex().substr(0, 24));
    Context context;
    PRECIS_RETURN_IF_ERROR(MakeContext(question, model, cell, row, &context));
    CheckContext(question, context, row);
    PRECIS_RETURN_IF_ERROR(ScoreAnswers(question, model, context.text, row));
    PRECIS_RETURN_IF_ERROR(GenerateAnswer(question, model, context, row));
    if (settings_.save_contexts) row->context = context.text;
    return absl::OkStatus();
  }

  absl::Status MakeContext(const Question& question, const std::string& model, const Cell& cell, Row* row,
                           Context* context) {
    Row& r = *row;
    const std::vector<Passage>& passages = passages_->passages;
    if (cell.method == kClosed) {
      r[Metric::kContextTokens] = 0;
      return absl::OkStatus();
    }
    PRECIS_ASSIGN_OR_RETURN(const int64_t full, FullTokens(model));
    if (cell.method == kNone) {
      *context = LayOutWhole(passages);
      r[Metric::kContextTokens] = static_cast<double>(full);
      return absl::OkStatus();
    }
    const int64_t budget = cell.budget.For(full);
    const Count count = [&](const std::string& text) { return backend_.CountTokens(model, text); };
    if (IsOwnMethod(cell.method)) {
      PRECIS_ASSIGN_OR_RETURN(*context,
                              MakeBaseline(cell.method, passages, question.question, budget, settings_.seed, count));
    } else {
      PRECIS_RETURN_IF_ERROR(Compress(question, model, cell.method, budget, row, context));
    }
    PRECIS_ASSIGN_OR_RETURN(const int64_t tokens, count(context->text));
    r[Metric::kContextTokens] = static_cast<double>(tokens);
    r[Metric::kBudgetTokens] = static_cast<double>(budget);
    r[Metric::kBudgetError] = static_cast<double>(std::max<int64_t>(0, tokens - budget));
    r[Metric::kFill] = static_cast<double>(tokens) / static_cast<double>(budget);
    return absl::OkStatus();
  }

  absl::Status Compress(const Question& question, const std::string& model, const std::string& method, int64_t budget,
                        Row* row, Context* context) {
    Row& r = *row;
    CompressCall call{tenant_, &passages_->passages,  question.question, method, model,
                      budget,  passages_->read_epoch, settings_.protect};
    PRECIS_ASSIGN_OR_RETURN(Compression first, backend_.Compress(call));
    r.steps = first.steps;
    if (first.fidelity.has_value()) r[Metric::kFidelity] = *first.fidelity;
    const auto part = [](int64_t kept, int64_t found) {
      return found == 0 ? std::numeric_limits<double>::quiet_NaN()
                        : static_cast<double>(kept) / static_cast<double>(found);
    };
    r[Metric::kProtectedKept] = part(first.protected_kept, first.protected_found);
    r[Metric::kRequiredKept] = part(first.required_kept, first.required_found);
    if (!settings_.timings) {
      *context = std::move(first.context);
      return absl::OkStatus();
    }
    r[Metric::kCompressMs] = first.wall_ms;
    PRECIS_ASSIGN_OR_RETURN(const Compression again, backend_.Compress(call));
    if (again.cache_hit) {
      r[Metric::kCompressCachedMs] = again.wall_ms;
      r[Metric::kCacheEqual] = again.context.text == first.context.text;
    }
    *context = std::move(first.context);
    return absl::OkStatus();
  }

  void CheckContext(const Question& question, const Context& context, Row* row) {
    Row& r = *row;
    if (r.method == kClosed) return;
    const std::vector<Passage>& passages = passages_->passages;
    std::string why;
    r[Metric::kProvenance] = ProvenanceHolds(context, passages, &why);
    if (!why.empty()) absl::StrAppend(&r.steps, r.steps.empty() ? "" : "; ", why);
    if (r[Metric::kProvenance] == 1) {
      const OpinionCheck opinions = CheckOpinions(context, passages, set_, question);
      r[Metric::kSentimentError] = opinions.sentiment_error;
      r[Metric::kMinorityError] = opinions.minority_error;
    }
    if (!question.answerable) return;
    if (!question.answers.empty()) r[Metric::kRetention] = ContainsAnswer(context.text, question.answers);
    if (r[Metric::kProvenance] == 1) r[Metric::kEvidence] = EvidenceKept(context, passages, set_, question);
    if (question.gold_documents.empty()) return;
    const int rank = GoldRank(passages, question);
    r[Metric::kHitFirst] = rank == 1;
    r[Metric::kHit] = rank > 0;
    r[Metric::kReciprocalRank] = rank > 0 ? 1.0 / rank : 0;
  }

  absl::Status ScoreAnswers(const Question& question, const std::string& model, const std::string& context, Row* row) {
    if (!question.answerable) return absl::OkStatus();
    const std::string prompt = ScoredPrompt(context, question.question);
    std::set<std::string> scored;
    std::optional<double> best;
    for (const std::string& answer : question.answers) {
      if (static_cast<int>(scored.size()) == settings_.max_scored_answers) break;
      if (!scored.insert(NormalizeAnswer(answer)).second) continue;
      PRECIS_ASSIGN_OR_RETURN(const std::vector<float> logprobs, backend_.Score(model, prompt, " " + answer));
      if (logprobs.empty()) continue;
      double sum = 0;
      for (float logprob : logprobs) sum += logprob;
      const double mean = sum / static_cast<double>(logprobs.size());
      if (!best.has_value() || mean > *best) best = mean;
    }
    if (!best.has_value()) return absl::OkStatus();
    (*row)[Metric::kLogLikelihood] = *best;
    (*row)[Metric::kLikelihood] = std::exp(*best);
    return absl::OkStatus();
  }

  absl::Status GenerateAnswer(const Question& question, const std::string& model, const Context& context, Row* row) {
    if (!settings_.generate && !settings_.timings) return absl::OkStatus();
    Row& r = *row;
    PRECIS_ASSIGN_OR_RETURN(const Generation generation,
                            backend_.Generate(model, tenant_, SystemText(settings_.style, !context.text.empty()),
                                              UserText(context.text, question.question),
                                              settings_.generate ? settings_.max_answer_tokens : 1));
    r[Metric::kPromptTokens] = static_cast<double>(generation.prompt_tokens);
    if (settings_.timings) AddTimes(generation, row);
    if (!settings_.generate) return absl::OkStatus();
    r.answer = generation.text;
    r[Metric::kCompletionTokens] = static_cast<double>(generation.completion_tokens);
    const bool refused = IsRefusal(generation.text);
    if (!question.answerable) {
      r[Metric::kFalseAnswer] = !refused;
    } else {
      r[Metric::kRefused] = refused;
      if (!question.answers.empty()) {
        const std::string answer = WithoutMarks(generation.text);
        r[Metric::kExactMatch] = ExactMatch(answer, question.answers);
        r[Metric::kF1] = AnswerF1(answer, question.answers);
        r[Metric::kContains] = ContainsAnswer(answer, question.answers);
      }
    }
    if (settings_.style == Style::kCited) {
      const MarkCheck marks = CheckMarks(generation.text, context, passages_->passages, question);
      r[Metric::kCitationsValid] = marks.valid;
      if (question.answerable) r[Metric::kCitationsGold] = marks.gold;
    }
    return absl::OkStatus();
  }

  static void AddTimes(const Generation& generation, Row* row) {
    Row& r = *row;
    const auto or_zero = [](double value) { return std::isnan(value) ? 0 : value; };
    r[Metric::kPrefillMs] = generation.first_token_ms;
    r[Metric::kFirstTokenMs] = generation.first_token_ms + or_zero(r[Metric::kCompressMs]);
    // Without a compression there is none to come from the cache.
    if (std::isnan(r[Metric::kCompressMs]) || !std::isnan(r[Metric::kCompressCachedMs])) {
      r[Metric::kFirstTokenCachedMs] = generation.first_token_ms + or_zero(r[Metric::kCompressCachedMs]);
    }
  }

  Backend& backend_;
  const RunInput& input_;
  const QuestionSet& set_;
  const Settings& settings_;
  RunLog& log_;
  const RowProgress& progress_;
  RunCounts& counts_;
  std::vector<Cell> cells_;
  int64_t total_ = 0;
  std::optional<Search> passages_;  // of the question under way
  int64_t full_tokens_ = -1;        // of its full context, for the generator under way
  std::string tenant_;
};

}  // namespace

std::string MethodVersion(const std::string& method, const std::map<std::string, int>& versions) {
  if (IsOwnMethod(method)) return absl::StrCat("own", kOwnVersion);
  std::string version;
  const auto add = [&](int number) { absl::StrAppend(&version, version.empty() ? "" : ".", number); };
  for (const std::string& name : StepNames(method)) {
    if (name == "auto") {
      for (const auto& [each, number] : versions) add(number);
    } else if (const auto found = versions.find(name); found != versions.end()) {
      add(found->second);
    }
  }
  return version;
}

absl::Status RunEvaluation(Backend& backend, const RunInput& input, RunLog& log, const RowProgress& progress,
                           RunCounts* counts) {
  return Run(backend, input, log, progress, counts).Go();
}

}  // namespace precis::eval
