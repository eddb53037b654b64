#include "roles/outbox_pump.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "adapters/await.h"
#include "precis/v1/erasure.grpc.pb.h"
#include "runtime/call_scope.h"
#include "runtime/log.h"
#include "runtime/status.h"

namespace precis::services {
namespace {

constexpr Role kConsumers[] = {Role::kEmbedder, Role::kCompressor};
constexpr int kBatch = 1000;  // what an EraseRequest may hold
constexpr absl::Duration kCallTimeout = absl::Seconds(30);
constexpr std::chrono::milliseconds kFirstRetry(50), kLastRetry(2000);
// Waiters' calls can only be polled for their end.
constexpr std::chrono::milliseconds kPoll(20);

}  // namespace

OutboxPump::OutboxPump(index::Index& index, const Channels& channels, Metrics& metrics)
    : index_(index), channels_(channels), metrics_(metrics) {}

OutboxPump::~OutboxPump() { Stop(); }

void OutboxPump::Start() {
  thread_ = std::thread([this] { Run(); });
}

void OutboxPump::Stop() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  std::vector<Waiter> waiters;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    waiters.swap(waiters_);
  }
  for (const Waiter& waiter : waiters) {
    waiter.done(absl::UnavailableError("the server is shutting down: the delete is durable, the caches follow"));
  }
}

void OutboxPump::Wake() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    awake_ = true;
  }
  wake_.notify_all();
}

void OutboxPump::WhenErased(uint64_t epoch, const CallContext& call, std::function<void(absl::Status)> done) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!stopping_) {
      waiters_.push_back({epoch, call, std::move(done)});
      awake_ = true;
      done = nullptr;
    }
  }
  if (done) return done(absl::UnavailableError("the server is shutting down"));
  wake_.notify_all();
}

void OutboxPump::Run() {
  auto retry = kFirstRetry;
  auto next_try = std::chrono::steady_clock::now();
  bool pending = true;
  while (true) {
    {
      std::unique_lock<std::mutex> lock(mutex_);
      const auto ready = [this] { return stopping_ || awake_; };
      if (!waiters_.empty()) {
        wake_.wait_for(lock, kPoll, ready);
      } else if (pending) {
        wake_.wait_until(lock, next_try, ready);
      } else {
        wake_.wait(lock, ready);
      }
      if (stopping_) return;
      if (std::exchange(awake_, false)) next_try = std::chrono::steady_clock::now();
    }
    if (std::chrono::steady_clock::now() >= next_try) {
      pending = false;
      for (Role consumer : kConsumers) {
        if (!Send(consumer)) pending = true;
      }
      retry = pending ? std::min(retry * 2, kLastRetry) : kFirstRetry;
      next_try = pending ? std::chrono::steady_clock::now() + retry : std::chrono::steady_clock::time_point::max();
    }
    AnswerWaiters();
  }
}

bool OutboxPump::Send(Role consumer) {
  const std::string name = RoleName(consumer);
  while (true) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (stopping_) return false;
    }
    const auto records = index_.PendingErasures(name, kBatch);
    if (!records.ok()) {
      Log(LogLevel::kError, "erasure",
          {{"cache", name},
           {"message", std::string_view(records.status().message().data(), records.status().message().size())}});
      return false;
    }
    if (records->empty()) return true;
    v1::EraseRequest request;
    uint64_t last = 0;
    for (const index::ErasureRecord& record : *records) {
      v1::ErasureRecord* out = request.add_records();
      out->set_tenant(record.tenant);
      out->set_document_id(record.document_id);
      out->set_delete_epoch(record.delete_epoch);
      last = std::max(last, record.delete_epoch);
    }
    const RoleChannel channel = channels_.Get(consumer);
    const auto stub = v1::ErasureService::NewStub(channel.channel);
    grpc::ClientContext context;
    SetDeadline(absl::Now() + kCallTimeout, &context);
    v1::EraseResponse response;
    Arrival arrival;
    stub->async()->Erase(&context, &request, &response,
                         [&arrival](grpc::Status status) { arrival.Arrive(std::move(status)); });
    const grpc::Status status = arrival.Await(CallContext(), [] {});
    absl::Status result = FromRole(status, name, channel.address);
    if (result.ok()) result = index_.AcknowledgeErasures(name, last);
    if (!result.ok()) {
      Log(LogLevel::kWarn, "erasure waits",
          {{"cache", name},
           {"records", static_cast<int64_t>(records->size())},
           {"message", std::string_view(result.message().data(), result.message().size())}});
      return false;
    }
    metrics_.Add("precis_erasures_total", {{"cache", name}}, static_cast<double>(records->size()));
  }
}

void OutboxPump::AnswerWaiters() {
  std::vector<Waiter> waiting;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    waiting.swap(waiters_);
  }
  std::vector<Waiter> left;
  for (Waiter& waiter : waiting) {
    const auto erased = index_.ErasedUpTo(waiter.epoch);
    if (!erased.ok()) {
      waiter.done(erased.status());
    } else if (*erased) {
      waiter.done(absl::OkStatus());
    } else if (absl::Status alive = waiter.call.Check(); !alive.ok()) {
      waiter.done(absl::Status(alive.code(),
                               "the delete is durable and hidden, but some cache has not erased it yet: "
                               "the server goes on by itself, a retry waits on"));
    } else {
      left.push_back(std::move(waiter));
    }
  }
  std::lock_guard<std::mutex> lock(mutex_);
  waiters_.insert(waiters_.end(), std::make_move_iterator(left.begin()), std::make_move_iterator(left.end()));
}

}  // namespace precis::services
