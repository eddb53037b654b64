// AdminService of a process that hosts roles: its own numbers.
#pragma once

#include <memory>
#include <vector>

#include "precis/v1/admin.grpc.pb.h"
#include "roles/role_host.h"

namespace precis::services {

// RPCs that look after data (verify, repair, backup, restore, purge) answer UNIMPLEMENTED in this version.
class AdminServiceBase : public v1::AdminService::CallbackService {
 public:
  grpc::ServerWriteReactor<v1::VerifyResponse>* Verify(grpc::CallbackServerContext*, const v1::VerifyRequest*) override;
  grpc::ServerWriteReactor<v1::RepairResponse>* Repair(grpc::CallbackServerContext*, const v1::RepairRequest*) override;
  grpc::ServerWriteReactor<v1::BackupResponse>* Backup(grpc::CallbackServerContext*, const v1::BackupRequest*) override;
  grpc::ServerWriteReactor<v1::RestoreResponse>* Restore(grpc::CallbackServerContext*,
                                                         const v1::RestoreRequest*) override;
  grpc::ServerWriteReactor<v1::PurgeResponse>* Purge(grpc::CallbackServerContext*, const v1::PurgeRequest*) override;
};

class RoleAdminService final : public AdminServiceBase {
 public:
  // `roles` outlive the service.
  RoleAdminService(std::vector<RoleHost*> roles, const RoleContext& context);

  grpc::ServerUnaryReactor* Stats(grpc::CallbackServerContext* context, const v1::StatsRequest* request,
                                  v1::StatsResponse* reply) override;

 private:
  const std::vector<RoleHost*> roles_;
  Metrics& metrics_;
  Executor executor_;  // of its own, so that numbers come also while the roles are busy
  const Host host_;
};

// Version, memory, start time and the like, which every role of a process shares.
void FillProcess(const Metrics& metrics, v1::RoleStats* stats);

}  // namespace precis::services
