// The answers of the last mutations, by tenant and request_id, so that a retry gets the first answer (proto/README.md).
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "google/protobuf/message.h"

namespace precis::services {

// Thread-safe. Only answers that changed something are kept: a call that failed may be tried again. Until the process
// ends, and no more than kMaxAnswers.
class MutationMemory {
 public:
  static constexpr size_t kMaxAnswers = 10'000;
  using Done = std::function<void(absl::Status)>;

  // Answers `request` (of `method`) into `reply` and calls `done`: from memory where the same call was answered, along
  // with the first one where that is still under way, else by `work`, which may block. An empty request_id is never
  // remembered. InvalidArgument where the id was used with other parameters.
  // `compare`: the request without what a retry may change.
  void Run(const std::string& method, const std::string& tenant, const std::string& request_id,
           const google::protobuf::Message& compare, google::protobuf::Message* reply,
           const std::function<absl::Status()>& work, const Done& done);

 private:
  struct Waiter {
    google::protobuf::Message* reply;
    Done done;
  };
  struct Answer {
    std::string request_hash;
    bool running = true;
    std::string reply;            // serialised
    std::vector<Waiter> waiters;  // while running
    std::list<std::string>::iterator age;
  };

  std::mutex mutex_;
  std::map<std::string, Answer> answers_;
  std::list<std::string> by_age_;  // keys, oldest first
};

}  // namespace precis::services
