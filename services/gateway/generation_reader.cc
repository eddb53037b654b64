#include "gateway/generation_reader.h"

#include <utility>

namespace precis::services {

GenerationReader::GenerationReader(const std::shared_ptr<grpc::Channel>& channel, v1::GenerateRequest request,
                                   OnText on_text, OnEnd on_end)
    : stub_(v1::GenerationService::NewStub(channel)),
      request_(std::move(request)),
      on_text_(std::move(on_text)),
      on_end_(std::move(on_end)) {}

void GenerationReader::Start() {
  self_ = shared_from_this();
  stub_->async()->Generate(&context_, &request_, this);
  AddHold();  // reads may begin in Resume()
  StartRead(&event_);
  StartCall();
}

void GenerationReader::OnReadDone(bool ok) {
  if (!ok) return RemoveHold();
  if (event_.has_done()) done_.Swap(event_.mutable_done());
  if (event_.has_delta()) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      room_ = false;
    }
    if (!on_text_(event_.delta().text())) {
      std::lock_guard<std::mutex> lock(mutex_);
      if (!room_) {
        paused_ = true;
        return;
      }
    }
  }
  StartRead(&event_);
}

void GenerationReader::Resume() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    room_ = true;
    if (!std::exchange(paused_, false)) return;
  }
  StartRead(&event_);
}

void GenerationReader::OnDone(const grpc::Status& status) {
  const std::shared_ptr<GenerationReader> last = std::move(self_);
  // What they hold is let go even if this object lives on.
  on_text_ = nullptr;
  OnEnd on_end = std::move(on_end_);
  on_end(status, done_);
}

}  // namespace precis::services
