// One IngestDocuments stream: documents are put together from their parts, up to `ingest_parallel` are in work at once.
// While that many are, or while one waits for room in the executor's queue, nothing is read: flow control slows the
// client. A stream never fails because others fill the queue.
#include <algorithm>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "convert/common.h"
#include "convert/index.h"
#include "precis/base/hash.h"
#include "precis/base/reason.h"
#include "precis/base/status_macros.h"
#include "roles/retriever_services.h"
#include "runtime/bidi_call.h"
#include "runtime/status.h"

namespace precis::services {
namespace {

constexpr size_t kMaxPartBytes = 1 << 20;
constexpr size_t kResultQueue = 64;

// A document on its way in.
struct Incoming {
  v1::IngestHeader header;
  std::string content;
  int64_t size = 0;  // of the content as sent; `content` is dropped when it is above the limit
  absl::Time began;
  bool started = false;  // its job runs, or has run; guarded by the call's mutex
};

// Whether a failed Ingest ends the stream: what would fail for every other document too. All else is the outcome of its
// document.
bool EndsStream(const absl::Status& status) {
  if (!ReasonOf(status).empty()) return false;
  switch (status.code()) {
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kDeadlineExceeded:
      return true;
    default:
      return false;
  }
}

class IngestCall final : public BidiCall<v1::IngestDocumentsRequest, v1::IngestDocumentsResponse> {
 public:
  IngestCall(const RetrieverParts& parts, grpc::CallbackServerContext* context)
      : BidiCall(parts.ingest_host, "DocumentService/IngestDocuments", context, kResultQueue), parts_(parts) {
    ReadNext();
  }

 private:
  void OnMessage(v1::IngestDocumentsRequest* message) override {
    absl::Status status;
    bool complete = false;
    switch (message->part_case()) {
      case v1::IngestDocumentsRequest::kHeader:
        status = Begin(message->mutable_header());
        break;
      case v1::IngestDocumentsRequest::kContent:
        status = Append(message->content());
        break;
      case v1::IngestDocumentsRequest::kEnd:
        if (open_ == nullptr) status = OutOfOrder("an end without a header");
        abandoned_ = message->end().abandoned();
        complete = status.ok();
        break;
      case v1::IngestDocumentsRequest::PART_NOT_SET:
        status = OutOfOrder("a message without a part");
        break;
    }
    if (!status.ok()) return Fail(status);
    if (complete) return Submit();
    ReadNext();
  }

  absl::Status OutOfOrder(const char* what) {
    return absl::InvalidArgumentError(
        absl::StrCat("parts out of order: ", what, "; each document is a header, then contents, then an end"));
  }

  absl::Status Begin(v1::IngestHeader* header) {
    if (open_ != nullptr) return OutOfOrder("a header before the end of the document before");
    open_ = std::make_shared<Incoming>();
    open_->header.Swap(header);
    open_->began = absl::Now();
    return absl::OkStatus();
  }

  absl::Status Append(const std::string& content) {
    if (open_ == nullptr) return OutOfOrder("content without a header");
    if (content.size() > kMaxPartBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("a content part has ", content.size(), " bytes, the limit is ", kMaxPartBytes));
    }
    open_->size += static_cast<int64_t>(content.size());
    if (open_->size <= parts_.max_document_bytes) {
      open_->content += content;
    } else {
      std::string().swap(open_->content);  // the document has failed; its bytes are only counted
    }
    return absl::OkStatus();
  }

  // Hands the open document to the executor and reads on if there is room for another.
  void Submit() {
    std::shared_ptr<Incoming> document = std::move(open_);
    open_ = nullptr;
    const bool abandoned = abandoned_;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      ++in_work_;
    }
    const absl::StatusOr<uint64_t> ticket = host().executor->SubmitOrPark([this, document, abandoned] {
      Started(document.get());
      Finish(Work(*document, abandoned));
    });
    if (!ticket.ok()) return Finish(ticket.status());
    bool read = false, give_up = false;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (*ticket != 0 && !document->started) {
        parked_ = document.get();
        parked_ticket_ = *ticket;
      }
      read = MayRead();
      paused_ = !read && failed_.ok();
      give_up = left_ && parked_ != nullptr;  // the client left before there was a ticket to give back
    }
    if (give_up) return OnLeft();
    if (read) ReadNext();
  }

  // Under the lock: whether another document may be taken in.
  bool MayRead() const { return failed_.ok() && parked_ == nullptr && in_work_ < parts_.ingest_parallel; }

  // The document's turn has come: the stream may go on where that was what it waited for.
  void Started(Incoming* document) {
    bool read = false;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      document->started = true;
      if (parked_ != document) return;
      parked_ = nullptr;
      read = paused_ && MayRead();
      if (read) paused_ = false;
    }
    if (read) ReadNext();
  }

  // A document that waits for room in the queue is given up, since nobody waits for it any more.
  void OnLeft() override {
    uint64_t ticket = 0;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      left_ = true;
      if (parked_ == nullptr) return;
      ticket = parked_ticket_;
    }
    if (!host().executor->Unpark(ticket)) return;  // its job runs, and sees it
    {
      std::lock_guard<std::mutex> lock(mutex_);
      parked_ = nullptr;
    }
    Finish(call().Check());
  }

  // On the executor. An error ends the stream.
  absl::Status Work(Incoming& document, bool abandoned) {
    if (absl::Status broken = Failure(); !broken.ok()) return broken;
    const absl::Duration received = absl::Now() - document.began;
    v1::IngestDocumentsResponse response;
    v1::IngestResult* result = response.mutable_result();
    auto ingested = abandoned ? absl::StatusOr<index::IngestResult>(StatusWithReason(
                                    absl::StatusCode::kCancelled, "ABANDONED",
                                    "the client could not read the rest of its source; nothing was stored"))
                              : Store(document);
    if (!ingested.ok() && EndsStream(ingested.status())) return ingested.status();
    if (ingested.ok()) {
      ToProto(*ingested, result);
      // The version before is a delete to the caches.
      if (ingested->outcome == index::IngestOutcome::kReplaced) parts_.pump.Wake();
      if (ingested->outcome != index::IngestOutcome::kUnchanged) {
        host().metrics->Add("precis_ingested_bytes_total", {}, static_cast<double>(document.size));
      }
    } else {
      result->set_outcome(v1::INGEST_OUTCOME_FAILED);
      ToProto(ingested.status(), result->mutable_error());
      if (result->error().reason().empty() && absl::IsInvalidArgument(ingested.status())) {
        result->mutable_error()->set_reason("INVALID_HEADER");
      }
    }
    ToProto("receive", received, result->add_timings());
    result->set_request_id(document.header.request_id().empty() ? call().request_id() : document.header.request_id());
    result->set_uri(document.header.uri());
    host().metrics->Add("precis_documents_total", {{"outcome", v1::IngestOutcome_Name(result->outcome())}}, 1);
    if (!outgoing().Write(std::move(response))) return absl::CancelledError("the client is gone");
    return absl::OkStatus();
  }

  absl::StatusOr<index::IngestResult> Store(Incoming& document) {
    const v1::IngestHeader& header = document.header;
    PRECIS_RETURN_IF_ERROR(CheckRequestId(header.request_id()));
    if (document.size > parts_.max_document_bytes) {
      return StatusWithReason(absl::StatusCode::kResourceExhausted, "TOO_LARGE",
                              absl::StrCat("the document has ", document.size, " bytes, the limit is ",
                                           parts_.max_document_bytes, " (max-document-bytes)"));
    }
    if (header.has_size_bytes() && header.size_bytes() != document.size) {
      return StatusWithReason(
          absl::StatusCode::kInvalidArgument, "SIZE_MISMATCH",
          absl::StrCat("the header says ", header.size_bytes(), " bytes, ", document.size, " came"));
    }
    if (!header.content_sha256().empty()) {
      if (const std::string hash = Sha256Hex(document.content); hash != header.content_sha256()) {
        return StatusWithReason(absl::StatusCode::kInvalidArgument, "HASH_MISMATCH",
                                absl::StrCat("the header says SHA-256 ", header.content_sha256().substr(0, 64),
                                             ", the content has ", hash));
      }
    }
    index::DocumentInput input;
    input.tenant = header.tenant();
    input.collection = header.collection();
    input.uri = header.uri();
    input.media_type = header.media_type();
    input.title = header.title();
    PRECIS_ASSIGN_OR_RETURN(input.metadata, MetadataFromProto(header.metadata()));
    input.content = std::move(document.content);
    while (true) {
      auto ingested = parts_.index.Ingest(input, call());
      const absl::Duration delay = RetryDelayOf(ingested.status());
      if (!absl::IsResourceExhausted(ingested.status()) || delay == absl::ZeroDuration()) return ingested;
      // The embedder's queue is full. Waiting here is what slows the client.
      const absl::Time again = absl::Now() + delay;
      while (absl::Now() < again) {
        PRECIS_RETURN_IF_ERROR(call().Check());
        absl::SleepFor(std::min(absl::Milliseconds(20), again - absl::Now()));
      }
    }
  }

  // A document is done, well or not; the last one ends the stream where nothing more comes.
  void Finish(const absl::Status& status) {
    bool read = false, end = false;
    absl::Status result;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (failed_.ok()) failed_ = status;
      --in_work_;
      end = in_work_ == 0 && (client_ended_ || !failed_.ok());
      if (end) {
        if (std::exchange(ended_, true)) return;
        result = failed_;
      } else {
        read = paused_ && MayRead();
        if (read) paused_ = false;
      }
    }
    if (end) return End(result.ok() ? call().Check() : result);
    if (read) ReadNext();
  }

  // The stream is wrong: what is in work is finished, then it ends.
  void Fail(const absl::Status& status) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (failed_.ok()) failed_ = status;
      if (in_work_ > 0 || std::exchange(ended_, true)) return;
    }
    End(status);
  }

  void OnEnd() override {
    // A document without its end is not stored.
    absl::Status result;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      client_ended_ = true;
      if (in_work_ > 0 || std::exchange(ended_, true)) return;
      result = failed_;
    }
    End(result.ok() ? call().Check() : result);
  }

  absl::Status Failure() {
    std::lock_guard<std::mutex> lock(mutex_);
    return failed_;
  }

  const RetrieverParts& parts_;
  std::shared_ptr<Incoming> open_;  // gRPC's thread only
  bool abandoned_ = false;

  std::mutex mutex_;
  int in_work_ = 0;
  bool paused_ = false;         // nothing is being read until a document is done or has left the car park
  Incoming* parked_ = nullptr;  // the document that waits for room in the executor's queue
  uint64_t parked_ticket_ = 0;
  bool left_ = false;
  bool client_ended_ = false;
  bool ended_ = false;  // End() was called
  absl::Status failed_;
};

}  // namespace

grpc::ServerBidiReactor<v1::IngestDocumentsRequest, v1::IngestDocumentsResponse>* MakeIngestCall(
    const RetrieverParts& parts, grpc::CallbackServerContext* context) {
  return new IngestCall(parts, context);
}

}  // namespace precis::services
