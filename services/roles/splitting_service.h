// SplittingService: text in, pieces out.
#pragma once

#include <string>

#include "models/model_source.h"
#include "precis/v1/splitting.grpc.pb.h"
#include "runtime/call_scope.h"

namespace precis::services {

class SplittingService final : public v1::SplittingService::CallbackService {
 public:
  // All but the name outlive the service. `default_encoder`: whose tokenizer counts where a request names none.
  SplittingService(const ModelSource& models, std::string default_encoder, const Host& host)
      : models_(models), tokenizers_(models), default_encoder_(std::move(default_encoder)), host_(host) {}

  grpc::ServerUnaryReactor* Split(grpc::CallbackServerContext*, const v1::SplitRequest*, v1::SplitResponse*) override;

 private:
  absl::Status SplitText(const v1::SplitRequest& request, const CallContext& call, v1::SplitResponse* reply);

  const ModelSource& models_;
  Tokenizers tokenizers_;
  const std::string default_encoder_;
  const Host& host_;
};

}  // namespace precis::services
