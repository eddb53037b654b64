#include "roles/admin_service.h"

#include <unistd.h>

#include <fstream>
#include <utility>

#include "absl/time/clock.h"
#include "daemon/version.h"
#include "precis/engine/instruction_set.h"
#include "precis/index/names.h"
#include "runtime/unary.h"

namespace precis::services {
namespace {

const absl::Time process_start = absl::Now();

int64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  int64_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

}  // namespace

void FillProcess(const Metrics& metrics, v1::RoleStats* stats) {
  stats->set_reachable(true);
  stats->set_version(kVersion);
  stats->set_started_unix_ms(absl::ToUnixMillis(process_start));
  stats->set_resident_bytes(ResidentBytes());
  stats->set_instruction_set(engine::InstructionSetName());
  for (const auto& [name, value] : metrics.Totals()) (*stats->mutable_totals())[name] = value;
}

RoleAdminService::RoleAdminService(std::vector<RoleHost*> roles, const RoleContext& context)
    : roles_(std::move(roles)),
      metrics_(context.metrics),
      executor_("admin", 1, 64),
      host_{"admin", &executor_, &context.metrics, context.config.max_message_bytes, false} {}

grpc::ServerUnaryReactor* RoleAdminService::Stats(grpc::CallbackServerContext* context, const v1::StatsRequest* request,
                                                  v1::StatsResponse* reply) {
  return RunUnary(host_, "AdminService/Stats", context, reply, [this, request, reply](const CallContext&) {
    if (absl::Status valid = index::ValidateTenant(request->tenant()); !valid.ok()) return valid;
    for (RoleHost* role : roles_) {
      v1::RoleStats* stats = reply->add_roles();
      stats->set_role(RoleName(role->role()));
      FillProcess(metrics_, stats);
      role->Stats(request->tenant(), stats, reply);
      if (stats->detail().empty()) stats->set_detail("serving");
    }
    return absl::OkStatus();
  });
}

grpc::ServerWriteReactor<v1::VerifyResponse>* AdminServiceBase::Verify(grpc::CallbackServerContext*,
                                                                       const v1::VerifyRequest*) {
  return AnswerStream<v1::VerifyResponse>(NotYet("Verify"));
}
grpc::ServerWriteReactor<v1::RepairResponse>* AdminServiceBase::Repair(grpc::CallbackServerContext*,
                                                                       const v1::RepairRequest*) {
  return AnswerStream<v1::RepairResponse>(NotYet("Repair"));
}
grpc::ServerWriteReactor<v1::BackupResponse>* AdminServiceBase::Backup(grpc::CallbackServerContext*,
                                                                       const v1::BackupRequest*) {
  return AnswerStream<v1::BackupResponse>(NotYet("Backup"));
}
grpc::ServerWriteReactor<v1::RestoreResponse>* AdminServiceBase::Restore(grpc::CallbackServerContext*,
                                                                         const v1::RestoreRequest*) {
  return AnswerStream<v1::RestoreResponse>(NotYet("Restore"));
}
grpc::ServerWriteReactor<v1::PurgeResponse>* AdminServiceBase::Purge(grpc::CallbackServerContext*,
                                                                     const v1::PurgeRequest*) {
  return AnswerStream<v1::PurgeResponse>(NotYet("Purge"));
}

}  // namespace precis::services
