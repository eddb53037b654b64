// Loads the contract's descriptors, from the set that the build makes or from .proto text in a test.
#pragma once

#include <google/protobuf/descriptor.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace precis::proto_check {

// Files of the package precis.v1 with all that they import. Owns the descriptors.
struct Contract {
  std::unique_ptr<google::protobuf::DescriptorPool> pool;
  std::vector<const google::protobuf::FileDescriptor*> files;  // without google/protobuf imports, in import order
};

// Reads a file that protoc wrote with --include_source_info --include_imports.
// Errors: NotFound (cannot be opened), DataLoss (not a descriptor set, or not a complete one).
[[nodiscard]] absl::StatusOr<Contract> LoadContract(const std::string& path);

struct ProtoText {
  std::string name;  // such as "precis/v1/x.proto"
  std::string text;
};

// Runs protoc on .proto sources, which may import each other. Errors: InvalidArgument, with what protoc says.
[[nodiscard]] absl::StatusOr<Contract> CompileContractForTest(const std::vector<ProtoText>& sources);

}  // namespace precis::proto_check
