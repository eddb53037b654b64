#include "descriptors.h"

#include <google/protobuf/descriptor.pb.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace precis::proto_check {
namespace {

namespace pb = google::protobuf;

class LinkErrors : public pb::DescriptorPool::ErrorCollector {
 public:
  void AddError(const std::string& file, const std::string& element, const pb::Message*, ErrorLocation,
                const std::string& message) override {
    absl::StrAppend(&text_, file, ": ", element, ": ", message, "; ");
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

absl::StatusOr<Contract> Link(const pb::FileDescriptorSet& set) {
  Contract contract{std::make_unique<pb::DescriptorPool>(), {}};
  LinkErrors errors;
  for (const pb::FileDescriptorProto& file : set.file()) {
    const pb::FileDescriptor* linked = contract.pool->BuildFileCollectingErrors(file, &errors);
    if (linked == nullptr) return absl::InvalidArgumentError(errors.text());
    if (!absl::StartsWith(file.name(), "google/")) contract.files.push_back(linked);
  }
  return contract;
}

}  // namespace

absl::StatusOr<Contract> LoadContract(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return absl::NotFoundError(absl::StrCat("cannot open the descriptor set '", path, "': build precis_proto"));
  pb::FileDescriptorSet set;
  if (!set.ParseFromIstream(&in)) return absl::DataLossError(absl::StrCat("'", path, "' is not a descriptor set"));
  absl::StatusOr<Contract> contract = Link(set);
  if (!contract.ok()) return absl::DataLossError(absl::StrCat("'", path, "': ", contract.status().message()));
  return contract;
}

absl::StatusOr<Contract> CompileContractForTest(const std::vector<ProtoText>& sources) {
  std::string root = (std::filesystem::temp_directory_path() / "precis_proto_XXXXXX").string();
  if (mkdtemp(root.data()) == nullptr) return absl::InternalError(absl::StrCat("cannot make '", root, "'"));
  const absl::Cleanup remove = [&root] { std::filesystem::remove_all(root); };
  const std::string set = root + "/set.desc";
  const std::string log = root + "/log.txt";
  std::string command = absl::StrCat(PRECIS_PROTOC " -I ", root, " --include_source_info --include_imports",
                                     " --descriptor_set_out=", set);
  for (const ProtoText& source : sources) {
    const std::string path = root + "/" + source.name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << source.text;
    absl::StrAppend(&command, " ", path);
  }
  if (std::system(absl::StrCat(command, " 2> ", log).c_str()) != 0) {
    std::ostringstream errors;
    errors << std::ifstream(log).rdbuf();
    return absl::InvalidArgumentError(errors.str());
  }
  return LoadContract(set);
}

}  // namespace precis::proto_check
