#include "convert/compression.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "convert/common.h"
#include "precis/base/status_macros.h"
#include "precis/index/names.h"
#include "runtime/status.h"

namespace precis::services {
namespace {

constexpr int kMaxPassages = 10'000;
constexpr size_t kMaxQueryBytes = 1 << 20;
constexpr int64_t kMaxBudget = 262'144;

v1::SpanKind ToProto(compress::SpanKind kind) {
  switch (kind) {
    case compress::SpanKind::kVerbatim:
      return v1::SPAN_KIND_VERBATIM;
    case compress::SpanKind::kRewritten:
      return v1::SPAN_KIND_REWRITTEN;
    case compress::SpanKind::kDelimiter:
      return v1::SPAN_KIND_DELIMITER;
  }
  return v1::SPAN_KIND_UNSPECIFIED;
}

v1::ProtectedKind ToProto(compress::ProtectedKind kind) {
  switch (kind) {
    case compress::ProtectedKind::kNumber:
      return v1::PROTECTED_KIND_NUMBER;
    case compress::ProtectedKind::kNegation:
      return v1::PROTECTED_KIND_NEGATION;
    case compress::ProtectedKind::kIdentifier:
      return v1::PROTECTED_KIND_IDENTIFIER;
    case compress::ProtectedKind::kQuotation:
      return v1::PROTECTED_KIND_QUOTATION;
    case compress::ProtectedKind::kLiteral:
      return v1::PROTECTED_KIND_LITERAL;
  }
  return v1::PROTECTED_KIND_UNSPECIFIED;
}

v1::CacheOutcome ToProto(compress::CacheOutcome outcome) {
  switch (outcome) {
    case compress::CacheOutcome::kHit:
      return v1::CACHE_OUTCOME_HIT;
    case compress::CacheOutcome::kMiss:
      return v1::CACHE_OUTCOME_MISS;
    case compress::CacheOutcome::kBypassed:
      return v1::CACHE_OUTCOME_BYPASSED;
    case compress::CacheOutcome::kNone:
      break;
  }
  return v1::CACHE_OUTCOME_UNSPECIFIED;
}

void ConvertFormat(const v1::ContextFormat& format, compress::ContextFormat* out) {
  if (format.citation_style() == v1::CITATION_STYLE_NONE) out->citation_style = compress::CitationStyle::kNone;
  if (format.has_passage_separator()) out->passage_separator = format.passage_separator();
  if (format.has_omission_mark()) out->omission_mark = format.omission_mark();
  out->include_source_line = format.include_source_line();
  out->reserved.assign(format.reserved().begin(), format.reserved().end());
}

}  // namespace

absl::StatusOr<compress::Request> FromProto(const v1::CompressRequest& request) {
  PRECIS_RETURN_IF_ERROR(index::ValidateTenant(request.tenant()));
  if (request.passages_size() > kMaxPassages) {
    return FieldError("passages",
                      absl::StrCat("has ", request.passages_size(), " entries, the limit is ", kMaxPassages));
  }
  if (request.query().size() > kMaxQueryBytes) {
    return FieldError("query", absl::StrCat("has ", request.query().size(), " bytes, the limit is ", kMaxQueryBytes));
  }
  const v1::CompressionOptions& options = request.options();
  if (options.budget_tokens() < 1 || options.budget_tokens() > kMaxBudget) {
    return FieldError("options.budget_tokens",
                      absl::StrCat("is ", options.budget_tokens(), ", it must be from 1 to ", kMaxBudget));
  }
  compress::Request out;
  out.tenant = request.tenant();
  out.query = request.query();
  out.passages.reserve(static_cast<size_t>(request.passages_size()));
  for (const v1::Passage& passage : request.passages()) {
    PRECIS_ASSIGN_OR_RETURN(compress::Passage converted, FromProto(passage));
    out.passages.push_back(std::move(converted));
  }
  for (const v1::CompressionStep& step : options.steps()) {
    out.steps.push_back({step.method(), {step.parameters().begin(), step.parameters().end()}});
  }
  out.budget.max_tokens = options.budget_tokens();
  out.budget.before = request.prompt_before();
  out.budget.after = request.prompt_after();
  const v1::ProtectionRules& rules = options.protection();
  out.protection = {rules.numbers(),
                    rules.negations(),
                    rules.identifiers(),
                    rules.quotations(),
                    {rules.literals().begin(), rules.literals().end()}};
  ConvertFormat(options.format(), &out.format);
  out.read_epoch = request.read_epoch();
  out.min_fidelity = options.min_fidelity();
  if (options.fallback_policy() == v1::FALLBACK_POLICY_FAIL) out.fallback_policy = compress::FallbackPolicy::kFail;
  if (request.cache_policy() == v1::CACHE_POLICY_BYPASS) out.cache = compress::CachePolicy::kBypass;
  if (request.cache_policy() == v1::CACHE_POLICY_REFRESH) out.cache = compress::CachePolicy::kRefresh;
  return out;
}

void ToProto(const compress::Context& context, const std::vector<compress::Passage>& passages,
             v1::CompressedContext* out) {
  out->set_text(context.text);
  for (const compress::Span& span : context.spans) {
    v1::ContextSpan* to = out->add_spans();
    ToProto(span.output, to->mutable_output());
    to->set_kind(ToProto(span.kind));
    to->set_verbatim(span.verbatim());
    to->set_mark_number(span.number);
    for (int cited : span.cited_passages) to->add_cited_passages(cited);
    if (span.passage < 0) continue;
    const compress::Passage& passage = passages[static_cast<size_t>(span.passage)];
    to->set_passage_index(span.passage);
    to->set_document_id(passage.document_id);
    to->set_version_id(passage.version_id);
    if (!span.verbatim()) continue;
    ToProto(span.source, to->mutable_source());
    if (!passage.document_id.empty()) {
      const int64_t begin = passage.document_range.begin;
      ToProto(ByteRange{begin + span.source.begin, begin + span.source.end}, to->mutable_document_range());
    }
  }
}

compress::Context FromProto(const v1::CompressedContext& context) {
  compress::Context out;
  out.text = context.text();
  for (const v1::ContextSpan& span : context.spans()) {
    compress::Span to;
    to.output = {span.output().begin(), span.output().end()};
    to.kind = span.kind() == v1::SPAN_KIND_VERBATIM    ? compress::SpanKind::kVerbatim
              : span.kind() == v1::SPAN_KIND_REWRITTEN ? compress::SpanKind::kRewritten
                                                       : compress::SpanKind::kDelimiter;
    if (span.has_passage_index()) to.passage = span.passage_index();
    to.number = span.mark_number();
    to.source = {span.source().begin(), span.source().end()};
    to.cited_passages.assign(span.cited_passages().begin(), span.cited_passages().end());
    out.spans.push_back(std::move(to));
  }
  return out;
}

void ToProto(const compress::Receipt& receipt, const std::string& target_model, v1::Receipt* out) {
  out->set_tokens_in(receipt.tokens_in);
  out->set_tokens_out(receipt.tokens_out);
  out->set_budget_tokens(receipt.budget_tokens);
  out->set_passages_kept(receipt.passages_kept);
  out->set_passages_dropped(receipt.passages_in - receipt.passages_kept);
  out->set_sentences_kept(receipt.sentences_kept);
  out->set_sentences_dropped(receipt.sentences_in - receipt.sentences_kept);
  for (size_t i = 0; i < receipt.passages.size(); ++i) {
    v1::PassageReceipt* to = out->add_passages();
    to->set_passage_index(static_cast<int32_t>(i));
    to->set_kept_bytes(receipt.passages[i].bytes_kept);
    to->set_dropped_bytes(receipt.passages[i].bytes_in - receipt.passages[i].bytes_kept);
    to->set_used(receipt.passages[i].used);
  }
  for (const compress::ProtectedReceipt& kind : receipt.protection) {
    v1::ProtectedCount* to = out->add_protected_counts();
    to->set_kind(ToProto(kind.kind));
    to->set_found(kind.found);
    to->set_kept(kind.kept);
    to->set_required(kind.required);
  }
  if (receipt.fidelity) out->set_fidelity(*receipt.fidelity);
  for (const compress::StageTiming& timing : receipt.timings)
    ToProto(timing.stage, timing.duration, out->add_timings());
  out->set_cache_outcome(ToProto(receipt.cache));
  for (const compress::StepReceipt& step : receipt.steps) {
    v1::StepReceipt* to = out->add_steps();
    to->set_method(step.method);
    to->set_algorithm_version(step.algorithm_version);
    to->set_tokens_in(step.tokens_in);
    to->set_tokens_out(step.tokens_out);
    to->set_duration_us(absl::ToInt64Microseconds(step.duration));
    to->set_reason(step.reason);
  }
  for (const compress::Fallback& fallback : receipt.fallbacks) {
    v1::Fallback* to = out->add_fallbacks();
    to->set_from_method(fallback.from);
    to->set_to_method(fallback.to);
    to->set_reason(fallback.reason);
  }
  out->set_count_mode(receipt.count_estimated ? v1::COUNT_MODE_ESTIMATED : v1::COUNT_MODE_EXACT);
  out->set_target_model(target_model);
  out->set_tokenizer_fingerprint(receipt.tokenizer_fingerprint);
  for (const std::string& warning : receipt.warnings) out->add_warnings(warning);
  out->set_plan(receipt.plan);
  if (receipt.generated) {
    const compress::GeneratedReceipt& generated = *receipt.generated;
    v1::GeneratedReceipt* to = out->mutable_generated();
    to->set_text_count(generated.texts);
    to->set_within_target_count(generated.within_target);
    to->set_asked_again_count(generated.asked_again);
    to->set_mean_length(generated.mean_length);
    to->set_cached_count(generated.cached);
    to->set_unsupported_sentence_count(generated.unsupported);
    to->set_candidate_count(generated.candidates);
    to->set_probe_count(generated.probes);
    if (generated.agreement) to->set_answer_agreement(*generated.agreement);
  }
}

void ToProto(const compress::MethodInfo& method, v1::Method* out) {
  out->set_name(method.name);
  out->set_description(method.description);
  out->set_algorithm_version(method.algorithm_version);
  out->set_needs_query(method.needs_query);
  out->set_needs_encoder(method.needs_embedder);
  out->set_needs_generator(method.needs_generator);
  out->set_rewrites(!method.verbatim);
  out->set_available(method.available);
  out->set_unavailable_reason(method.unavailable_reason);
  for (const compress::MethodInfo::Parameter& parameter : method.parameters) {
    v1::MethodParameter* to = out->add_parameters();
    to->set_name(parameter.name);
    to->set_type(parameter.type);
    to->set_default_value(parameter.default_value);
    to->set_bounds(parameter.bounds);
    to->set_description(parameter.description);
  }
  out->set_uses_query(method.uses_query);
  out->set_needs_scorer(method.needs_scorer);
  out->set_gentler_method(method.gentler);
}

}  // namespace precis::services
