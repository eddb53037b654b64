#include "eval/row.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"

namespace precis::eval {
namespace {

using nlohmann::ordered_json;

// In the order of Metric.
constexpr MetricInfo kInfos[kMetrics] = {
    {"exact_match", Population::kAnswerable, "the answer equals a gold answer after SQuAD's normalisation"},
    {"f1", Population::kAnswerable, "F1 of the normalised words of answer and gold answer, the best one"},
    {"contains", Population::kAnswerable, "a gold answer stands in the answer, normalised"},
    {"log_likelihood", Population::kAnswerable, "mean log-probability of a token of the likeliest gold answer, nats"},
    {"likelihood", Population::kAnswerable, "exp(log_likelihood)"},
    {"refused", Population::kAnswerable, "says that it does not know, although the question can be answered"},
    {"false_answer", Population::kUnanswerable, "answers although the evidence is not there"},
    {"retention", Population::kAnswerable, "a gold answer stands in the context, normalised"},
    {"evidence", Population::kAnswerable, "part of the evidence's bytes that the context has verbatim"},
    {"hit_1", Population::kAnswerable, "the first candidate is of a gold document"},
    {"hit_k", Population::kAnswerable, "a candidate is of a gold document"},
    {"reciprocal_rank", Population::kAnswerable, "1 / rank of the first candidate of a gold document, else 0"},
    {"citations_valid", Population::kAll, "part of an answer's marks that name a passage of the context"},
    {"citations_gold", Population::kAnswerable, "part of an answer's marks that name a passage of a gold document"},
    {"sentiment_error", Population::kAll, "|mean sentiment of the kept sentences - that of all candidates'|"},
    {"minority_error", Population::kAll, "|part of the kept sentences against the majority's sign - that of all|"},
    {"fidelity", Population::kAll, "as the receipt has it"},
    {"protected_kept", Population::kAll, "part of numbers, negations, identifiers and quotations that is kept"},
    {"required_kept", Population::kAll, "the same of what --protect asks for"},
    {"budget_tokens", Population::kAll, "the budget"},
    {"budget_error", Population::kAll, "tokens beyond the budget, counted by the harness"},
    {"fill", Population::kAll, "tokens of the context / budget"},
    {"provenance", Population::kAll, "every byte of the context has a span, every verbatim span its source's bytes"},
    {"cache_equal", Population::kAll, "asked again, the cache answered with the same context"},
    {"context_tokens", Population::kAll, "tokens of the context"},
    {"prompt_tokens", Population::kAll, "tokens of the prompt, template included"},
    {"completion_tokens", Population::kAll, "tokens of the answer"},
    {"compress_ms", Population::kAll, "time of the compression, no cache"},
    {"compress_cached_ms", Population::kAll, "time of the compression that the cache answered"},
    {"prefill_ms", Population::kAll, "time to the first token of the generation alone, no prefix reused"},
    {"first_token_ms", Population::kAll, "compress_ms + prefill_ms"},
    {"first_token_cached_ms", Population::kAll, "compress_cached_ms + prefill_ms"},
    {"cost", Population::kAll, "of prompt and answer at the prices given"},
};

bool ReadText(const ordered_json& object, const char* name, std::string* out) {
  const auto found = object.find(name);
  if (found == object.end()) return true;
  if (!found->is_string()) return false;
  *out = found->get<std::string>();
  return true;
}

}  // namespace

const MetricInfo& Info(Metric metric) { return kInfos[static_cast<int>(metric)]; }

Row::Row() { values.fill(std::numeric_limits<double>::quiet_NaN()); }

std::string Row::Key() const {
  const char separator = '\x1f';  // in none of them
  return absl::StrCat(question, std::string(1, separator), method, std::string(1, separator), version,
                      std::string(1, separator), budget, std::string(1, separator), generator);
}

std::string ToJson(const Row& row) {
  ordered_json object;
  object["question"] = row.question;
  object["method"] = row.method;
  object["version"] = row.version;
  object["budget"] = row.budget;
  object["generator"] = row.generator;
  if (!row.error.empty()) object["error"] = row.error;
  if (!row.steps.empty()) object["steps"] = row.steps;
  for (int i = 0; i < static_cast<int>(Metric::kCost); ++i) {
    if (std::isfinite(row.values[i])) object[Info(i).name] = row.values[i];
  }
  if (!row.answer.empty()) object["answer"] = row.answer;
  if (!row.context.empty()) object["context"] = row.context;
  return object.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

absl::StatusOr<Row> ParseRow(const std::string& line) {
  const ordered_json object = ordered_json::parse(line, nullptr, false);
  Row row;
  if (!object.is_object() || !ReadText(object, "question", &row.question) || !ReadText(object, "method", &row.method) ||
      !ReadText(object, "version", &row.version) || !ReadText(object, "budget", &row.budget) ||
      !ReadText(object, "generator", &row.generator) || !ReadText(object, "error", &row.error) ||
      !ReadText(object, "steps", &row.steps) || !ReadText(object, "answer", &row.answer) ||
      !ReadText(object, "context", &row.context) || row.question.empty() || row.method.empty()) {
    return absl::InvalidArgumentError("not a row of results");
  }
  for (int i = 0; i < static_cast<int>(Metric::kCost); ++i) {
    const auto found = object.find(Info(i).name);
    if (found == object.end()) continue;
    if (!found->is_number()) return absl::InvalidArgumentError(absl::StrCat("'", Info(i).name, "' is no number"));
    row.values[i] = found->get<double>();
  }
  return row;
}

}  // namespace precis::eval
