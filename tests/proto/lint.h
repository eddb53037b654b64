// The rules of the public contract (proto/README.md), each as a function over descriptors.
// A rule returns one sentence per finding, beginning with the full name of the element; none where all is well.
#pragma once

#include <google/protobuf/descriptor.h>

#include <string>
#include <vector>

namespace precis::proto_check {

using Files = std::vector<const google::protobuf::FileDescriptor*>;
using Findings = std::vector<std::string>;

// proto3, package precis.v1, precis/v1/lower_snake_case.proto, at most one service a file, and imports only of
// precis/v1 and google/protobuf.
[[nodiscard]] Findings LintFiles(const Files& files);

// FooService; PascalCase messages, enums and RPCs; lower_snake_case fields and oneofs; UPPER_SNAKE_CASE enum values
// with the enum's name before them. No underscore before a digit or at an end, none doubled.
[[nodiscard]] Findings LintNames(const Files& files);

// An RPC Foo takes FooRequest and returns FooResponse, which no other RPC uses.
[[nodiscard]] Findings LintRpcTypes(const Files& files);

// The first value of an enum is ENUM_NAME_UNSPECIFIED = 0, and no number has two names.
[[nodiscard]] Findings LintEnumZero(const Files& files);

// Every file, service, RPC, message, field, oneof, enum and enum value has a comment before it.
[[nodiscard]] Findings LintComments(const Files& files);

// A mutation's request has the strings `tenant` and `request_id`, itself or in a message that it holds directly (the
// header of a stream, the records of a batch). RPCs are told apart by their verb; an unknown verb is a finding.
[[nodiscard]] Findings LintMutations(const Files& files);

// page_size (int32), page_token (string) and next_page_token (string) come together, beside a repeated field; and an
// RPC ListFoo has them unless it is known to be bounded.
[[nodiscard]] Findings LintPagination(const Files& files);

// A number that is a time or a size has its unit at the end of its name.
[[nodiscard]] Findings LintUnits(const Files& files);

// All of the above.
[[nodiscard]] Findings LintAll(const Files& files);

}  // namespace precis::proto_check
