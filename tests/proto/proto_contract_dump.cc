// Writes the contract as text: proto_contract_dump [--update [--allow-breaking]] DESCRIPTOR_SET GOLDEN
// Without --update it prints the text and what differs from GOLDEN. Exit 0: as recorded or written; 1: differs, or the
// update would break what was promised; 2: cannot read or write.
#include <cstdio>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "contract_text.h"
#include "descriptors.h"

namespace {

constexpr std::string_view kHeader =
    "# The public contract, recorded by tests/proto/proto_contract_dump. Lines are added, never changed or removed:\n"
    "# proto_compat_test fails when one is.\n";

int Run(bool update, bool allow_breaking, const std::string& descriptor_set, const std::string& golden_path) {
  const auto contract = precis::proto_check::LoadContract(descriptor_set);
  if (!contract.ok()) {
    std::cerr << contract.status().message() << "\n";
    return 2;
  }
  const std::vector<std::string> lines = precis::proto_check::ContractLines(contract->files);
  std::stringstream golden;
  // A golden file that is not there promises nothing.
  if (std::ifstream in(golden_path); in) golden << in.rdbuf();
  const precis::proto_check::ContractDiff diff = precis::proto_check::CompareContract(golden.str(), lines);
  for (const std::string& sentence : diff.broken) std::cerr << sentence << "\n";
  for (const std::string& line : diff.added) std::cerr << "added: '" << line << "'\n";
  if (!update) {
    std::cout << kHeader;
    for (const std::string& line : lines) std::cout << line << "\n";
    return diff.broken.empty() && diff.added.empty() ? 0 : 1;
  }
  if (!diff.broken.empty() && !allow_breaking) {
    std::cerr << "not written: clients rely on the lines above; --allow-breaking drops them all the same\n";
    return 1;
  }
  const std::string fresh = golden_path + ".new";
  std::ofstream out(fresh);
  out << kHeader;
  for (const std::string& line : lines) out << line << "\n";
  out.close();
  if (!out || std::rename(fresh.c_str(), golden_path.c_str()) != 0) {
    std::cerr << "cannot write '" << golden_path << "'\n";
    return 2;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  bool update = false;
  bool allow_breaking = false;
  std::vector<std::string> paths;
  for (const std::string_view arg : std::vector<std::string_view>(argv + 1, argv + argc)) {
    if (arg == "--update") {
      update = true;
    } else if (arg == "--allow-breaking") {
      allow_breaking = true;
    } else {
      paths.emplace_back(arg);
    }
  }
  if (paths.size() != 2) {
    std::cerr << "usage: proto_contract_dump [--update [--allow-breaking]] DESCRIPTOR_SET GOLDEN\n";
    return 2;
  }
  return Run(update, allow_breaking, paths[0], paths[1]);
}
