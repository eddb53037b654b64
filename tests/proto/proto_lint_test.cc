// Each rule of the contract, on the real descriptors and on small ones that break it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "descriptors.h"
#include "lint.h"
#include "source_file.h"

namespace precis::proto_check {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// A contract of one file whose body stands after a good beginning.
Contract Parse(const std::string& body) {
  const std::string text = absl::StrCat("// A file.\nsyntax = \"proto3\";\npackage precis.v1;\n", body);
  absl::StatusOr<Contract> contract = CompileContractForTest({{"precis/v1/x.proto", text}});
  EXPECT_TRUE(contract.ok()) << contract.status();
  return contract.ok() ? *std::move(contract) : Contract{};
}

constexpr char kGood[] = R"(
    // A service.
    service ThingService {
      // Creates.
      rpc CreateThing(CreateThingRequest) returns (CreateThingResponse);
      // Lists.
      rpc ListThings(ListThingsRequest) returns (ListThingsResponse);
      // Takes parts.
      rpc ImportThing(stream ImportThingRequest) returns (stream ImportThingResponse);
    }
    // A kind.
    enum ThingKind {
      // None.
      THING_KIND_UNSPECIFIED = 0;
      // Round.
      THING_KIND_ROUND2 = 1;
    }
    // Asks.
    message CreateThingRequest {
      // Tenant.
      string tenant = 1;
      // Id.
      string request_id = 2;
      // Tracks presence, so protoc adds a oneof that no comment can stand at.
      optional int64 idle_timeout_ms = 3;
      // A map, so protoc adds a message that no comment can stand at.
      map<string, ThingKind> kinds = 4;
    }
    // Answers.
    message CreateThingResponse {}
    // Asks.
    message ListThingsRequest {
      // Size.
      int32 page_size = 1;
      // Token.
      string page_token = 2;
    }
    // Answers.
    message ListThingsResponse {
      // Names.
      repeated string names = 1;
      // Token.
      string next_page_token = 2;
    }
    // A part.
    message ImportThingRequest {
      // Part.
      oneof part {
        // The request that a header holds.
        CreateThingRequest header = 1;
        // Bytes.
        bytes content = 2;
      }
    }
    // Answers.
    message ImportThingResponse {}
)";

TEST(ProtoLint, ContractKeepsEveryRule) {
  const absl::StatusOr<Contract> contract = LoadContract(PRECIS_DESCRIPTOR_SET);
  ASSERT_TRUE(contract.ok()) << contract.status();
  EXPECT_THAT(LintAll(contract->files), IsEmpty());
}

TEST(ProtoLint, DescriptorSetHoldsEveryFileOfTheFolder) {
  const absl::StatusOr<Contract> contract = LoadContract(PRECIS_DESCRIPTOR_SET);
  ASSERT_TRUE(contract.ok()) << contract.status();
  std::set<std::string> loaded;
  for (const auto* file : contract->files) loaded.insert(file->name());
  std::set<std::string> present;
  for (const auto& entry : std::filesystem::directory_iterator(SourceFile("proto/precis/v1"))) {
    if (entry.path().extension() == ".proto") present.insert("precis/v1/" + entry.path().filename().string());
  }
  EXPECT_EQ(loaded, present) << "proto/CMakeLists.txt must name every file";
}

TEST(ProtoLint, GoodContractHasNoFindings) { EXPECT_THAT(LintAll(Parse(kGood).files), IsEmpty()); }

TEST(ProtoLint, MissingDescriptorSetIsNotFound) {
  EXPECT_EQ(LoadContract("/nonexistent.desc").status().code(), absl::StatusCode::kNotFound);
}

TEST(ProtoLint, ForeignFileIsNoDescriptorSet) {
  EXPECT_EQ(LoadContract(SourceFile("proto/README.md")).status().code(), absl::StatusCode::kDataLoss);
}

TEST(ProtoLint, FileOutsideTheFolderOrPackageIsFound) {
  const auto contract = CompileContractForTest({
      {"google/rpc/code.proto", "syntax = \"proto3\"; package google.rpc;"},
      {"precis/v1/BadName.proto", "syntax = \"proto3\"; package precis.v1;"},
      {"other/x.proto", "syntax = \"proto3\"; package precis.v1;"},
      {"precis/v1/x.proto", "syntax = \"proto2\"; package precis.v2; import \"google/rpc/code.proto\";"},
      {"precis/v1/y.proto", "syntax = \"proto3\"; package precis.v1; service A {} service B {}"},
  });
  ASSERT_TRUE(contract.ok()) << contract.status();
  EXPECT_THAT(LintFiles(contract->files),
              ElementsAre(HasSubstr("BadName.proto: not"), HasSubstr("other/x.proto: not"), HasSubstr("not proto3"),
                          HasSubstr("package 'precis.v2'"), HasSubstr("imports 'google/rpc/code.proto'"),
                          HasSubstr("2 services")));
}

TEST(ProtoLint, BadNamesAreFound) {
  const Contract contract = Parse(R"(
      service Things { rpc get_thing(thing) returns (thing); }
      message thing {
        string badField = 1;
        string double__underscore = 2;
        string trailing_ = 3;
        string split_2 = 4;
        oneof BadOneof { string good_field = 5; }
        message Inner_Message { enum inner_kind { inner_KIND_A = 0; } }
      }
      enum HTTPMode { HTTP_MODE_UNSPECIFIED = 0; MODE_FAST = 1; }
  )");
  EXPECT_THAT(LintNames(contract.files),
              UnorderedElementsAre(HasSubstr("Things: not a PascalCase name that ends in Service"),
                                   HasSubstr("get_thing: not PascalCase"), HasSubstr("v1.thing: not PascalCase"),
                                   HasSubstr("badField: not lower"), HasSubstr("double__underscore: not lower"),
                                   HasSubstr("trailing_: not lower"), HasSubstr("split_2: not lower"),
                                   HasSubstr("BadOneof: not lower"), HasSubstr("Inner_Message: not PascalCase"),
                                   HasSubstr("inner_kind: not PascalCase"), HasSubstr("inner_KIND_A: not UPPER"),
                                   HasSubstr("inner_KIND_A: not prefixed"),
                                   HasSubstr("MODE_FAST: not prefixed with HTTP_MODE_")));
}

TEST(ProtoLint, ServiceNamedOnlyServiceIsFound) {
  EXPECT_THAT(LintNames(Parse("service Service {}").files), ElementsAre(HasSubstr("v1.Service: not")));
}

TEST(ProtoLint, SharedOrMisnamedRpcTypesAreFound) {
  const Contract contract = Parse(R"(
      service AService {
        rpc Get(GetRequest) returns (GetResponse);
        rpc Find(GetRequest) returns (FindReply);
      }
      message GetRequest {} message GetResponse {} message FindReply {}
  )");
  EXPECT_THAT(LintRpcTypes(contract.files),
              ElementsAre(HasSubstr("Find: uses precis.v1.GetRequest instead of FindRequest"),
                          HasSubstr("Find: shares precis.v1.GetRequest with precis.v1.AService.Get"),
                          HasSubstr("Find: uses precis.v1.FindReply instead of FindResponse")));
}

TEST(ProtoLint, RpcOfOneNameInTwoServicesIsFound) {
  const Contract contract = Parse(R"(
      service AService { rpc Get(GetRequest) returns (GetResponse); }
      service BService { rpc Get(GetRequest) returns (GetResponse); }
      message GetRequest {} message GetResponse {}
  )");
  EXPECT_THAT(LintRpcTypes(contract.files),
              ElementsAre(HasSubstr("BService.Get: shares"), HasSubstr("BService.Get: shares")));
}

TEST(ProtoLint, WrongZeroValueOrAliasIsFound) {
  const Contract contract = Parse(R"(
      enum ColorKind { COLOR_KIND_RED = 0; }
      message M { enum ShapeKind { option allow_alias = true; SHAPE_KIND_UNSPECIFIED = 0; SHAPE_KIND_NONE = 0; } }
  )");
  EXPECT_THAT(
      LintEnumZero(contract.files),
      ElementsAre(HasSubstr("ColorKind: the first value is COLOR_KIND_RED = 0 instead of COLOR_KIND_UNSPECIFIED"),
                  HasSubstr("ShapeKind: allows two names")));
}

TEST(ProtoLint, EveryKindOfElementWithoutCommentIsFound) {
  const auto contract = CompileContractForTest({{"precis/v1/x.proto", R"(syntax = "proto3";
      package precis.v1;
      service AService {
        rpc Get(GetRequest) returns (GetResponse);  // A comment behind an element does not count.
      }
      //
      message GetRequest {
        oneof key { string name = 1; }
        message Inner {}
        enum InnerKind { INNER_KIND_UNSPECIFIED = 0; }
      }
      // Good.
      message GetResponse {
        optional int32 count = 1;
        map<string, string> tags = 2;
      }
  )"}});
  ASSERT_TRUE(contract.ok()) << contract.status();
  EXPECT_THAT(
      LintComments(contract->files),
      UnorderedElementsAre(HasSubstr("x.proto: the file"), HasSubstr("AService: the service"),
                           HasSubstr("Get: the RPC"), HasSubstr("GetRequest: the message"), HasSubstr("key: the oneof"),
                           HasSubstr("name: the field"), HasSubstr("Inner: the message"),
                           HasSubstr("InnerKind: the enum"), HasSubstr("INNER_KIND_UNSPECIFIED: the enum value"),
                           HasSubstr("count: the field"), HasSubstr("tags: the field")));
}

TEST(ProtoLint, MutationWithoutTenantOrRequestIdIsFound) {
  const Contract contract = Parse(R"(
      service AService {
        rpc DeleteThing(DeleteThingRequest) returns (DeleteThingResponse);
        rpc PutThing(PutThingRequest) returns (PutThingResponse);
        rpc GetThing(GetThingRequest) returns (GetThingResponse);
      }
      message DeleteThingRequest { string tenant = 1; int64 request_id = 2; }
      message DeleteThingResponse {}
      message PutThingRequest { Deep deep = 1; }
      message Deep { Header header = 1; string request_id = 2; }
      message Header { string tenant = 1; }
      message PutThingResponse {}
      message GetThingRequest {}
      message GetThingResponse {}
  )");
  EXPECT_THAT(LintMutations(contract.files), ElementsAre(HasSubstr("DeleteThingRequest has no string request_id"),
                                                         HasSubstr("PutThingRequest has no string tenant")));
}

TEST(ProtoLint, UnknownVerbIsFound) {
  const Contract contract = Parse(R"(
      service AService {
        rpc Frobnicate(FrobnicateRequest) returns (FrobnicateResponse);
        rpc Getaway(GetawayRequest) returns (GetawayResponse);
      }
      message FrobnicateRequest {} message FrobnicateResponse {}
      message GetawayRequest {} message GetawayResponse {}
  )");
  EXPECT_THAT(LintMutations(contract.files), ElementsAre(HasSubstr("Frobnicate: its verb is in neither"),
                                                         HasSubstr("Getaway: its verb is in neither")));
}

TEST(ProtoLint, HalfOrMissingPaginationIsFound) {
  const Contract contract = Parse(R"(
      service AService {
        rpc ListA(ListARequest) returns (ListAResponse);
        rpc ListB(ListBRequest) returns (ListBResponse);
        rpc ListC(ListCRequest) returns (ListCResponse);
      }
      message ListARequest {}
      message ListAResponse { repeated string names = 1; }
      message ListBRequest { int32 page_size = 1; int32 page_token = 2; }
      message ListBResponse { repeated string names = 1; string next_page_token = 2; }
      message ListCRequest { int32 page_size = 1; string page_token = 2; }
      message ListCResponse { string name = 1; string next_page_token = 2; }
  )");
  EXPECT_THAT(LintPagination(contract.files),
              ElementsAre(HasSubstr("ListA: a list without pages"), HasSubstr("ListB: page_size"),
                          HasSubstr("ListB: a list without pages"), HasSubstr("ListCResponse: a page without")));
}

TEST(ProtoLint, NumberWithoutUnitIsFound) {
  const Contract contract = Parse(R"(
      message M {
        int64 timeout = 1;
        double wait_time_s = 2;
        uint32 cache_size = 3;
        int32 page_size = 4;
        string deadline = 5;
        int64 memory_bytes = 6;
        int32 budget_tokens = 7;
        bool time_known = 8;
      }
  )");
  EXPECT_THAT(LintUnits(contract.files),
              ElementsAre(HasSubstr("M.timeout:"), HasSubstr("M.wait_time_s:"), HasSubstr("M.cache_size:")));
}

TEST(ProtoLint, AllRunsEveryRule) {
  const auto contract = CompileContractForTest({{"x.proto", R"(syntax = "proto3";
      package precis.v1;
      service Bad {
        rpc DeleteX(R) returns (R);
        rpc ListX(R) returns (R);
      }
      message R { int64 timeout = 1; }
      enum E { A = 0; }
  )"}});
  ASSERT_TRUE(contract.ok()) << contract.status();
  const Findings all = LintAll(contract->files);
  for (const auto rule :
       {LintFiles, LintNames, LintRpcTypes, LintEnumZero, LintComments, LintMutations, LintPagination, LintUnits}) {
    const Findings findings = rule(contract->files);
    ASSERT_FALSE(findings.empty());
    for (const std::string& finding : findings) EXPECT_THAT(all, ::testing::Contains(finding));
  }
}

}  // namespace
}  // namespace precis::proto_check
