// The contract as text: one line per thing that clients rely on. Compared with contract.golden.txt, so that nobody
// changes or removes what was promised.
#pragma once

#include <google/protobuf/descriptor.h>

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace precis::proto_check {

// Lines, sorted and without duplicates:
//   message M
//   field M.name = 1 type label [oneof name]       label: singular, optional (tracks presence) or repeated
//   reserved M = 3..4                              inclusive; also "reserved M = name"
//   enum E
//   value E.NAME = 1
//   rpc S.Name (stream Request) -> (stream Response)
[[nodiscard]] std::vector<std::string> ContractLines(const std::vector<const google::protobuf::FileDescriptor*>& files);

struct ContractDiff {
  std::vector<std::string> broken;  // sentences: promised lines that changed or went
  std::vector<std::string> added;   // lines that are not recorded yet
};

// `golden` is the recorded text; empty lines and lines that begin with '#' do not count.
[[nodiscard]] ContractDiff CompareContract(absl::string_view golden, const std::vector<std::string>& current);

}  // namespace precis::proto_check
