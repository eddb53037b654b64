#include "roles/mutation_memory.h"

#include <utility>

#include "precis/base/hash.h"
#include "runtime/status.h"

namespace precis::services {

void MutationMemory::Run(const std::string& method, const std::string& tenant, const std::string& request_id,
                         const google::protobuf::Message& compare, google::protobuf::Message* reply,
                         const std::function<absl::Status()>& work, const Done& done) {
  if (request_id.empty()) return done(work());
  const std::string key = Hasher().Field(method).Field(tenant).Field(request_id).FinishHex();
  const std::string request_hash = Sha256Hex(compare.SerializeAsString());
  {
    std::unique_lock<std::mutex> lock(mutex_);
    const auto [found, first] = answers_.try_emplace(key);
    Answer& answer = found->second;
    if (!first) {
      if (answer.request_hash != request_hash) {
        lock.unlock();
        return done(FieldError("request_id", "was used with other parameters before: choose a new one for a new call"));
      }
      if (answer.running) {
        answer.waiters.push_back({reply, done});
        return;
      }
      reply->ParseFromString(answer.reply);
      lock.unlock();
      return done(absl::OkStatus());
    }
    answer.request_hash = request_hash;
    answer.age = by_age_.insert(by_age_.end(), key);
  }
  const absl::Status status = work();
  std::vector<Waiter> waiters;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    const auto found = answers_.find(key);
    Answer& answer = found->second;
    waiters.swap(answer.waiters);
    answer.running = false;
    if (status.ok()) {
      answer.reply = reply->SerializeAsString();
    } else {
      by_age_.erase(answer.age);
      answers_.erase(found);
    }
    // The oldest goes, unless it is still under way: then there are more for a moment.
    while (answers_.size() > kMaxAnswers) {
      const auto oldest = answers_.find(by_age_.front());
      if (oldest->second.running) break;
      answers_.erase(oldest);
      by_age_.pop_front();
    }
  }
  for (const Waiter& waiter : waiters) {
    if (status.ok()) waiter.reply->CopyFrom(*reply);
    waiter.done(status);
  }
  done(status);
}

}  // namespace precis::services
