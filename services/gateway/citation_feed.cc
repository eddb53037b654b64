#include "gateway/citation_feed.h"

#include <utility>

#include "precis/base/status_macros.h"

namespace precis::services {

CitationFeed::CitationFeed(Executor& executor, CallContext call, Context context, Found found, Done done)
    : executor_(executor),
      call_(std::move(call)),
      context_(std::move(context)),
      found_(std::move(found)),
      done_(std::move(done)) {}

void CitationFeed::Add(int answer, const std::string& text) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (pending_.empty() || pending_.back().finish) {
      pending_.push_back({answer, text, false});
    } else {
      pending_.back().text += text;
    }
    if (failed_ || std::exchange(running_, true)) return;
  }
  Submit();
}

void CitationFeed::FinishAnswer(int answer) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (pending_.empty() || pending_.back().finish) pending_.push_back({answer, "", true});
    pending_.back().finish = true;
    if (failed_ || std::exchange(running_, true)) return;
  }
  Submit();
}

void CitationFeed::Submit() {
  const absl::Status accepted = executor_.Submit([self = shared_from_this()] { self->Work(); });
  if (accepted.ok()) return;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    failed_ = true;
  }
  done_(accepted);
}

void CitationFeed::Work() {
  while (true) {
    Part part;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (pending_.empty()) {
        running_ = false;
        return;
      }
      part = std::move(pending_.front());
      pending_.pop_front();
    }
    const absl::Status status = Check(part);
    if (!status.ok()) {
      std::lock_guard<std::mutex> lock(mutex_);
      failed_ = true;
    }
    if (!status.ok() || part.finish) done_(status);
    if (!status.ok()) return;
  }
}

absl::Status CitationFeed::Check(const Part& part) {
  if (checker_ == nullptr) {
    std::shared_ptr<engine::Embedder> embedder = context_.embedder();
    auto made = compress::CitationChecker::Make(context_.context, context_.passages, embedder, context_.tenant,
                                                context_.read_epoch, call_);
    if (absl::IsUnavailable(made.status())) {  // marks and words still bind; only the test by meaning is missing
      made = compress::CitationChecker::Make(context_.context, context_.passages, nullptr, context_.tenant,
                                             context_.read_epoch, call_);
    }
    PRECIS_ASSIGN_OR_RETURN(checker_, std::move(made));
  }
  PRECIS_ASSIGN_OR_RETURN(const auto citations, checker_->Add(part.text, call_));
  for (const compress::Citation& citation : citations) found_(part.answer, citation);
  if (!part.finish) return absl::OkStatus();
  PRECIS_ASSIGN_OR_RETURN(const auto rest, checker_->Finish(call_));
  for (const compress::Citation& citation : rest) found_(part.answer, citation);
  return absl::OkStatus();
}

}  // namespace precis::services
