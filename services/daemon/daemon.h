// A running precisd: its roles, its servers, in the order in which they start and stop.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "config/config.h"
#include "models/model_source.h"

namespace precis::services {

class Daemon {
 public:
  // Serves when it returns. Errors: FailedPrecondition (another process has the data folder), Unavailable (the address
  // is in use), and what a role says; each is one sentence.
  static absl::StatusOr<std::unique_ptr<Daemon>> Start(Config config, ModelSource models);

  // Stop().
  ~Daemon();

  // "HOST:PORT" with the real port.
  const std::string& address() const;

  // Health says NOT_SERVING, running calls get `shutdown-grace-ms`, then the roles drain and write their snapshots. May
  // be called twice.
  void Stop();

 private:
  struct Parts;
  explicit Daemon(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace precis::services
