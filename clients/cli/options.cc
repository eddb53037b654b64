#include "cli/options.h"

#include <cerrno>
#include <cstdlib>
#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "precis/base/status_macros.h"

namespace precis::cli {
namespace {

v1::MetadataValue ToValue(const std::string& text) {
  v1::MetadataValue value;
  char* end = nullptr;
  errno = 0;
  const long long whole = std::strtoll(text.c_str(), &end, 10);
  if (!text.empty() && *end == '\0' && errno == 0) {
    value.set_int64_value(whole);
    return value;
  }
  errno = 0;
  const double number = std::strtod(text.c_str(), &end);
  const bool digits = text.find_first_of("0123456789") != std::string::npos;
  if (digits && *end == '\0' && errno == 0) {
    value.set_double_value(number);
  } else if (text == "true" || text == "false") {
    value.set_bool_value(text == "true");
  } else {
    value.set_string_value(text);
  }
  return value;
}

absl::Status ParseCondition(const std::string& condition, v1::Filter* filter) {
  // Two-character operators first: ">=" also begins with ">".
  for (const char* op : {"!=", ">=", "<=", "^=", "=", ">", "<"}) {
    const size_t at = condition.find(op);
    if (at == std::string::npos || at == 0) continue;
    const std::string name(op);
    const std::string field = condition.substr(0, at);
    const std::string operand = condition.substr(at + name.size());
    if (name == "=" || name == "!=") {
      v1::Filter* target = name == "=" ? filter : filter->mutable_negation();
      if (operand.find(',') == std::string::npos) {
        target->mutable_equals()->set_field(field);
        *target->mutable_equals()->mutable_value() = ToValue(operand);
        return absl::OkStatus();
      }
      target->mutable_is_in()->set_field(field);
      for (absl::string_view part : absl::StrSplit(operand, ',')) {
        *target->mutable_is_in()->add_values() = ToValue(std::string(part));
      }
    } else if (name == "^=") {
      filter->mutable_prefix()->set_field(field);
      filter->mutable_prefix()->set_prefix(operand);
    } else {
      v1::FieldRange* range = filter->mutable_range();
      range->set_field(field);
      *(name[0] == '>' ? range->mutable_minimum() : range->mutable_maximum()) = ToValue(operand);
      if (name.size() == 1) {
        if (name[0] == '>') {
          range->set_minimum_excluded(true);
        } else {
          range->set_maximum_excluded(true);
        }
      }
    }
    return absl::OkStatus();
  }
  if (condition.empty() || condition.find_first_of("=<>^!") != std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--where '", condition,
        "' is no condition: write KEY=VALUE, KEY=A,B, KEY!=VALUE, KEY>=N, KEY<N, KEY^=PREFIX, or KEY alone"));
  }
  filter->mutable_exists()->set_field(condition);
  return absl::OkStatus();
}

}  // namespace

absl::Status ParseWhere(const std::vector<std::string>& conditions, v1::Filter* filter) {
  if (conditions.size() == 1) return ParseCondition(conditions[0], filter);
  for (const std::string& condition : conditions) {
    PRECIS_RETURN_IF_ERROR(ParseCondition(condition, filter->mutable_all_of()->add_filters()));
  }
  return absl::OkStatus();
}

absl::Status ParseMeta(const std::string& assignment, std::string* key, v1::MetadataValue* value) {
  const size_t at = assignment.find('=');
  if (at == std::string::npos || at == 0) {
    return absl::InvalidArgumentError(absl::StrCat("--meta '", assignment, "' is not KEY=VALUE"));
  }
  *key = assignment.substr(0, at);
  *value = ToValue(assignment.substr(at + 1));
  return absl::OkStatus();
}

void SearchFlags::Add(CLI::App* command) {
  command->add_option("-k,--top-k", top_k, "Passages to retrieve (default: the server's)")->check(CLI::Range(1, 1000));
  command->add_option("--mode", mode, "hybrid (default), dense or keyword")
      ->check(CLI::IsMember({"hybrid", "dense", "keyword"}));
  command->add_option("--where", where,
                      "Only documents whose metadata match: KEY=VALUE, KEY=A,B, KEY!=V, KEY>=N, KEY^=PREFIX, KEY; "
                      "repeat for all of several");
  command->add_option_function<double>(
      "--min-score",
      [this](double value) {
        min_score = value;
        has_min_score = true;
      },
      "Drop passages that score less");
  command
      ->add_option_function<double>(
          "--mmr",
          [this](double value) {
            mmr = value;
            has_mmr = true;
          },
          "Diversity: 1 relevance only, 0 diversity only (default: off)")
      ->check(CLI::Range(0.0, 1.0));
  command->add_option("--rerank", rerank,
                      "Judge what was found again: likelihood[:MODEL] (of the query after the passage, by a language "
                      "model), encoder:MODEL (another encoder), sparse:MODEL (SPLADE), cross:MODEL (cross-encoder)");
  command->add_option("--rerank-candidates", rerank_candidates, "Passages that are judged again (default: 20)")
      ->check(CLI::Range(1, 1000));
  command
      ->add_option("--rerank-weight", rerank_weight,
                   "Weight of the new score against the search's own, above 0 to 1 (default: the new score alone)")
      ->check(CLI::Range(0.01, 1.0));
}

absl::Status SearchFlags::Fill(v1::SearchOptions* options) const {
  options->set_top_k(top_k);
  if (mode == "hybrid") options->set_mode(v1::SEARCH_MODE_HYBRID);
  if (mode == "dense") options->set_mode(v1::SEARCH_MODE_DENSE);
  if (mode == "keyword") options->set_mode(v1::SEARCH_MODE_KEYWORD);
  options->set_include_text(true);
  if (has_min_score) options->set_min_score(min_score);
  if (has_mmr) options->set_mmr_lambda(mmr);
  if (!rerank.empty()) {
    static const std::map<std::string, v1::RerankMethod> kMethods = {
        {"likelihood", v1::RERANK_METHOD_QUESTION_LIKELIHOOD},
        {"encoder", v1::RERANK_METHOD_ENCODER},
        {"sparse", v1::RERANK_METHOD_SPARSE_ENCODER},
        {"cross", v1::RERANK_METHOD_CROSS_ENCODER}};
    const std::pair<std::string, std::string> parts = absl::StrSplit(rerank, absl::MaxSplits(':', 1));
    const auto method = kMethods.find(parts.first);
    if (method == kMethods.end()) {
      return absl::InvalidArgumentError(absl::StrCat("--rerank '", rerank,
                                                     "' is not one of likelihood[:MODEL], encoder:MODEL, sparse:MODEL, "
                                                     "cross:MODEL"));
    }
    options->mutable_rerank()->set_method(method->second);
    options->mutable_rerank()->set_model(parts.second);
    options->mutable_rerank()->set_candidates(rerank_candidates);
    options->mutable_rerank()->set_weight(rerank_weight);
  }
  if (where.empty()) return absl::OkStatus();
  return ParseWhere(where, options->mutable_filter());
}

void CompressionFlags::Add(CLI::App* command) {
  command->add_option("-b,--budget", budget, "Tokens of the context at most, counted by the target model's tokenizer")
      ->check(CLI::Range(0, 262'144));  // the contract's limit
  command->add_option(
      "-m,--method", methods,
      "Compression method: auto (default), extractive, crag, tcra_semantic, lingua, infini, xl3m, lexical, truncate, "
      "none; with parameters NAME:KEY=VALUE,KEY=VALUE; a chain as 'extractive | lingua', where each "
      "step has twice the budget of the next unless budget_ratio says otherwise");
  command->add_option("--protect", protect, "Keep all of: numbers, negations, identifiers, quotations")
      ->delimiter(',')
      ->check(CLI::IsMember({"numbers", "negations", "identifiers", "quotations"}));
  command->add_option("--keep", keep, "Keep this text wherever it stands; may be repeated");
  command->add_option("--min-fidelity", min_fidelity, "Fall back to a gentler method below this (0 to 1)")
      ->check(CLI::Range(0.0, 1.0));
}

absl::Status CompressionFlags::Fill(v1::CompressionOptions* options) const {
  options->set_budget_tokens(budget);
  options->set_target_model(target_model);
  std::vector<std::string> specs;
  for (const std::string& chain : methods) {
    for (absl::string_view spec : absl::StrSplit(chain, '|')) {
      spec = absl::StripAsciiWhitespace(spec);
      if (spec.empty()) {
        return absl::InvalidArgumentError(absl::StrCat("--method '", chain, "' has a step without a name"));
      }
      specs.emplace_back(spec);
    }
  }
  for (const std::string& spec : specs) {
    v1::CompressionStep* step = options->add_steps();
    const std::pair<std::string, std::string> parts = absl::StrSplit(spec, absl::MaxSplits(':', 1));
    step->set_method(parts.first);
    if (parts.second.empty()) continue;
    for (absl::string_view assignment : absl::StrSplit(parts.second, ',')) {
      const std::pair<std::string, std::string> pair = absl::StrSplit(assignment, absl::MaxSplits('=', 1));
      if (pair.first.empty() || assignment.find('=') == absl::string_view::npos) {
        return absl::InvalidArgumentError(absl::StrCat("--method '", spec, "': '", assignment, "' is not KEY=VALUE"));
      }
      (*step->mutable_parameters())[pair.first] = pair.second;
    }
  }
  v1::ProtectionRules* rules = options->mutable_protection();
  for (const std::string& kind : protect) {
    if (kind == "numbers") rules->set_numbers(true);
    if (kind == "negations") rules->set_negations(true);
    if (kind == "identifiers") rules->set_identifiers(true);
    if (kind == "quotations") rules->set_quotations(true);
  }
  for (const std::string& literal : keep) rules->add_literals(literal);
  if (min_fidelity > 0) options->set_min_fidelity(min_fidelity);
  return absl::OkStatus();
}

}  // namespace precis::cli
