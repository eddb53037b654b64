// CompressionService: passages to a context within budget, and capsules.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "adapters/remote_embedder.h"
#include "adapters/remote_generator.h"
#include "config/config.h"
#include "models/model_source.h"
#include "precis/compress/compressor.h"
#include "precis/v1/compression.grpc.pb.h"
#include "roles/mutation_memory.h"
#include "runtime/call_scope.h"

namespace precis::services {

// The compressor with what is at hand now: while a role does not answer, methods that need it fall back and say so.
// Thread-safe.
class Compressors {
 public:
  // All outlive it. `cache` may be null.
  Compressors(RemoteEncoders& encoders, RemoteGenerators& generators, std::shared_ptr<cache::TaggedCache> cache,
              const ModelSource& models, const Config& config);

  // The methods, with those as available whose models are there; nothing is loaded for that.
  std::vector<compress::MethodInfo> ListMethods(const CallContext& call);

  // Compresses; counts with the tokenizer of `options.target_model` or of the default generator.
  absl::Status Compress(const v1::CompressRequest& request, const CallContext& call,
                        const compress::ProgressSink& progress, Metrics& metrics, v1::CompressResponse* reply);

 private:
  // What these steps may use. A generator is asked for only where a step may, since that loads it.
  compress::Resources ResourcesFor(const std::vector<compress::Step>& steps, const CallContext& call);

  RemoteEncoders& encoders_;
  RemoteGenerators& generators_;
  const std::shared_ptr<cache::TaggedCache> cache_;
  const ModelSource& models_;
  const Config& config_;
  Tokenizers tokenizers_;
};

class Capsules;

class CompressionService final : public v1::CompressionService::CallbackService {
 public:
  // All outlive the service.
  CompressionService(Compressors& compressors, Capsules& capsules, const Host& host)
      : compressors_(compressors), capsules_(capsules), host_(host) {}

  grpc::ServerUnaryReactor* Compress(grpc::CallbackServerContext*, const v1::CompressRequest*,
                                     v1::CompressResponse*) override;
  grpc::ServerBidiReactor<v1::CompressStreamRequest, v1::CompressStreamResponse>* CompressStream(
      grpc::CallbackServerContext*) override;
  grpc::ServerUnaryReactor* ListMethods(grpc::CallbackServerContext*, const v1::ListMethodsRequest*,
                                        v1::ListMethodsResponse*) override;
  grpc::ServerUnaryReactor* CreateCapsule(grpc::CallbackServerContext*, const v1::CreateCapsuleRequest*,
                                          v1::CreateCapsuleResponse*) override;
  grpc::ServerUnaryReactor* GetCapsule(grpc::CallbackServerContext*, const v1::GetCapsuleRequest*,
                                       v1::GetCapsuleResponse*) override;
  grpc::ServerUnaryReactor* ListCapsules(grpc::CallbackServerContext*, const v1::ListCapsulesRequest*,
                                         v1::ListCapsulesResponse*) override;
  grpc::ServerUnaryReactor* DeleteCapsule(grpc::CallbackServerContext*, const v1::DeleteCapsuleRequest*,
                                          v1::DeleteCapsuleResponse*) override;
  grpc::ServerWriteReactor<v1::ExportCapsuleResponse>* ExportCapsule(grpc::CallbackServerContext*,
                                                                     const v1::ExportCapsuleRequest*) override;
  grpc::ServerReadReactor<v1::ImportCapsuleRequest>* ImportCapsule(grpc::CallbackServerContext*,
                                                                   v1::ImportCapsuleResponse*) override;

 private:
  Compressors& compressors_;
  Capsules& capsules_;
  const Host& host_;
  MutationMemory memory_;
};

}  // namespace precis::services
