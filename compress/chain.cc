#include "chain.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "assemble.h"
#include "auto_plan.h"
#include "boundaries.h"
#include "fidelity.h"
#include "protect.h"
#include "receipt.h"

namespace precis::compress {
namespace {

constexpr char kAuto[] = "auto";
constexpr char kBudgetRatio[] = "budget_ratio";

const Method* Find(const Methods& methods, const std::string& name) {
  for (const auto& method : methods) {
    if (method->info().name == name) return method.get();
  }
  return nullptr;
}

std::string KnownMethods(const Methods& methods) {
  std::vector<std::string> names = {kAuto};
  for (const auto& method : methods) names.push_back(method->info().name);
  std::sort(names.begin(), names.end());
  return absl::StrJoin(names, ", ");
}

// One run of a chain. Holds what its steps share.
class Chain {
 public:
  Chain(const Methods& methods, const Request& request, const Resources& resources, const CallContext& call,
        const ProgressSink& progress)
      : methods_(methods),
        request_(request),
        resources_(resources),
        call_(call),
        progress_(progress),
        counter_(request.budget),
        protection_(request.passages, request.protection) {}

  absl::StatusOr<ChainResult> Run(const std::vector<CheckedStep>& steps) {
    Receipt& receipt = result_.context.receipt;
    receipt.budget_tokens = request_.budget.max_tokens;
    receipt.count_estimated = request_.budget.estimated;
    receipt.tokenizer_fingerprint = request_.budget.tokenizer->fingerprint();
    Draft draft = WholePassages(request_.passages);
    if (draft.blocks.empty()) {
      notes_.warnings.push_back(request_.passages.empty() ? "there are no passages: the context is empty"
                                                          : "all passages are blank: the context is empty");
      return Finish({});
    }
    if (draft.blocks.size() < request_.passages.size()) {
      notes_.warnings.push_back(absl::StrCat(request_.passages.size() - draft.blocks.size(), " of ",
                                             request_.passages.size(), " passages are blank and were left out"));
    }
    for (size_t i = 0; i < steps.size(); ++i) {
      const size_t following = steps.size() - i - 1;
      double ratio = steps[i].parameters.Double(kBudgetRatio);
      if (ratio == 0) ratio = std::ldexp(1.0, static_cast<int>(following));
      const auto budget =
          static_cast<int64_t>(std::min(std::floor(static_cast<double>(request_.budget.max_tokens) * ratio), 9e15));
      PRECIS_ASSIGN_OR_RETURN(draft, RunStep(steps[i], draft, budget, i == 0, following == 0));
    }
    return Finish(Assemble(draft, request_.format));
  }

 private:
  void Report(const char* stage, int64_t done, int64_t total) const {
    if (progress_) progress_(stage, done, total);
  }

  absl::StatusOr<Draft> RunStep(const CheckedStep& step, const Draft& draft, int64_t budget, bool first, bool last) {
    const bool chain_ends = last;
    int64_t final_budget = budget;
    std::vector<Step> rest;
    const absl::Time start = absl::Now();
    PRECIS_RETURN_IF_ERROR(call_.Check());
    Report("count", 0, 0);
    const PieceTable table(draft);
    PRECIS_ASSIGN_OR_RETURN(const TokenMap tokens, TokenMap::Make(draft, request_.format, *request_.budget.tokenizer));
    PRECIS_RETURN_IF_ERROR(call_.Check());
    int64_t tokens_in = tokens.total();
    if (!request_.budget.before.empty() || !request_.budget.after.empty()) {
      PRECIS_ASSIGN_OR_RETURN(tokens_in, counter_.Count(Assemble(draft, request_.format).text));
    }
    notes_.timings.push_back({"count", absl::Now() - start});
    if (first) result_.context.receipt.tokens_in = tokens_in;

    StepReceipt receipt;
    receipt.tokens_in = tokens_in;
    CheckedStep resolved = step;
    if (step.info.name == kAuto) {
      const AutoPlan plan =
          PlanAuto({tokens_in, budget, !IsBlank(request_.query), call_.deadline() - absl::Now(), resources_});
      receipt.reason = plan.reason;
      notes_.plan.push_back(plan.reason);
      // Another call may have more time.
      if (plan.hurried) result_.cacheable = false;
      PRECIS_ASSIGN_OR_RETURN(resolved, StepOf(plan.steps.front()));
      if (plan.steps.size() > 1) {
        // A chain of its own: its last step has the budget of this one.
        rest.assign(plan.steps.begin() + 1, plan.steps.end());
        final_budget = budget;
        budget = budget << rest.size();
        last = false;
      }
    }
    const std::string& name = resolved.info.name;
    const bool whole = tokens_in <= budget;
    Draft kept;
    if (whole) {
      // Nothing needs to go: every method keeps all.
      receipt.method = name;
      receipt.algorithm_version = Find(methods_, name)->info().algorithm_version;
      if (resources_.embedder) notes_.fidelity = first ? 1.0 : notes_.fidelity;
      kept = draft;
    } else {
      Fitter fitter(table, request_.format, counter_, budget, call_);
      const std::vector<Unit> required = protection_.RequiredUnits(table);
      if (!required.empty()) {
        PRECIS_ASSIGN_OR_RETURN(const int64_t need, fitter.Cost(required));
        if (need > budget) {
          return absl::FailedPreconditionError(absl::StrCat("the protected spans need ", need,
                                                            " tokens with their marks, the budget is ", budget,
                                                            ": raise the budget or protect less"));
        }
      }
      PRECIS_ASSIGN_OR_RETURN(kept, RunWithFallbacks(resolved, name, table, tokens, required, fitter, last, &receipt));
    }
    const std::string text = Assemble(kept, request_.format).text;
    PRECIS_ASSIGN_OR_RETURN(receipt.tokens_out, counter_.Count(text));
    if (receipt.tokens_out > budget) {
      return absl::InternalError(
          absl::StrCat("method '", receipt.method, "' gave ", receipt.tokens_out, " tokens, the budget is ", budget));
    }
    receipt.duration = absl::Now() - start;
    result_.context.receipt.tokens_out = receipt.tokens_out;
    result_.context.receipt.steps.push_back(std::move(receipt));
    for (size_t i = 0; i < rest.size(); ++i) {
      PRECIS_ASSIGN_OR_RETURN(const CheckedStep next, StepOf(rest[i]));
      const size_t following = rest.size() - i - 1;
      PRECIS_ASSIGN_OR_RETURN(
          kept, RunStep(next, Draft(kept), final_budget << following, false, chain_ends && following == 0));
    }
    return kept;
  }

  // A step that "auto" has chosen.
  absl::StatusOr<CheckedStep> StepOf(const Step& step) const {
    CheckedStep checked;
    checked.info = DescribeMethod(Find(methods_, step.method)->info(), resources_);
    PRECIS_ASSIGN_OR_RETURN(checked.parameters, Parameters::Check(checked.info, step.parameters));
    return checked;
  }

  // Runs `name`, or what is gentler when it cannot run or is not faithful enough.
  absl::StatusOr<Draft> RunWithFallbacks(const CheckedStep& step, std::string name, const PieceTable& table,
                                         const TokenMap& tokens, const std::vector<Unit>& required, Fitter& fitter,
                                         bool last, StepReceipt* receipt) {
    for (;;) {
      const Method& method = *Find(methods_, name);
      const MethodInfo info = DescribeMethod(method.info(), resources_);
      absl::Status failure;
      if (!info.available) {
        failure = absl::FailedPreconditionError(info.unavailable_reason);
        result_.cacheable = false;
      } else if (info.needs_query && request_.query.empty()) {
        failure = absl::FailedPreconditionError(absl::StrCat("method '", name, "' needs a query"));
      } else {
        PRECIS_ASSIGN_OR_RETURN(const Parameters parameters,
                                Parameters::Check(info, name == step.info.name ? step.parameters.values()
                                                                               : std::map<std::string, std::string>{}));
        Notes notes;
        const MethodInput input = {request_,   table,      tokens, required,  fitter,
                                   parameters, resources_, call_,  progress_, notes};
        absl::StatusOr<Draft> kept = method.Run(input);
        if (kept.ok()) {
          PRECIS_ASSIGN_OR_RETURN(failure, CheckFidelity(*kept, last, &notes));
          if (failure.ok()) {
            if (notes.transient) result_.cacheable = false;
            notes_.timings.insert(notes_.timings.end(), notes.timings.begin(), notes.timings.end());
            notes_.warnings.insert(notes_.warnings.end(), notes.warnings.begin(), notes.warnings.end());
            notes_.plan.insert(notes_.plan.end(), notes.plan.begin(), notes.plan.end());
            notes_.fidelity = notes.fidelity;
            if (notes.generated) notes_.generated = notes.generated;  // of the last step that wrote
            receipt->method = name;
            receipt->algorithm_version = info.algorithm_version;
            return kept;
          }
        } else {
          failure = kept.status();
        }
      }
      if (absl::IsUnavailable(failure)) result_.cacheable = false;
      const bool may_fall_back = absl::IsFailedPrecondition(failure) || absl::IsUnavailable(failure);
      if (!may_fall_back || request_.fallback_policy == FallbackPolicy::kFail || info.gentler.empty()) {
        return absl::IsUnavailable(failure) ? absl::FailedPreconditionError(failure.message()) : failure;
      }
      result_.context.receipt.fallbacks.push_back({name, info.gentler, std::string(failure.message())});
      name = info.gentler;
    }
  }

  // Measures it where the method has not. The inner status says whether it is high enough, the outer one whether it
  // could be told.
  absl::StatusOr<absl::Status> CheckFidelity(const Draft& kept, bool last, Notes* notes) {
    if (!last || (notes->skip_fidelity && !notes_.fidelity)) return absl::OkStatus();
    if (!resources_.embedder) {
      if (request_.min_fidelity <= 0) return absl::OkStatus();
      if (request_.fallback_policy == FallbackPolicy::kFail) {
        return absl::FailedPreconditionError("min_fidelity cannot be checked: no encoder is loaded");
      }
      notes->warnings.push_back("min_fidelity was not checked: no encoder is loaded");
      return absl::OkStatus();
    }
    if (!notes->fidelity) {
      const absl::Time start = absl::Now();
      const Layout layout = Assemble(kept, request_.format);
      const auto measured = MeasureFidelity(request_, layout.text, layout.spans, *resources_.embedder, call_);
      if (absl::IsCancelled(measured.status()) || absl::IsDeadlineExceeded(measured.status())) return measured.status();
      if (measured.ok()) {
        notes->fidelity = *measured;
      } else if (request_.min_fidelity > 0 && request_.fallback_policy == FallbackPolicy::kFail) {
        return absl::FailedPreconditionError(
            absl::StrCat("min_fidelity cannot be checked: ", std::string(measured.status().message())));
      } else {
        result_.cacheable = false;
        notes->warnings.push_back(
            absl::StrCat("the fidelity was not measured: ", std::string(measured.status().message())));
      }
      notes->timings.push_back({"fidelity", absl::Now() - start});
    }
    if (notes->fidelity && *notes->fidelity < request_.min_fidelity) {
      return absl::Status(absl::FailedPreconditionError(
          absl::StrFormat("its fidelity is %.3f, at least %.3f was asked for: raise the budget or lower min_fidelity",
                          *notes->fidelity, request_.min_fidelity)));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<ChainResult> Finish(Layout layout) {
    const absl::Time start = absl::Now();
    Context& context = result_.context;
    context.text = std::move(layout.text);
    context.spans = std::move(layout.spans);
    DescribeContext(request_, protection_, &context);
    notes_.timings.push_back({"assemble", absl::Now() - start});
    context.receipt.timings = std::move(notes_.timings);
    context.receipt.warnings = std::move(notes_.warnings);
    context.receipt.fidelity = notes_.fidelity;
    context.receipt.generated = notes_.generated;
    context.receipt.plan = absl::StrJoin(notes_.plan, "; ");
    return std::move(result_);
  }

  const Methods& methods_;
  const Request& request_;
  const Resources& resources_;
  const CallContext& call_;
  const ProgressSink& progress_;
  Counter counter_;
  const ProtectedSet protection_;
  Notes notes_;
  ChainResult result_;
};

}  // namespace

MethodInfo DescribeMethod(const MethodInfo& info, const Resources& resources) {
  MethodInfo described = info;
  described.parameters.push_back({kBudgetRatio, "double", "0", "0..100",
                                  "Budget of this step as a multiple of the call's, at least 1; 0: twice that of the "
                                  "step after it, and the call's own for the last."});
  const char* missing = info.needs_embedder && !resources.embedder     ? "an encoder"
                        : info.needs_generator && !resources.generator ? "a generator"
                        : info.needs_scorer && !resources.scorer       ? "a model that scores tokens"
                                                                       : nullptr;
  if (missing != nullptr) {
    described.available = false;
    const std::string& why = info.needs_generator && !resources.generator ? resources.no_generator
                             : info.needs_scorer && !resources.scorer     ? resources.no_scorer
                                                                          : std::string();
    described.unavailable_reason =
        absl::StrCat("method '", info.name, "' needs ", missing, ", and none is loaded", why.empty() ? "" : ": ", why);
  }
  return described;
}

MethodInfo DescribeAuto() {
  MethodInfo info;
  info.name = kAuto;
  info.algorithm_version = 2;
  info.description =
      "Picks the methods by budget, query, deadline and the models that are loaded; the receipt says why.";
  info.uses_query = true;
  return info;
}

absl::StatusOr<std::vector<CheckedStep>> CheckSteps(const Methods& methods, const Request& request,
                                                    const Resources& resources) {
  std::vector<Step> steps = request.steps;
  if (steps.empty()) steps.push_back({kAuto, {}});
  std::vector<CheckedStep> checked;
  for (size_t i = 0; i < steps.size(); ++i) {
    const Method* method = Find(methods, steps[i].method);
    if (method == nullptr && steps[i].method != kAuto) {
      return absl::InvalidArgumentError(absl::StrCat("there is no compression method '", steps[i].method.substr(0, 64),
                                                     "'; known are: ", KnownMethods(methods)));
    }
    CheckedStep step;
    step.info = DescribeMethod(method == nullptr ? DescribeAuto() : method->info(), resources);
    auto parameters = Parameters::Check(step.info, steps[i].parameters);
    if (!parameters.ok()) return parameters.status();
    step.parameters = *std::move(parameters);
    const double ratio = step.parameters.Double(kBudgetRatio);
    if (ratio > 0 && ratio < 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("budget_ratio of step '", steps[i].method, "' is ", ratio,
                       ": it must be 0 or at least 1, since later steps can add nothing"));
    }
    if (i + 1 == steps.size() && ratio > 1) {
      return absl::InvalidArgumentError(absl::StrCat("budget_ratio of the last step '", steps[i].method,
                                                     "' must be 1: only a step that another follows may have more"));
    }
    checked.push_back(std::move(step));
  }
  return checked;
}

absl::StatusOr<ChainResult> RunChain(const Methods& methods, const Request& request,
                                     const std::vector<CheckedStep>& steps, const Resources& resources,
                                     const CallContext& call, const ProgressSink& progress) {
  return Chain(methods, request, resources, call, progress).Run(steps);
}

}  // namespace precis::compress
