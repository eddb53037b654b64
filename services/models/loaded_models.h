// Models in memory, by name: loaded by the first call that names one, freed when asked or idle.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "precis/base/call_context.h"

namespace precis::services {

enum class ModelState { kAvailable, kLoading, kLoaded, kUnloading, kFailed };

struct ModelStatus {
  ModelState state = ModelState::kAvailable;
  std::string detail;  // why it failed
  int64_t last_used_unix_ms = 0;
};

// Thread-safe.
template <class Model>
class LoadedModels {
 public:
  using Loader = std::function<absl::StatusOr<std::shared_ptr<Model>>(const std::string& name)>;
  explicit LoadedModels(Loader loader) : loader_(std::move(loader)) {}

  // The model, loaded if need be: the second caller waits for the first one's load. A failure is not kept: the next
  // call tries again, since the file may be there by then.
  absl::StatusOr<std::shared_ptr<Model>> Get(const std::string& name) {
    std::unique_lock<std::mutex> lock(mutex_);
    Slot& slot = slots_[name];
    changed_.wait(lock, [&] { return !slot.loading; });
    slot.status.last_used_unix_ms = absl::ToUnixMillis(absl::Now());
    if (slot.model != nullptr) return slot.model;
    slot.loading = true;
    slot.status.state = ModelState::kLoading;
    lock.unlock();
    absl::StatusOr<std::shared_ptr<Model>> loaded = loader_(name);
    lock.lock();
    slot.loading = false;
    slot.status.state = loaded.ok() ? ModelState::kLoaded : ModelState::kFailed;
    slot.status.detail = loaded.ok() ? std::string() : std::string(loaded.status().message());
    if (loaded.ok()) slot.model = *loaded;
    changed_.notify_all();
    return loaded;
  }

  // The model if it is in memory, else null; does not count as use.
  std::shared_ptr<Model> Peek(const std::string& name) const {
    std::lock_guard<std::mutex> lock(mutex_);
    const auto slot = slots_.find(name);
    return slot == slots_.end() ? nullptr : slot->second.model;
  }

  ModelStatus Status(const std::string& name) const {
    std::lock_guard<std::mutex> lock(mutex_);
    const auto slot = slots_.find(name);
    return slot == slots_.end() ? ModelStatus() : slot->second.status;
  }

  // Names of what is in memory; unlike All(), this keeps no model from being freed.
  std::vector<std::string> Names() const {
    std::lock_guard<std::mutex> lock(mutex_);
    std::vector<std::string> names;
    for (const auto& [name, slot] : slots_) {
      if (slot.model != nullptr) names.push_back(name);
    }
    return names;
  }

  // Every model that is in memory.
  std::vector<std::pair<std::string, std::shared_ptr<Model>>> All() const {
    std::lock_guard<std::mutex> lock(mutex_);
    std::vector<std::pair<std::string, std::shared_ptr<Model>>> all;
    for (const auto& [name, slot] : slots_) {
      if (slot.model != nullptr) all.emplace_back(name, slot.model);
    }
    return all;
  }

  // Frees the model once the calls that use it have ended. When `call` ends first, the model stays and the status says
  // so. Freeing what is not loaded does nothing.
  absl::Status Unload(const std::string& name, const CallContext& call) {
    std::weak_ptr<Model> in_use;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      const auto slot = slots_.find(name);
      if (slot == slots_.end() || slot->second.model == nullptr) return absl::OkStatus();
      slot->second.status.state = ModelState::kUnloading;
      std::shared_ptr<Model> model = std::move(slot->second.model);
      slot->second.model = nullptr;
      in_use = model;
      lock.unlock();
      model.reset();  // the last reference frees the weights, outside the lock
    }
    // Nothing tells when the last call drops its reference; the engine's steps are of this order too.
    while (!in_use.expired()) {
      if (absl::Status alive = call.Check(); !alive.ok()) {
        std::shared_ptr<Model> model = in_use.lock();
        std::lock_guard<std::mutex> lock(mutex_);
        Slot& slot = slots_[name];
        if (model == nullptr || slot.model != nullptr || slot.loading) break;
        slot.model = std::move(model);
        slot.status.state = ModelState::kLoaded;
        return absl::DeadlineExceededError(
            absl::StrCat("calls still use model '", name, "': it stays loaded, try again when they have ended"));
      }
      absl::SleepFor(absl::Milliseconds(2));
    }
    std::lock_guard<std::mutex> lock(mutex_);
    Slot& slot = slots_[name];
    if (slot.model == nullptr && !slot.loading) slot.status.state = ModelState::kAvailable;
    return absl::OkStatus();
  }

  // Frees the model if it has not been asked for since `before` and nobody uses it now.
  void UnloadIfIdle(const std::string& name, absl::Time before) {
    std::shared_ptr<Model> idle;  // freed after the lock
    std::lock_guard<std::mutex> lock(mutex_);
    const auto slot = slots_.find(name);
    if (slot == slots_.end() || slot->second.model == nullptr || slot->second.model.use_count() > 1) return;
    if (slot->second.status.last_used_unix_ms >= absl::ToUnixMillis(before)) return;
    idle = std::move(slot->second.model);
    slot->second.model = nullptr;
    slot->second.status.state = ModelState::kAvailable;
  }

 private:
  struct Slot {
    std::shared_ptr<Model> model;
    bool loading = false;
    ModelStatus status;
  };
  const Loader loader_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Slot> slots_;  // nodes stay where they are
};

}  // namespace precis::services
