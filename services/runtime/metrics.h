// The numbers of /metrics and of AdminService.Stats. The table of names is in services/README.md.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace precis::services {

// Name and labels of a number that only grows: {"precis_tokens_total", {{"direction", "in"}}}.
struct Sample {
  std::string name;
  std::map<std::string, std::string> labels;
  double value = 0;
  bool counter = false;  // false: it may fall (a gauge)
};

// Thread-safe.
class Metrics {
 public:
  Metrics();
  ~Metrics();

  // One finished call; `code` is the gRPC status code.
  void CountCall(std::string_view role, std::string_view method, int code, absl::Duration duration);
  // Adds to a counter of the table; unknown names are a bug and are ignored.
  void Add(std::string_view name, const std::map<std::string, std::string>& labels, double value);

  // Asked for numbers that are kept elsewhere (queues, caches) whenever somebody looks. Called from any thread until
  // the next StopCollecting().
  void AddSource(std::function<std::vector<Sample>()> source);
  void StopCollecting();

  // Counters that were counted here, by name and labels as Prometheus writes them.
  std::map<std::string, double> Totals() const;
  double Total(std::string_view name, const std::map<std::string, std::string>& labels) const;

  // Serves /metrics; port 0 picks a free one. Unavailable names the address.
  absl::Status Serve(const std::string& address);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace precis::services
