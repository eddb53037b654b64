// Checks the citations of streamed answers while they are streamed: text goes in from gRPC's threads, the checks run
// one after the other on the gateway's executor.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "precis/compress/citations.h"
#include "runtime/executor.h"

namespace precis::services {

// Thread-safe; lives as a shared_ptr, since its jobs hold it.
class CitationFeed : public std::enable_shared_from_this<CitationFeed> {
 public:
  struct Context {
    compress::Context context;
    std::vector<compress::Passage> passages;
    std::string tenant;
    uint64_t read_epoch = 0;
    // Gives the encoder of the collection, or null where none can be had. Blocks; called once, on the executor.
    std::function<std::shared_ptr<engine::Embedder>()> embedder;
  };
  // Both on the executor. `found`: in the order of the answer. `done`: the end of one answer, or what went wrong; then
  // nothing else comes.
  using Found = std::function<void(int answer, const compress::Citation&)>;
  using Done = std::function<void(absl::Status)>;

  CitationFeed(Executor& executor, CallContext call, Context context, Found found, Done done);

  // The next piece of an answer. Before another answer begins, this one is finished.
  void Add(int answer, const std::string& text);
  // The answer is complete.
  void FinishAnswer(int answer);

 private:
  struct Part {
    int answer = 0;
    std::string text;
    bool finish = false;
  };
  void Submit();
  void Work();
  absl::Status Check(const Part& part);

  Executor& executor_;
  const CallContext call_;
  const Context context_;
  const Found found_;
  const Done done_;
  std::unique_ptr<compress::CitationChecker> checker_;  // the running job's alone

  std::mutex mutex_;
  std::deque<Part> pending_;
  bool running_ = false;
  bool failed_ = false;
};

}  // namespace precis::services
