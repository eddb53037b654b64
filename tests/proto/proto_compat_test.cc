// What was promised to clients stays: the contract against its recorded text, and the comparison itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "contract_text.h"
#include "descriptors.h"

namespace precis::proto_check {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kContract[] = R"(
    syntax = "proto3";
    package precis.v1;
    service AService { rpc Get(GetRequest) returns (stream GetResponse); }
    enum Kind { reserved 5 to 6; reserved "KIND_OLD"; KIND_UNSPECIFIED = 0; KIND_NEW = 1; }
    message GetRequest {
      reserved 8, 10 to 12;
      reserved "old";
      string name = 1;
      oneof key { bytes id = 2; Kind kind = 3; }
      optional int32 count = 4;
      map<string, Inner> inners = 5;
      message Inner { repeated float values = 1; }
    }
    message GetResponse {}
)";

std::vector<std::string> Lines(const std::string& text) {
  const absl::StatusOr<Contract> contract = CompileContractForTest({{"precis/v1/x.proto", text}});
  EXPECT_TRUE(contract.ok()) << contract.status();
  return contract.ok() ? ContractLines(contract->files) : std::vector<std::string>{};
}

// The difference when `from` becomes `to` in kContract.
ContractDiff DiffAfter(const std::string& from, const std::string& to) {
  const std::string changed = absl::StrReplaceAll(kContract, {{from, to}});
  EXPECT_NE(changed, kContract);
  return CompareContract(absl::StrJoin(Lines(kContract), "\n"), Lines(changed));
}

TEST(ProtoCompat, ContractIsAsRecorded) {
  const absl::StatusOr<Contract> contract = LoadContract(PRECIS_DESCRIPTOR_SET);
  ASSERT_TRUE(contract.ok()) << contract.status();
  std::ifstream in(PRECIS_CONTRACT_GOLDEN);
  ASSERT_TRUE(in) << "cannot open " << PRECIS_CONTRACT_GOLDEN;
  std::stringstream golden;
  golden << in.rdbuf();
  const ContractDiff diff = CompareContract(golden.str(), ContractLines(contract->files));
  EXPECT_THAT(diff.broken, IsEmpty())
      << "Clients rely on these lines. Put them back; a field that is no longer used is marked deprecated, and a new "
         "shape gets a new number. Only before the first release, when no client can exist, may the promise be "
         "changed:\n  " PRECIS_CONTRACT_DUMP " --update --allow-breaking " PRECIS_DESCRIPTOR_SET
         " " PRECIS_CONTRACT_GOLDEN;
  EXPECT_THAT(diff.added, IsEmpty()) << "Additions are fine, once recorded:\n  " PRECIS_CONTRACT_DUMP
                                        " --update " PRECIS_DESCRIPTOR_SET " " PRECIS_CONTRACT_GOLDEN;
}

TEST(ProtoCompat, LinesSayAllThatClientsRelyOn) {
  EXPECT_THAT(Lines(kContract),
              ElementsAre("enum precis.v1.Kind", "field precis.v1.GetRequest.Inner.values = 1 float repeated",
                          "field precis.v1.GetRequest.count = 4 int32 optional",
                          "field precis.v1.GetRequest.id = 2 bytes singular oneof key",
                          "field precis.v1.GetRequest.inners = 5 map<string,precis.v1.GetRequest.Inner> repeated",
                          "field precis.v1.GetRequest.kind = 3 precis.v1.Kind singular oneof key",
                          "field precis.v1.GetRequest.name = 1 string singular", "message precis.v1.GetRequest",
                          "message precis.v1.GetRequest.Inner", "message precis.v1.GetResponse",
                          "reserved precis.v1.GetRequest = 10..12", "reserved precis.v1.GetRequest = 8..8",
                          "reserved precis.v1.GetRequest = old", "reserved precis.v1.Kind = 5..6",
                          "reserved precis.v1.Kind = KIND_OLD",
                          "rpc precis.v1.AService.Get (precis.v1.GetRequest) -> (stream precis.v1.GetResponse)",
                          "value precis.v1.Kind.KIND_NEW = 1", "value precis.v1.Kind.KIND_UNSPECIFIED = 0"));
}

TEST(ProtoCompat, SameContractHasNoDifference) {
  const ContractDiff diff =
      CompareContract("# A comment.\n\n" + absl::StrJoin(Lines(kContract), "\r\n"), Lines(kContract));
  EXPECT_THAT(diff.broken, IsEmpty());
  EXPECT_THAT(diff.added, IsEmpty());
}

TEST(ProtoCompat, EveryBreakingChangeIsBroken) {
  struct Case {
    const char* from;
    const char* to;
    const char* broken;
  };
  for (const Case& c : std::vector<Case>{
           {"string name = 1", "string name = 7",
            "changed: 'field precis.v1.GetRequest.name = 1 string singular' is now "
            "'field precis.v1.GetRequest.name = 7 string singular'"},
           {"string name = 1", "bytes name = 1",
            "changed: 'field precis.v1.GetRequest.name = 1 string singular' is now "
            "'field precis.v1.GetRequest.name = 1 bytes singular'"},
           {"string name = 1", "repeated string name = 1",
            "changed: 'field precis.v1.GetRequest.name = 1 string singular' is now "
            "'field precis.v1.GetRequest.name = 1 string repeated'"},
           {"string name = 1", "string title = 1",
            "renamed: 'field precis.v1.GetRequest.name = 1 string singular' is now "
            "'field precis.v1.GetRequest.title = 1 string singular'"},
           {"string name = 1;", "", "removed: 'field precis.v1.GetRequest.name = 1 string singular'"},
           {"optional int32", "int32",
            "changed: 'field precis.v1.GetRequest.count = 4 int32 optional' is now "
            "'field precis.v1.GetRequest.count = 4 int32 singular'"},
           {"oneof key { bytes id = 2;", "bytes id = 2; oneof key {",
            "changed: 'field precis.v1.GetRequest.id = 2 bytes singular oneof key' is now "
            "'field precis.v1.GetRequest.id = 2 bytes singular'"},
           {"map<string, Inner>", "map<int64, Inner>",
            "changed: 'field precis.v1.GetRequest.inners = 5 map<string,precis.v1.GetRequest.Inner> repeated' is now "
            "'field precis.v1.GetRequest.inners = 5 map<int64,precis.v1.GetRequest.Inner> repeated'"},
           {"KIND_NEW = 1", "KIND_NEW = 2",
            "changed: 'value precis.v1.Kind.KIND_NEW = 1' is now 'value precis.v1.Kind.KIND_NEW = 2'"},
           {"KIND_NEW = 1;", "", "removed: 'value precis.v1.Kind.KIND_NEW = 1'"},
           {"reserved \"old\";", "", "removed: 'reserved precis.v1.GetRequest = old'"},
           {"reserved 8, 10 to 12;", "reserved 10 to 12;", "removed: 'reserved precis.v1.GetRequest = 8..8'"},
           {"reserved 5 to 6;", "", "removed: 'reserved precis.v1.Kind = 5..6'"},
           {"(stream GetResponse)", "(GetResponse)",
            "changed: 'rpc precis.v1.AService.Get (precis.v1.GetRequest) -> (stream precis.v1.GetResponse)' is now "
            "'rpc precis.v1.AService.Get (precis.v1.GetRequest) -> (precis.v1.GetResponse)'"},
           {"service AService { rpc Get(GetRequest) returns (stream GetResponse); }", "",
            "removed: 'rpc precis.v1.AService.Get (precis.v1.GetRequest) -> (stream precis.v1.GetResponse)'"},
       }) {
    EXPECT_THAT(DiffAfter(c.from, c.to).broken, ElementsAre(c.broken)) << c.from << " -> " << c.to;
  }
}

TEST(ProtoCompat, AdditionIsNotBroken) {
  const ContractDiff diff = DiffAfter("string name = 1;", "string name = 1; int64 more = 20;");
  EXPECT_THAT(diff.broken, IsEmpty());
  EXPECT_THAT(diff.added, ElementsAre("field precis.v1.GetRequest.more = 20 int64 singular"));
}

}  // namespace
}  // namespace precis::proto_check
