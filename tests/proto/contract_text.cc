#include "contract_text.h"

#include <google/protobuf/descriptor.pb.h>

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace precis::proto_check {
namespace {

namespace pb = google::protobuf;

std::string TypeName(const pb::FieldDescriptor* field) {
  if (field->is_map()) {
    const pb::Descriptor* entry = field->message_type();
    return absl::StrCat("map<", TypeName(entry->field(0)), ",", TypeName(entry->field(1)), ">");
  }
  if (field->message_type() != nullptr) return field->message_type()->full_name();
  if (field->enum_type() != nullptr) return field->enum_type()->full_name();
  return field->type_name();
}

absl::string_view Label(const pb::FieldDescriptor* field) {
  if (field->is_repeated()) return "repeated";
  return field->has_optional_keyword() ? "optional" : "singular";
}

void AddEnum(const pb::EnumDescriptor* type, std::set<std::string>* lines) {
  lines->insert(absl::StrCat("enum ", type->full_name()));
  for (int i = 0; i < type->value_count(); ++i) {
    const pb::EnumValueDescriptor* value = type->value(i);
    lines->insert(absl::StrCat("value ", type->full_name(), ".", value->name(), " = ", value->number()));
  }
  for (int i = 0; i < type->reserved_range_count(); ++i) {
    const auto* range = type->reserved_range(i);
    lines->insert(absl::StrCat("reserved ", type->full_name(), " = ", range->start, "..", range->end));
  }
  for (int i = 0; i < type->reserved_name_count(); ++i) {
    lines->insert(absl::StrCat("reserved ", type->full_name(), " = ", type->reserved_name(i)));
  }
}

void AddMessage(const pb::Descriptor* message, std::set<std::string>* lines) {
  if (message->options().map_entry()) return;
  lines->insert(absl::StrCat("message ", message->full_name()));
  for (int i = 0; i < message->field_count(); ++i) {
    const pb::FieldDescriptor* field = message->field(i);
    std::string line =
        absl::StrCat("field ", field->full_name(), " = ", field->number(), " ", TypeName(field), " ", Label(field));
    if (const pb::OneofDescriptor* oneof = field->real_containing_oneof())
      absl::StrAppend(&line, " oneof ", oneof->name());
    lines->insert(line);
  }
  for (int i = 0; i < message->reserved_range_count(); ++i) {
    const auto* range = message->reserved_range(i);
    // Messages count the end exclusive, enums inclusive.
    lines->insert(absl::StrCat("reserved ", message->full_name(), " = ", range->start, "..", range->end - 1));
  }
  for (int i = 0; i < message->reserved_name_count(); ++i) {
    lines->insert(absl::StrCat("reserved ", message->full_name(), " = ", message->reserved_name(i)));
  }
  for (int i = 0; i < message->enum_type_count(); ++i) AddEnum(message->enum_type(i), lines);
  for (int i = 0; i < message->nested_type_count(); ++i) AddMessage(message->nested_type(i), lines);
}

void AddService(const pb::ServiceDescriptor* service, std::set<std::string>* lines) {
  for (int i = 0; i < service->method_count(); ++i) {
    const pb::MethodDescriptor* rpc = service->method(i);
    lines->insert(absl::StrCat("rpc ", rpc->full_name(), " (", rpc->client_streaming() ? "stream " : "",
                               rpc->input_type()->full_name(), ") -> (", rpc->server_streaming() ? "stream " : "",
                               rpc->output_type()->full_name(), ")"));
  }
}

// What a line is about: "field M.name".
std::string ByName(absl::string_view line) {
  const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
  return words.size() < 2 || words[0] == "reserved" ? std::string(line) : absl::StrCat(words[0], " ", words[1]);
}

// The place on the wire that a line takes: "field M 7"; empty where it takes none.
std::string ByNumber(absl::string_view line) {
  const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
  if (words.size() < 4 || (words[0] != "field" && words[0] != "value")) return "";
  return absl::StrCat(words[0], " ", words[1].substr(0, words[1].rfind('.')), " ", words[3]);
}

}  // namespace

std::vector<std::string> ContractLines(const std::vector<const pb::FileDescriptor*>& files) {
  std::set<std::string> lines;
  for (const pb::FileDescriptor* file : files) {
    for (int i = 0; i < file->message_type_count(); ++i) AddMessage(file->message_type(i), &lines);
    for (int i = 0; i < file->enum_type_count(); ++i) AddEnum(file->enum_type(i), &lines);
    for (int i = 0; i < file->service_count(); ++i) AddService(file->service(i), &lines);
  }
  return {lines.begin(), lines.end()};
}

ContractDiff CompareContract(absl::string_view golden, const std::vector<std::string>& current) {
  std::set<std::string> promised;
  for (absl::string_view line : absl::StrSplit(golden, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (!line.empty() && line[0] != '#') promised.emplace(line);
  }
  const std::set<std::string> present(current.begin(), current.end());
  std::map<std::string, std::string> by_name;
  std::map<std::string, std::string> by_number;
  for (const std::string& line : current) {
    by_name[ByName(line)] = line;
    by_number[ByNumber(line)] = line;
  }
  ContractDiff diff;
  for (const std::string& line : promised) {
    if (present.contains(line)) continue;
    if (const auto same = by_name.find(ByName(line)); same != by_name.end()) {
      diff.broken.push_back(absl::StrCat("changed: '", line, "' is now '", same->second, "'"));
    } else if (const auto place = by_number.find(ByNumber(line)); !ByNumber(line).empty() && place != by_number.end()) {
      diff.broken.push_back(absl::StrCat("renamed: '", line, "' is now '", place->second, "'"));
    } else {
      diff.broken.push_back(absl::StrCat("removed: '", line, "'"));
    }
  }
  for (const std::string& line : present) {
    if (!promised.contains(line)) diff.added.push_back(line);
  }
  return diff;
}

}  // namespace precis::proto_check
