#include "gateway/gateway_admin_service.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "precis/index/names.h"
#include "precis/v1/admin.grpc.pb.h"
#include "roles/admin_service.h"
#include "runtime/status.h"
#include "runtime/unary.h"

namespace precis::services {
namespace {

// A role that does not answer by then is named as unreachable.
constexpr absl::Duration kRoleTimeout = absl::Seconds(3);

// One question to every process that hosts roles, and the answers as they come.
struct FanOut {
  struct Process {
    std::vector<Role> roles;  // that it is expected to host
    RoleChannel channel;
    grpc::ClientContext context;
    v1::StatsRequest request;
    v1::StatsResponse reply;
    grpc::Status status;
  };
  std::mutex mutex;
  std::vector<std::unique_ptr<Process>> processes;
  size_t open = 0;  // answers that have not come
  v1::StatsResponse* reply = nullptr;
  Done done;
};

void AddUnreachable(Role role, const RoleChannel& channel, const std::string& why, v1::StatsResponse* reply) {
  v1::RoleStats* stats = reply->add_roles();
  stats->set_role(RoleName(role));
  stats->set_address(channel.address);
  stats->set_detail(why);
}

void Merge(const FanOut::Process& process, v1::StatsResponse* reply) {
  if (!process.status.ok()) {
    for (Role role : process.roles) {
      AddUnreachable(role, process.channel,
                     std::string(FromRole(process.status, RoleName(role), process.channel.address).message()), reply);
    }
    return;
  }
  for (Role role : process.roles) {
    const auto found = std::find_if(process.reply.roles().begin(), process.reply.roles().end(),
                                    [&](const v1::RoleStats& stats) { return stats.role() == RoleName(role); });
    if (found == process.reply.roles().end()) {
      AddUnreachable(role, process.channel,
                     absl::StrCat("the process at ", process.channel.address, " does not host the role"), reply);
      continue;
    }
    v1::RoleStats* stats = reply->add_roles();
    *stats = *found;
    stats->set_address(process.channel.address);
  }
  reply->set_collection_count(reply->collection_count() + process.reply.collection_count());
  reply->set_document_count(reply->document_count() + process.reply.document_count());
  reply->set_chunk_count(reply->chunk_count() + process.reply.chunk_count());
  reply->set_tokens_saved(reply->tokens_saved() + process.reply.tokens_saved());
  reply->set_sequence(std::max(reply->sequence(), process.reply.sequence()));
  reply->set_pending_erasures(reply->pending_erasures() + process.reply.pending_erasures());
}

class GatewayAdminService final : public AdminServiceBase {
 public:
  GatewayAdminService(const RoleContext& context, const Host& host) : context_(context), host_(host) {}

  grpc::ServerUnaryReactor* Stats(grpc::CallbackServerContext* server_context, const v1::StatsRequest* request,
                                  v1::StatsResponse* reply) override {
    return RunUnaryInline(host_, "AdminService/Stats", server_context, reply,
                          [this, request, reply](const CallContext& call, Done done) {
                            if (absl::Status valid = index::ValidateTenant(request->tenant()); !valid.ok())
                              return done(valid);
                            Ask(*request, call, reply, std::move(done));
                          });
  }

 private:
  void Ask(const v1::StatsRequest& request, const CallContext& call, v1::StatsResponse* reply, Done done) {
    auto fan_out = std::make_shared<FanOut>();
    fan_out->reply = reply;
    fan_out->done = std::move(done);
    std::map<std::string, FanOut::Process*> by_address;
    for (Role role : kAllRoles) {
      if (role == Role::kGateway) continue;
      const RoleChannel channel = context_.channels.Get(role);
      FanOut::Process*& process = by_address[channel.address];
      if (process == nullptr) {
        process = fan_out->processes.emplace_back(std::make_unique<FanOut::Process>()).get();
        process->channel = channel;
        process->request = request;
        SetDeadline(std::min(call.deadline(), absl::Now() + kRoleTimeout), &process->context);
        process->context.AddMetadata(kRequestIdMetadata, call.request_id());
      }
      process->roles.push_back(role);
    }
    fan_out->open = fan_out->processes.size();
    for (const auto& process : fan_out->processes) {
      FanOut::Process* answered = process.get();
      const auto stub = v1::AdminService::NewStub(answered->channel.channel);
      stub->async()->Stats(&answered->context, &answered->request, &answered->reply,
                           [this, fan_out, answered](const grpc::Status& status) {
                             answered->status = status;
                             {
                               std::lock_guard<std::mutex> lock(fan_out->mutex);
                               if (--fan_out->open > 0) return;
                             }
                             End(fan_out.get());
                           });
    }
  }

  void End(FanOut* fan_out) {
    for (const auto& process : fan_out->processes) Merge(*process, fan_out->reply);
    v1::RoleStats* own = fan_out->reply->add_roles();
    own->set_role(RoleName(Role::kGateway));
    own->set_detail("serving");
    FillProcess(context_.metrics, own);
    FillQueue(host_.executor->stats(), own);
    std::sort(fan_out->reply->mutable_roles()->begin(), fan_out->reply->mutable_roles()->end(),
              [](const v1::RoleStats& a, const v1::RoleStats& b) { return a.role() < b.role(); });
    fan_out->done(absl::OkStatus());
  }

  const RoleContext& context_;
  const Host& host_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeGatewayAdminService(const RoleContext& context, const Host& host) {
  return std::make_unique<GatewayAdminService>(context, host);
}

}  // namespace precis::services
