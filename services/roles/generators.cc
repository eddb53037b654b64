#include <algorithm>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "precis/base/status_macros.h"
#include "roles/generation_service.h"

namespace precis::services {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kIdleCheck(500);

v1::ModelState ToProto(ModelState state) {
  switch (state) {
    case ModelState::kAvailable:
      return v1::MODEL_STATE_AVAILABLE;
    case ModelState::kLoading:
      return v1::MODEL_STATE_LOADING;
    case ModelState::kLoaded:
      return v1::MODEL_STATE_LOADED;
    case ModelState::kUnloading:
      return v1::MODEL_STATE_UNLOADING;
    case ModelState::kFailed:
      return v1::MODEL_STATE_FAILED;
  }
  return v1::MODEL_STATE_UNSPECIFIED;
}

// Changes when the model's files do: their names, sizes and times.
std::string StampOf(const std::string& path) {
  const auto stamp_of_file = [](const fs::path& file) {
    std::error_code error;
    const auto size = fs::file_size(file, error);
    const auto written = fs::last_write_time(file, error);
    return absl::StrCat(file.filename().string(), " ", size, " ", written.time_since_epoch().count(), "\n");
  };
  std::error_code error;
  if (!fs::is_directory(path, error)) return stamp_of_file(path);
  std::vector<std::string> files;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) {
    files.push_back(stamp_of_file(entry->path()));
  }
  std::sort(files.begin(), files.end());
  return absl::StrJoin(files, "");
}

}  // namespace

Generators::Generators(const ModelSource& models, const Config& config)
    : models_(models), config_(config), loaded_([this](const std::string& name) { return Load(name); }) {
  idle_timer_ = std::thread([this] { WatchIdle(); });
}

absl::StatusOr<std::shared_ptr<engine::LanguageModel>> Generators::Load(const std::string& name) {
  PRECIS_ASSIGN_OR_RETURN(const std::string path, models_.find(name));
  engine::LoadOptions options;
  options.name = name;
  options.threads = static_cast<int>(config_.threads);
  options.kv_budget_bytes = config_.kv_budget_bytes;
  options.max_sequences = static_cast<int>(config_.generator_workers);
  options.queue_limit = static_cast<int>(config_.queue_limit);
  options.check_weights = config_.check_weights;
  if (config_.kv_type != "auto") options.kv_type = config_.kv_type;
  if (config_.speculation == "off" || config_.speculation == "lookup") options.speculation = config_.speculation;
  // Other models have other vocabularies.
  if (!config_.draft_model.empty() && name == config_.generator) {
    PRECIS_ASSIGN_OR_RETURN(options.draft_path, models_.find(config_.draft_model));
  }
  if (config_.memory_limit_bytes == 0) return models_.load_language_model(path, options);

  std::lock_guard<std::mutex> lock(load_mutex_);  // one after the other: each sees what those before it took
  int64_t taken = 0;
  std::vector<std::string> others;
  std::erase_if(in_memory_, [](const std::weak_ptr<engine::LanguageModel>& model) { return model.expired(); });
  for (const auto& weak : in_memory_) {
    if (const auto model = weak.lock()) {
      taken += model->info().memory_bytes;
      others.push_back(absl::StrCat(model->info().name, " (", model->info().memory_bytes, ")"));
    }
  }
  options.memory_limit_bytes = std::max<int64_t>(1, config_.memory_limit_bytes - taken);
  auto loaded = models_.load_language_model(path, options);
  if (absl::IsResourceExhausted(loaded.status()) && !others.empty()) {
    return absl::ResourceExhaustedError(absl::StrCat(loaded.status().message(), "; of the ", config_.memory_limit_bytes,
                                                     " bytes of memory-limit-bytes, ", absl::StrJoin(others, ", "),
                                                     " are taken: free one by UnloadModel"));
  }
  if (loaded.ok()) in_memory_.push_back(*loaded);
  return loaded;
}

Generators::~Generators() { StopIdleTimer(); }

absl::StatusOr<DefaultGenerator> Generators::Default() const {
  return FindDefaultGenerator(models_, config_.generator);
}

absl::StatusOr<std::shared_ptr<engine::LanguageModel>> Generators::Get(const std::string& name) {
  if (!name.empty()) return loaded_.Get(name);
  PRECIS_ASSIGN_OR_RETURN(const DefaultGenerator found, Default());
  return loaded_.Get(found.name);
}

absl::StatusOr<engine::ModelFileInfo> Generators::Inspect(const std::string& name) {
  PRECIS_ASSIGN_OR_RETURN(const std::string path, models_.find(name));
  const std::string stamp = StampOf(path);  // before the look inside: what changes meanwhile is looked at again
  {
    std::lock_guard<std::mutex> lock(mutex_);
    const auto found = inspected_.find(path);
    if (found != inspected_.end() && found->second.stamp == stamp) return found->second.info;
  }
  PRECIS_ASSIGN_OR_RETURN(engine::ModelFileInfo info, models_.inspect(path));
  std::lock_guard<std::mutex> lock(mutex_);
  inspected_[path] = {stamp, info};
  return info;
}

absl::StatusOr<v1::Model> Generators::Describe(const std::string& name) {
  PRECIS_RETURN_IF_ERROR(models_.find(name).status());
  const auto inspected = Inspect(name);
  v1::Model model;
  model.set_name(name);
  if (!inspected.ok()) {
    model.set_state(v1::MODEL_STATE_FAILED);
    model.set_detail(std::string(inspected.status().message()));
    return model;
  }
  const bool encoder = inspected->kind == "encoder";
  model.set_kind(encoder                        ? v1::MODEL_KIND_ENCODER
                 : inspected->kind == "unknown" ? v1::MODEL_KIND_UNSPECIFIED
                                                : v1::MODEL_KIND_GENERATOR);
  const auto loaded = loaded_.Peek(name);
  const engine::ModelInfo& info = loaded != nullptr ? loaded->info() : inspected->model;
  const ModelStatus status = loaded_.Status(name);
  model.set_state(ToProto(status.state));
  model.set_detail(status.detail);
  if (!inspected->supported) model.set_detail(inspected->reason);
  if (encoder) model.set_detail("encoders are loaded by the role embedder");
  model.set_architecture(info.architecture);
  model.set_numeric_mode(info.numeric_mode);
  model.set_size_bytes(inspected->model.weights_bytes);
  if (loaded != nullptr) {
    model.set_memory_bytes(info.weights_bytes);
    model.set_vocabulary_size(loaded->tokenizer().vocabulary_size());
    model.set_fingerprint(info.fingerprint);
    model.set_tokenizer_fingerprint(info.tokenizer_fingerprint);
  }
  model.set_parameter_count(info.parameters);
  model.set_max_tokens(static_cast<int32_t>(info.max_tokens));
  model.set_last_used_unix_ms(status.last_used_unix_ms);
  if (encoder) {
    model.set_is_default(name == config_.encoder);
  } else if (const auto found = Default(); found.ok() && found->name == name) {
    model.set_is_default(true);
    if (model.detail().empty()) model.set_detail(found->notice);
  }
  if (loaded != nullptr) {
    model.set_has_chat_template(loaded->RenderChat({{"user", "x"}}).ok());
  }
  return model;
}

std::vector<v1::Model> Generators::DescribeAll() {
  std::vector<v1::Model> models;
  for (const std::string& name : models_.list()) {
    if (auto model = Describe(name); model.ok()) models.push_back(*std::move(model));
  }
  std::sort(models.begin(), models.end(), [](const v1::Model& a, const v1::Model& b) {
    return a.kind() != b.kind() ? a.kind() < b.kind() : a.name() < b.name();
  });
  return models;
}

void Generators::SetIdleTimeout(const std::string& name, absl::Duration timeout) {
  std::lock_guard<std::mutex> lock(mutex_);
  idle_timeouts_[name] = timeout;
}

void Generators::StopIdleTimer() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (idle_timer_.joinable()) idle_timer_.join();
}

void Generators::WatchIdle() {
  const absl::Duration usual = absl::Milliseconds(config_.unload_after_ms);
  std::unique_lock<std::mutex> lock(mutex_);
  while (!wake_.wait_for(lock, kIdleCheck, [this] { return stopping_; })) {
    const auto timeouts = idle_timeouts_;
    lock.unlock();
    for (const std::string& name : loaded_.Names()) {
      const auto own = timeouts.find(name);
      const absl::Duration timeout = own == timeouts.end() ? usual : own->second;
      if (timeout > absl::ZeroDuration()) loaded_.UnloadIfIdle(name, absl::Now() - timeout);
    }
    lock.lock();
  }
}

}  // namespace precis::services
