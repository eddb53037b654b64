// What a compression method is. To add one: a file here that implements Method, a line in method_table.cc, a test.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "budget.h"
#include "draft.h"
#include "methods/parameters.h"
#include "precis/compress/compressor.h"

namespace precis::compress {

// Notes what took how long and what the caller should know; ends up in the receipt.
struct Notes {
  std::vector<StageTiming> timings;
  std::vector<std::string> warnings;
  std::vector<std::string> plan;   // why "auto" chose as it did, or by what a method keeps
  std::optional<double> fidelity;  // where the method measured it on the way
  std::optional<GeneratedReceipt> generated;
  bool skip_fidelity = false;  // unless an earlier step has measured it: it would cost more than the method itself
  bool transient = false;      // a resource was down for now: the result is not worth caching
};

// What a method works on. All references outlive the call.
struct MethodInput {
  const Request& request;
  const PieceTable& table;            // the draft to compress
  const TokenMap& tokens;             // estimates of its parts
  const std::vector<Unit>& required;  // protected parts: must be in the result; they alone fit the budget
  Fitter& fitter;                     // exact counts; its budget is this step's
  const Parameters& parameters;       // checked against the method's list, with defaults filled in
  const Resources& resources;
  const CallContext& call;
  const ProgressSink& progress;  // may be empty
  Notes& notes;
};

// Stateless and thread-safe.
class Method {
 public:
  virtual ~Method() = default;

  // Without `available`, which depends on the resources.
  virtual MethodInfo info() const = 0;

  // A draft whose layout costs at most input.fitter.budget() tokens and holds the required parts. Called only when the
  // whole draft does not fit. Errors: FailedPrecondition and Unavailable mean that the method cannot do it and a
  // gentler one may; all others end the call.
  virtual absl::StatusOr<Draft> Run(const MethodInput& input) const = 0;
};

// All methods but "auto", which is the chain's own.
const std::vector<std::unique_ptr<Method>>& MethodTable();

}  // namespace precis::compress
