#include "gateway/pipeline_service.h"

#include "gateway/ask_call.h"

namespace precis::services {
namespace {

class PipelineService final : public v1::PipelineService::CallbackService {
 public:
  PipelineService(const RoleContext& context, const Host& host)
      : shared_{context,
                host,
                {context.channels, context.models},
                compress::CalibrationOf(context.config.refusal_numbers)} {}

  grpc::ServerWriteReactor<v1::AskResponse>* Ask(grpc::CallbackServerContext* context,
                                                 const v1::AskRequest* request) override {
    return AskCall::Start(shared_, context, *request);
  }

 private:
  AskCall::Shared shared_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakePipelineService(const RoleContext& context, const Host& host) {
  return std::make_unique<PipelineService>(context, host);
}

}  // namespace precis::services
