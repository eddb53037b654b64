#include "lint.h"

#include <google/protobuf/descriptor.pb.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <set>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace precis::proto_check {
namespace {

namespace pb = google::protobuf;

constexpr absl::string_view kPackage = "precis.v1";
constexpr absl::string_view kFolder = "precis/v1/";

// First words of RPC names. A new verb must be put into one of the lists, so that no mutation slips through.
constexpr std::array<absl::string_view, 18> kMutatingVerbs = {
    "Add",   "Backup", "Create", "Delete", "Erase",   "Import", "Ingest", "Load",   "Prepare",
    "Purge", "Put",    "Remove", "Repair", "Restore", "Set",    "Tune",   "Unload", "Update"};
constexpr std::array<absl::string_view, 15> kReadingVerbs = {"Ask",      "Compress", "Embed", "Explain",  "Export",
                                                             "Generate", "Get",      "Info",  "List",     "Score",
                                                             "Search",   "Split",    "Stats", "Tokenize", "Verify"};

// Lists whose length the build or the models folder bounds, so that one message holds them.
constexpr std::array<absl::string_view, 2> kUnpagedLists = {"precis.v1.CompressionService.ListMethods",
                                                            "precis.v1.GenerationService.ListModels"};

constexpr std::array<absl::string_view, 14> kMeasuredWords = {"age",      "budget",  "deadline", "delay",  "duration",
                                                              "interval", "latency", "lifetime", "memory", "period",
                                                              "size",     "time",    "timeout",  "ttl"};
constexpr std::array<absl::string_view, 4> kUnits = {"_ms", "_us", "_bytes", "_tokens"};
// Counts of things, not sizes in bytes.
constexpr std::array<absl::string_view, 2> kUnitlessSizes = {"page_size", "vocabulary_size"};

bool IsPascalCase(absl::string_view name) {
  return !name.empty() && absl::ascii_isupper(name[0]) && absl::c_all_of(name, absl::ascii_isalnum);
}

bool IsSnakeCase(absl::string_view name, bool (*is_letter)(unsigned char)) {
  if (name.empty() || !is_letter(name[0]) || name.back() == '_') return false;
  for (size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '_') {
      // "a__b" and "a_1" lose their form in JSON and generated names.
      if (!is_letter(name[i + 1])) return false;
    } else if (!is_letter(name[i]) && !absl::ascii_isdigit(name[i])) {
      return false;
    }
  }
  return true;
}

bool IsLowerSnakeCase(absl::string_view name) { return IsSnakeCase(name, absl::ascii_islower); }
bool IsUpperSnakeCase(absl::string_view name) { return IsSnakeCase(name, absl::ascii_isupper); }

// "FooBar" -> "FOO_BAR"; "HTTPMode" -> "HTTP_MODE".
std::string UpperSnake(absl::string_view pascal) {
  std::string out;
  for (size_t i = 0; i < pascal.size(); ++i) {
    const bool upper = absl::ascii_isupper(pascal[i]);
    const bool after_lower = i > 0 && !absl::ascii_isupper(pascal[i - 1]);
    const bool before_lower = i > 0 && i + 1 < pascal.size() && absl::ascii_islower(pascal[i + 1]);
    if (upper && (after_lower || before_lower)) out += '_';
    out += absl::ascii_toupper(pascal[i]);
  }
  return out;
}

bool Mutates(absl::string_view rpc, bool* known) {
  // "Imports" is no "Import": the verb ends where the next word begins.
  const auto begins = [rpc](absl::string_view verb) {
    return absl::StartsWith(rpc, verb) && (rpc.size() == verb.size() || absl::ascii_isupper(rpc[verb.size()]));
  };
  const bool mutates = absl::c_any_of(kMutatingVerbs, begins);
  *known = mutates || absl::c_any_of(kReadingVerbs, begins);
  return mutates;
}

void ForEachMessage(const pb::Descriptor* message, const std::function<void(const pb::Descriptor*)>& visit) {
  // Entries of map fields are made by protoc and have neither comments nor a name of ours.
  if (message->options().map_entry()) return;
  visit(message);
  for (int i = 0; i < message->nested_type_count(); ++i) ForEachMessage(message->nested_type(i), visit);
}

void ForEachMessage(const Files& files, const std::function<void(const pb::Descriptor*)>& visit) {
  for (const pb::FileDescriptor* file : files) {
    for (int i = 0; i < file->message_type_count(); ++i) ForEachMessage(file->message_type(i), visit);
  }
}

void ForEachEnum(const Files& files, const std::function<void(const pb::EnumDescriptor*)>& visit) {
  for (const pb::FileDescriptor* file : files) {
    for (int i = 0; i < file->enum_type_count(); ++i) visit(file->enum_type(i));
  }
  ForEachMessage(files, [&](const pb::Descriptor* message) {
    for (int i = 0; i < message->enum_type_count(); ++i) visit(message->enum_type(i));
  });
}

void ForEachService(const Files& files, const std::function<void(const pb::ServiceDescriptor*)>& visit) {
  for (const pb::FileDescriptor* file : files) {
    for (int i = 0; i < file->service_count(); ++i) visit(file->service(i));
  }
}

void ForEachRpc(const Files& files, const std::function<void(const pb::MethodDescriptor*)>& visit) {
  ForEachService(files, [&](const pb::ServiceDescriptor* service) {
    for (int i = 0; i < service->method_count(); ++i) visit(service->method(i));
  });
}

const pb::FieldDescriptor* FindField(const pb::Descriptor* message, const std::string& name,
                                     pb::FieldDescriptor::CppType type) {
  const pb::FieldDescriptor* field = message->FindFieldByName(name);
  return field != nullptr && field->cpp_type() == type && !field->is_repeated() ? field : nullptr;
}

bool HasString(const pb::Descriptor* message, const std::string& name) {
  if (FindField(message, name, pb::FieldDescriptor::CPPTYPE_STRING) != nullptr) return true;
  for (int i = 0; i < message->field_count(); ++i) {
    const pb::Descriptor* part = message->field(i)->message_type();
    if (part != nullptr && FindField(part, name, pb::FieldDescriptor::CPPTYPE_STRING) != nullptr) return true;
  }
  return false;
}

template <typename Element>
void CheckComment(const Element* element, absl::string_view kind, Findings* findings) {
  pb::SourceLocation location;
  if (!element->GetSourceLocation(&location) || absl::StripAsciiWhitespace(location.leading_comments).empty()) {
    findings->push_back(absl::StrCat(element->full_name(), ": the ", kind, " has no comment before it"));
  }
}

}  // namespace

Findings LintFiles(const Files& files) {
  Findings findings;
  for (const pb::FileDescriptor* file : files) {
    const std::string& name = file->name();
    if (file->syntax() != pb::FileDescriptor::SYNTAX_PROTO3) findings.push_back(absl::StrCat(name, ": not proto3"));
    if (file->package() != kPackage) {
      findings.push_back(absl::StrCat(name, ": package '", file->package(), "' is not ", kPackage));
    }
    absl::string_view base = name;
    if (!absl::ConsumePrefix(&base, kFolder) || !absl::ConsumeSuffix(&base, ".proto") || !IsLowerSnakeCase(base)) {
      findings.push_back(absl::StrCat(name, ": not ", kFolder, "lower_snake_case.proto"));
    }
    if (file->service_count() > 1) {
      findings.push_back(absl::StrCat(name, ": ", file->service_count(), " services, a file has at most one"));
    }
    for (int i = 0; i < file->dependency_count(); ++i) {
      const std::string& import = file->dependency(i)->name();
      if (!absl::StartsWith(import, kFolder) && !absl::StartsWith(import, "google/protobuf/")) {
        findings.push_back(absl::StrCat(name, ": imports '", import, "', which clients may not have"));
      }
    }
  }
  return findings;
}

Findings LintNames(const Files& files) {
  Findings findings;
  const auto check = [&findings](bool good, const std::string& name, absl::string_view rule) {
    if (!good) findings.push_back(absl::StrCat(name, ": not ", rule));
  };
  ForEachService(files, [&](const pb::ServiceDescriptor* service) {
    const std::string& name = service->name();
    const bool good = IsPascalCase(name) && absl::EndsWith(name, "Service") && name != "Service";
    check(good, service->full_name(), "a PascalCase name that ends in Service");
  });
  ForEachRpc(files, [&](const pb::MethodDescriptor* rpc) {
    check(IsPascalCase(rpc->name()), rpc->full_name(), "PascalCase");
  });
  ForEachMessage(files, [&](const pb::Descriptor* message) {
    check(IsPascalCase(message->name()), message->full_name(), "PascalCase");
    for (int i = 0; i < message->field_count(); ++i) {
      check(IsLowerSnakeCase(message->field(i)->name()), message->field(i)->full_name(), "lower_snake_case");
    }
    for (int i = 0; i < message->real_oneof_decl_count(); ++i) {
      check(IsLowerSnakeCase(message->oneof_decl(i)->name()), message->oneof_decl(i)->full_name(), "lower_snake_case");
    }
  });
  ForEachEnum(files, [&](const pb::EnumDescriptor* type) {
    check(IsPascalCase(type->name()), type->full_name(), "PascalCase");
    const std::string prefix = UpperSnake(type->name()) + "_";
    for (int i = 0; i < type->value_count(); ++i) {
      const std::string& name = type->value(i)->name();
      check(IsUpperSnakeCase(name), type->value(i)->full_name(), "UPPER_SNAKE_CASE");
      check(absl::StartsWith(name, prefix), type->value(i)->full_name(), absl::StrCat("prefixed with ", prefix));
    }
  });
  return findings;
}

Findings LintRpcTypes(const Files& files) {
  Findings findings;
  std::map<const pb::Descriptor*, std::string> users;
  ForEachRpc(files, [&](const pb::MethodDescriptor* rpc) {
    const auto check = [&](const pb::Descriptor* type, absl::string_view suffix) {
      if (type->name() != absl::StrCat(rpc->name(), suffix) || type->file()->package() != rpc->file()->package()) {
        findings.push_back(
            absl::StrCat(rpc->full_name(), ": uses ", type->full_name(), " instead of ", rpc->name(), suffix));
      }
      const auto [user, is_new] = users.emplace(type, rpc->full_name());
      if (!is_new) {
        findings.push_back(absl::StrCat(rpc->full_name(), ": shares ", type->full_name(), " with ", user->second));
      }
    };
    check(rpc->input_type(), "Request");
    check(rpc->output_type(), "Response");
  });
  return findings;
}

Findings LintEnumZero(const Files& files) {
  Findings findings;
  ForEachEnum(files, [&](const pb::EnumDescriptor* type) {
    const std::string wanted = UpperSnake(type->name()) + "_UNSPECIFIED";
    if (type->value(0)->number() != 0 || type->value(0)->name() != wanted) {
      findings.push_back(absl::StrCat(type->full_name(), ": the first value is ", type->value(0)->name(), " = ",
                                      type->value(0)->number(), " instead of ", wanted, " = 0"));
    }
    if (type->options().allow_alias()) {
      findings.push_back(absl::StrCat(type->full_name(), ": allows two names for a number"));
    }
  });
  return findings;
}

Findings LintComments(const Files& files) {
  Findings findings;
  for (const pb::FileDescriptor* file : files) {
    // A file's comment stands before its `syntax` line, which is field 12 of FileDescriptorProto.
    pb::SourceLocation location;
    if (!file->GetSourceLocation({12}, &location) || absl::StripAsciiWhitespace(location.leading_comments).empty()) {
      findings.push_back(absl::StrCat(file->name(), ": the file has no comment before its syntax line"));
    }
  }
  ForEachService(files, [&](const pb::ServiceDescriptor* service) { CheckComment(service, "service", &findings); });
  ForEachRpc(files, [&](const pb::MethodDescriptor* rpc) { CheckComment(rpc, "RPC", &findings); });
  ForEachMessage(files, [&](const pb::Descriptor* message) {
    CheckComment(message, "message", &findings);
    for (int i = 0; i < message->field_count(); ++i) CheckComment(message->field(i), "field", &findings);
    for (int i = 0; i < message->real_oneof_decl_count(); ++i) CheckComment(message->oneof_decl(i), "oneof", &findings);
  });
  ForEachEnum(files, [&](const pb::EnumDescriptor* type) {
    CheckComment(type, "enum", &findings);
    for (int i = 0; i < type->value_count(); ++i) CheckComment(type->value(i), "enum value", &findings);
  });
  return findings;
}

Findings LintMutations(const Files& files) {
  Findings findings;
  ForEachRpc(files, [&](const pb::MethodDescriptor* rpc) {
    bool known = false;
    const bool mutates = Mutates(rpc->name(), &known);
    if (!known) {
      findings.push_back(absl::StrCat(rpc->full_name(),
                                      ": its verb is in neither list of tests/proto/lint.cc; say "
                                      "there whether it mutates"));
    }
    if (!mutates) return;
    for (const std::string name : {"tenant", "request_id"}) {
      if (!HasString(rpc->input_type(), name)) {
        findings.push_back(
            absl::StrCat(rpc->full_name(), ": mutates, but ", rpc->input_type()->name(), " has no string ", name));
      }
    }
  });
  return findings;
}

Findings LintPagination(const Files& files) {
  Findings findings;
  ForEachRpc(files, [&](const pb::MethodDescriptor* rpc) {
    const pb::Descriptor* request = rpc->input_type();
    const pb::Descriptor* response = rpc->output_type();
    const bool size = FindField(request, "page_size", pb::FieldDescriptor::CPPTYPE_INT32) != nullptr;
    const bool token = FindField(request, "page_token", pb::FieldDescriptor::CPPTYPE_STRING) != nullptr;
    const bool next = FindField(response, "next_page_token", pb::FieldDescriptor::CPPTYPE_STRING) != nullptr;
    const bool paged = size && token && next;
    if ((size || token || next) && !paged) {
      findings.push_back(absl::StrCat(rpc->full_name(),
                                      ": page_size (int32), page_token (string) and "
                                      "next_page_token (string) come together"));
    }
    if (absl::StartsWith(rpc->name(), "List") && !paged && !absl::c_linear_search(kUnpagedLists, rpc->full_name())) {
      findings.push_back(absl::StrCat(rpc->full_name(), ": a list without pages"));
    }
    bool has_items = false;
    for (int i = 0; i < response->field_count(); ++i) has_items |= response->field(i)->is_repeated();
    if (paged && !has_items) {
      findings.push_back(absl::StrCat(response->full_name(), ": a page without a repeated field"));
    }
  });
  return findings;
}

Findings LintUnits(const Files& files) {
  Findings findings;
  ForEachMessage(files, [&](const pb::Descriptor* message) {
    for (int i = 0; i < message->field_count(); ++i) {
      const pb::FieldDescriptor* field = message->field(i);
      switch (field->cpp_type()) {
        case pb::FieldDescriptor::CPPTYPE_INT32:
        case pb::FieldDescriptor::CPPTYPE_INT64:
        case pb::FieldDescriptor::CPPTYPE_UINT32:
        case pb::FieldDescriptor::CPPTYPE_UINT64:
        case pb::FieldDescriptor::CPPTYPE_FLOAT:
        case pb::FieldDescriptor::CPPTYPE_DOUBLE:
          break;
        default:
          continue;
      }
      const std::string& name = field->name();
      if (absl::c_linear_search(kUnitlessSizes, name)) continue;
      const std::vector<absl::string_view> words = absl::StrSplit(name, '_');
      const bool measured =
          absl::c_any_of(words, [](absl::string_view word) { return absl::c_linear_search(kMeasuredWords, word); });
      const bool has_unit = absl::c_any_of(kUnits, [&](absl::string_view unit) { return absl::EndsWith(name, unit); });
      if (measured && !has_unit) {
        findings.push_back(
            absl::StrCat(field->full_name(), ": a time or size without its unit at the end of its name"));
      }
    }
  });
  return findings;
}

Findings LintAll(const Files& files) {
  Findings all;
  for (const auto rule :
       {LintFiles, LintNames, LintRpcTypes, LintEnumZero, LintComments, LintMutations, LintPagination, LintUnits}) {
    const Findings findings = rule(files);
    all.insert(all.end(), findings.begin(), findings.end());
  }
  return all;
}

}  // namespace precis::proto_check
