// GenerationService: prompts to text, log-probabilities, token counts; and which models are in memory.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "config/config.h"
#include "models/loaded_models.h"
#include "models/model_source.h"
#include "precis/v1/generation.grpc.pb.h"
#include "runtime/call_scope.h"

namespace precis::services {

// The generators of this process, the default among them, and what is known of the models on disk. Thread-safe.
class Generators {
 public:
  // Both outlive it.
  Generators(const ModelSource& models, const Config& config);
  ~Generators();  // StopIdleTimer()

  // Empty: the default generator. NotFound, or why it cannot be loaded.
  absl::StatusOr<std::shared_ptr<engine::LanguageModel>> Get(const std::string& name);
  // The name that requests without one mean, with a notice where it stands in for another.
  absl::StatusOr<DefaultGenerator> Default() const;

  LoadedModels<engine::LanguageModel>& loaded() { return loaded_; }
  const ModelSource& source() const { return models_; }

  // What ListModels says of one model, or of all.
  absl::StatusOr<v1::Model> Describe(const std::string& name);
  std::vector<v1::Model> DescribeAll();

  // Frees the model after this time without a call; zero: never.
  void SetIdleTimeout(const std::string& name, absl::Duration timeout);
  void StopIdleTimer();

 private:
  absl::StatusOr<std::shared_ptr<engine::LanguageModel>> Load(const std::string& name);
  absl::StatusOr<engine::ModelFileInfo> Inspect(const std::string& name);
  void WatchIdle();

  const ModelSource& models_;
  const Config& config_;
  LoadedModels<engine::LanguageModel> loaded_;
  std::mutex load_mutex_;                                        // held while loading under a memory limit
  std::vector<std::weak_ptr<engine::LanguageModel>> in_memory_;  // under load_mutex_
  std::mutex mutex_;
  std::condition_variable wake_;
  struct Inspected {
    std::string stamp;  // of the files when they were looked at
    engine::ModelFileInfo info;
  };
  std::map<std::string, Inspected> inspected_;  // by path
  std::map<std::string, absl::Duration> idle_timeouts_;
  bool stopping_ = false;
  std::thread idle_timer_;
};

class GenerationService final : public v1::GenerationService::CallbackService {
 public:
  // All outlive the service. Loading and freeing models, and what only counts or lists, do not wait behind generations
  // nor behind each other.
  GenerationService(Generators& generators, const Host& host, const Host& load_host, const Host& info_host)
      : generators_(generators),
        tokenizers_(generators.source()),
        host_(host),
        load_host_(load_host),
        info_host_(info_host) {}

  grpc::ServerWriteReactor<v1::GenerateResponse>* Generate(grpc::CallbackServerContext*,
                                                           const v1::GenerateRequest*) override;
  grpc::ServerUnaryReactor* ScoreTokens(grpc::CallbackServerContext*, const v1::ScoreTokensRequest*,
                                        v1::ScoreTokensResponse*) override;
  grpc::ServerUnaryReactor* ScoreSegments(grpc::CallbackServerContext*, const v1::ScoreSegmentsRequest*,
                                          v1::ScoreSegmentsResponse*) override;
  grpc::ServerUnaryReactor* Tokenize(grpc::CallbackServerContext*, const v1::TokenizeRequest*,
                                     v1::TokenizeResponse*) override;
  grpc::ServerUnaryReactor* ListModels(grpc::CallbackServerContext*, const v1::ListModelsRequest*,
                                       v1::ListModelsResponse*) override;
  grpc::ServerUnaryReactor* LoadModel(grpc::CallbackServerContext*, const v1::LoadModelRequest*,
                                      v1::LoadModelResponse*) override;
  grpc::ServerUnaryReactor* UnloadModel(grpc::CallbackServerContext*, const v1::UnloadModelRequest*,
                                        v1::UnloadModelResponse*) override;

 private:
  Generators& generators_;
  Tokenizers tokenizers_;
  const Host& host_;
  const Host& load_host_;
  const Host& info_host_;
};

}  // namespace precis::services
