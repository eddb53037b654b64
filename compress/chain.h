// Runs the steps of a request one after the other: resolves "auto", shares the budget, falls back, writes the receipt.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "cache_key.h"
#include "methods/method.h"

namespace precis::compress {

using Methods = std::vector<std::unique_ptr<Method>>;

// A method's info as the world sees it: with the parameter that all steps share, and whether it can run.
MethodInfo DescribeMethod(const MethodInfo& info, const Resources& resources);
MethodInfo DescribeAuto();

// The steps with their parameters checked. Errors: InvalidArgument that lists the known methods or parameters.
absl::StatusOr<std::vector<CheckedStep>> CheckSteps(const Methods& methods, const Request& request,
                                                    const Resources& resources);

struct ChainResult {
  Context context;
  bool cacheable = true;  // false: a resource was down for now, a later call may do better
};

// `request` is valid. Errors: as Compressor::Compress.
absl::StatusOr<ChainResult> RunChain(const Methods& methods, const Request& request,
                                     const std::vector<CheckedStep>& steps, const Resources& resources,
                                     const CallContext& call, const ProgressSink& progress);

}  // namespace precis::compress
