// Servers for tests: real daemons on free ports of loopback, with fake engines and a folder of their own.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "daemon/daemon.h"
#include "fakes.h"
#include "grpcpp/grpcpp.h"
#include "precis/v1/collection.grpc.pb.h"
#include "precis/v1/document.grpc.pb.h"
#include "precis/v1/pipeline.grpc.pb.h"

namespace precis::services {

// A folder that goes away with the test.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A configuration as the command line would give it: free port, no metrics, no log, the fakes as defaults.
Config TestConfig(const std::string& data_dir, const std::vector<std::string>& flags = {});

absl::StatusOr<std::unique_ptr<Daemon>> StartTestDaemon(Config config, const std::shared_ptr<FakeEngines>& engines);

// A channel that finds a restarted server again within 100 ms; the first one made is kept for ever (grpc issue 32584).
std::shared_ptr<grpc::Channel> Dial(const std::string& address);

struct Ingested {
  grpc::Status status;
  std::vector<v1::IngestResult> results;
};
struct TestDocument {
  std::string uri, content;
};
Ingested Ingest(const std::shared_ptr<grpc::Channel>& channel, const std::string& collection,
                const std::vector<TestDocument>& documents);

grpc::Status CreateCollection(const std::shared_ptr<grpc::Channel>& channel, const std::string& name,
                              const std::string& request_id = "");

struct Asked {
  grpc::Status status;
  std::vector<v1::AskResponse> events;
  std::string answer;                // of question 0
  std::map<int, std::string> texts;  // by question; what restarted is void

  const v1::AskUsage& usage() const { return events.back().usage(); }
  const v1::AskReceipt& receipt() const;
};
Asked Ask(const std::shared_ptr<grpc::Channel>& channel, const v1::AskRequest& request);

// Waits until `condition` holds, at most ten seconds; for what happens on other threads of a server.
template <class Condition>
bool Eventually(Condition condition) {
  for (int i = 0; i < 2000; ++i) {
    if (condition()) return true;
    absl::SleepFor(absl::Milliseconds(5));
  }
  return condition();
}

}  // namespace precis::services
