// Capsules: compressed texts with a name, made, kept and erased with the documents that they were made from.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "precis/base/call_context.h"
#include "precis/cache/named_store.h"
#include "precis/v1/compression.pb.h"
#include "roles/compression_service.h"

namespace precis::services {

// Files that are imported, and what a store takes of one capsule.
inline constexpr int64_t kMaxCapsuleFileBytes = 4 << 20;

// What the capsule RPCs do, as the contract says. Thread-safe; blocks.
class Capsules {
 public:
  // Both outlive it.
  Capsules(Compressors& compressors, cache::NamedStore& store) : compressors_(compressors), store_(store) {}

  absl::Status Create(const v1::CreateCapsuleRequest& request, const CallContext& call, Metrics& metrics,
                      v1::Capsule* out);
  absl::Status Get(const std::string& tenant, const std::string& name, int32_t version, v1::Capsule* out);
  absl::Status List(const v1::ListCapsulesRequest& request, v1::ListCapsulesResponse* reply);
  absl::Status Delete(const v1::DeleteCapsuleRequest& request, v1::DeleteCapsuleResponse* reply);
  // The file's bytes.
  absl::StatusOr<std::string> Export(const v1::ExportCapsuleRequest& request);
  absl::Status Import(const v1::ImportCapsuleHeader& header, const std::string& file, v1::Capsule* out);

 private:
  absl::Status Store(const std::string& tenant, const std::string& name, bool replace, bool imported,
                     uint64_t read_epoch, v1::Capsule* capsule);

  Compressors& compressors_;
  cache::NamedStore& store_;
};

}  // namespace precis::services
