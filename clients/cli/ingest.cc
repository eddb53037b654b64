#include "cli/ingest.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "cli/interrupt.h"
#include "precis/base/file.h"
#include "precis/base/utf8.h"

namespace precis::cli {
namespace {

constexpr int64_t kPartBytes = 512 << 10;
// Documents under way without an answer. Bounds what a broken stream has to send again.
constexpr size_t kWindow = 64;

v1::IngestResult LocalFailure(const FoundFile& file, int code, const std::string& reason, const std::string& message) {
  v1::IngestResult result;
  result.set_uri(ReplaceInvalidUtf8(file.path));
  result.set_outcome(v1::INGEST_OUTCOME_FAILED);
  result.mutable_error()->set_code(code);
  result.mutable_error()->set_reason(reason);
  result.mutable_error()->set_message(message);
  return result;
}

// One attempt: a stream over the files that have no result yet.
class Attempt {
 public:
  Attempt(Client& client, const IngestPlan& plan, const ResultSink& sink, std::vector<bool>& done)
      : plan_(plan), sink_(sink), done_(done), context_(client.Context()), cancel_(context_.get()) {
    stream_ = client.documents->IngestDocuments(context_.get());
    for (size_t i = 0; i < plan.files.size(); ++i) by_uri_[plan.files[i].path] = i;
  }

  grpc::Status Run() {
    std::thread reader([this] { ReadResults(); });
    bool writable = true;
    for (size_t i = 0; i < plan_.files.size() && writable && !Interrupted(); ++i) {
      if (done_[i]) continue;
      writable = WaitForRoom() && SendFile(i);
    }
    stream_->WritesDone();
    reader.join();
    return stream_->Finish();
  }

 private:
  bool WaitForRoom() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return under_way_ < kWindow || ended_; });
    return !ended_;
  }

  bool SendFile(size_t index) {
    const FoundFile& file = plan_.files[index];
    if (!IsValidUtf8(file.path)) {
      Report(index, LocalFailure(file, static_cast<int>(absl::StatusCode::kInvalidArgument), "INVALID_HEADER",
                                 "its name is not valid UTF-8, and the URI of a document must be: rename it"));
      return true;
    }
    const auto content = ReadFile(file.path, plan_.max_file_bytes);
    if (!content.ok()) {
      const bool large = content.status().code() == absl::StatusCode::kResourceExhausted;
      Report(index, LocalFailure(file, static_cast<int>(content.status().code()), large ? "TOO_LARGE" : "UNREADABLE",
                                 std::string(content.status().message())));
      return true;
    }
    {
      std::lock_guard lock(mutex_);
      ++under_way_;
    }
    v1::IngestDocumentsRequest message;
    v1::IngestHeader* header = message.mutable_header();
    header->set_tenant(plan_.tenant);
    header->set_collection(plan_.collection);
    header->set_uri(file.path);
    header->set_size_bytes(static_cast<int64_t>(content->size()));
    for (const auto& [key, value] : plan_.metadata) (*header->mutable_metadata())[key] = value;
    if (!stream_->Write(message)) return false;
    for (size_t at = 0; at < content->size(); at += kPartBytes) {
      message.set_content(content->substr(at, kPartBytes));
      if (!stream_->Write(message)) return false;
    }
    message.mutable_end();
    return stream_->Write(message);
  }

  void ReadResults() {
    v1::IngestDocumentsResponse response;
    while (stream_->Read(&response)) {
      const auto found = by_uri_.find(response.result().uri());
      if (found == by_uri_.end()) continue;
      {
        std::lock_guard lock(mutex_);
        if (under_way_ > 0) --under_way_;
      }
      changed_.notify_one();
      Report(found->second, response.result());
    }
    std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_one();
  }

  void Report(size_t index, const v1::IngestResult& result) {
    std::lock_guard lock(sink_mutex_);
    if (done_[index]) return;
    done_[index] = true;
    sink_(plan_.files[index], result);
  }

  const IngestPlan& plan_;
  const ResultSink& sink_;
  std::vector<bool>& done_;
  std::unique_ptr<grpc::ClientContext> context_;
  CancelOnInterrupt cancel_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::IngestDocumentsRequest, v1::IngestDocumentsResponse>> stream_;
  std::map<std::string, size_t> by_uri_;
  std::mutex mutex_, sink_mutex_;
  std::condition_variable changed_;
  size_t under_way_ = 0;
  bool ended_ = false;
};

}  // namespace

grpc::Status IngestFiles(Client& client, const IngestPlan& plan, const ResultSink& sink) {
  std::vector<bool> done(plan.files.size(), false);
  grpc::Status status;
  for (int attempt = 0; attempt <= plan.retries && !Interrupted(); ++attempt) {
    if (attempt > 0) std::this_thread::sleep_for(std::chrono::milliseconds(200) * (1 << std::min(attempt, 5)));
    const auto before = std::count(done.begin(), done.end(), true);
    status = Attempt(client, plan, sink, done).Run();
    const auto after = std::count(done.begin(), done.end(), true);
    if (after == static_cast<int64_t>(plan.files.size())) return grpc::Status::OK;
    // Only a server that is away or full is worth another try; a stream that moved on gets its tries back.
    if (status.error_code() != grpc::StatusCode::UNAVAILABLE &&
        status.error_code() != grpc::StatusCode::RESOURCE_EXHAUSTED) {
      break;
    }
    if (after > before) attempt = 0;
  }
  if (status.ok()) {
    return grpc::Status(grpc::StatusCode::INTERNAL, "the server ended the stream without answering every document");
  }
  return status;
}

}  // namespace precis::cli
