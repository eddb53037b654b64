// Runs a program of ours over bytes that may break it. What crashes, hangs or eats memory there is an error here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "precis/base/call_context.h"

namespace precis::index {

struct ChildLimits {
  absl::Duration wall;
  int64_t output_bytes = 0;
};

// How a child ended. One of the flags says why we ended it ourselves; else it did so on its own, by a signal or with an
// exit status.
struct ChildEnd {
  std::string output;  // up to the limit; also of a child that ended badly
  bool out_of_time = false, too_much_output = false;
  int signal = 0;
  int exit_status = 0;
};

// Starts `program` with `input` as its standard input (a file in memory, so that it can be mapped), collects its
// standard output and waits for its end. No shell, none of our file descriptors, none of our environment. Thread-safe;
// safe in a process with many threads (posix_spawn). Errors: FailedPrecondition (it cannot be started; names it),
// ResourceExhausted (no memory or descriptor for it), Cancelled, DeadlineExceeded: the child is dead in each case.
absl::StatusOr<ChildEnd> RunChild(const std::string& program, const std::vector<std::string>& arguments,
                                  std::string_view input, const ChildLimits& limits, const CallContext& call);

// The path of `name` beside the running program.
std::string BesideThisProgram(std::string_view name);

}  // namespace precis::index
