// Reads one Generate stream at the pace of whoever listens.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "grpcpp/grpcpp.h"
#include "precis/v1/generation.grpc.pb.h"

namespace precis::services {

// Lives until the stream has ended, whoever holds it. Callbacks come one after the other, on gRPC's threads.
class GenerationReader final : public grpc::ClientReadReactor<v1::GenerateResponse>,
                               public std::enable_shared_from_this<GenerationReader> {
 public:
  // False: do not read on before Resume().
  using OnText = std::function<bool(const std::string& text)>;
  // Last; `done` is empty where the status is not OK.
  using OnEnd = std::function<void(const grpc::Status& status, const v1::GenerateDone& done)>;

  GenerationReader(const std::shared_ptr<grpc::Channel>& channel, v1::GenerateRequest request, OnText on_text,
                   OnEnd on_end);

  grpc::ClientContext* context() { return &context_; }  // to be set up before Start(); later only TryCancel()
  void Start();
  void Resume();

 private:
  void OnReadDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  const std::unique_ptr<v1::GenerationService::Stub> stub_;
  const v1::GenerateRequest request_;
  OnText on_text_;
  OnEnd on_end_;
  grpc::ClientContext context_;
  v1::GenerateResponse event_;
  v1::GenerateDone done_;
  std::shared_ptr<GenerationReader> self_;

  std::mutex mutex_;
  bool paused_ = false;
  bool room_ = false;  // Resume() came while the text was being handed over
};

}  // namespace precis::services
