#include "roles/capsules.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "convert/capsule_file.h"
#include "convert/common.h"
#include "precis/base/status_macros.h"
#include "precis/index/names.h"
#include "runtime/status.h"

namespace precis::services {
namespace {

constexpr char kMethod[] = "capsule";
constexpr int kDefaultPage = 100, kMaxPage = 1000;
constexpr int kMaxCandidates = 64, kMaxProbes = 100;
constexpr size_t kMaxDescription = 1024, kMaxProbeBytes = 1024;

absl::Status CheckCreate(const v1::CreateCapsuleRequest& request) {
  PRECIS_RETURN_IF_ERROR(index::ValidateTenant(request.tenant()));
  PRECIS_RETURN_IF_ERROR(cache::ValidateName("capsule", request.name()));
  const bool any = std::any_of(request.passages().begin(), request.passages().end(), [](const v1::Passage& passage) {
    return !absl::StripAsciiWhitespace(passage.text()).empty();
  });
  if (!any) return FieldError("passages", "has no text: a capsule stands for at least one");
  if (request.description().size() > kMaxDescription) {
    return FieldError("description",
                      absl::StrCat("has ", request.description().size(), " bytes, the limit is ", kMaxDescription));
  }
  if (request.candidate_count() < 0 || request.candidate_count() > kMaxCandidates) {
    return FieldError("candidate_count",
                      absl::StrCat("is ", request.candidate_count(), ", it must be from 1 to ", kMaxCandidates));
  }
  if (request.probe_questions_size() > kMaxProbes) {
    return FieldError("probe_questions",
                      absl::StrCat("has ", request.probe_questions_size(), " entries, the limit is ", kMaxProbes));
  }
  for (const std::string& question : request.probe_questions()) {
    if (question.size() > kMaxProbeBytes || absl::StripAsciiWhitespace(question).empty()) {
      return FieldError("probe_questions", absl::StrCat("has a question of ", question.size(), " bytes: each has 1 to ",
                                                        kMaxProbeBytes, ", not only spaces"));
    }
  }
  const bool from_documents = std::any_of(request.passages().begin(), request.passages().end(),
                                          [](const v1::Passage& passage) { return !passage.document_id().empty(); });
  if (from_documents && request.read_epoch() == 0) {
    return FieldError("read_epoch",
                      "is missing: passages of documents need it, so that a delete can erase the capsule");
  }
  return absl::OkStatus();
}

// The steps with the capsule's own parameters in the step that takes them.
absl::Status FillSteps(const v1::CreateCapsuleRequest& request, v1::CompressionOptions* options) {
  if (options->steps().empty()) options->add_steps()->set_method(kMethod);
  v1::CompressionStep* last = options->mutable_steps(options->steps_size() - 1);
  const bool chooses = request.candidate_count() > 0 || request.probe_questions_size() > 0;
  if (last->method() != kMethod) {
    if (!chooses) return absl::OkStatus();
    return FieldError("options.steps",
                      absl::StrCat("ends with '", last->method().substr(0, 64),
                                   "': only 'capsule' has candidates and probe questions to choose by"));
  }
  auto& parameters = *last->mutable_parameters();
  if (request.candidate_count() > 0) parameters["candidates"] = absl::StrCat(request.candidate_count());
  if (request.probe_questions_size() > 0) {
    std::vector<std::string> lines;
    for (std::string question : request.probe_questions()) {
      std::replace_if(
          question.begin(), question.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
      lines.push_back(std::move(question));
    }
    parameters["probe_questions"] = absl::StrJoin(lines, "\n");
  }
  return absl::OkStatus();
}

// From what the store has.
absl::Status Restore(const std::string& tenant, const cache::NamedValue& value, v1::Capsule* out) {
  if (!out->ParseFromString(value.head) ||
      (!value.body.empty() && !out->mutable_context()->ParseFromString(value.body))) {
    return absl::DataLossError(
        absl::StrCat("capsule '", value.name, "' version ", value.version, " cannot be read: delete it"));
  }
  out->set_tenant(tenant);
  out->set_name(value.name);
  out->set_version(value.version);
  out->set_created_unix_ms(value.created_unix_ms);
  return absl::OkStatus();
}

}  // namespace

absl::Status Capsules::Create(const v1::CreateCapsuleRequest& request, const CallContext& call, Metrics& metrics,
                              v1::Capsule* out) {
  PRECIS_RETURN_IF_ERROR(CheckCreate(request));
  // Known before the work; the store decides again after it.
  if (!request.replace() && store_.Get(request.tenant(), request.name(), 0).ok()) {
    return absl::AlreadyExistsError(absl::StrCat("there is a capsule '", request.name(),
                                                 "' already: delete it, or ask for a new version with replace"));
  }
  v1::CompressRequest compress;
  compress.set_tenant(request.tenant());
  *compress.mutable_passages() = request.passages();
  *compress.mutable_options() = request.options();
  compress.set_read_epoch(request.read_epoch());
  PRECIS_RETURN_IF_ERROR(FillSteps(request, compress.mutable_options()));
  v1::CompressResponse compressed;
  PRECIS_RETURN_IF_ERROR(compressors_.Compress(compress, call, {}, metrics, &compressed));

  const v1::Receipt& receipt = compressed.receipt();
  v1::CapsuleUtility* utility = out->mutable_utility();
  if (receipt.has_fidelity()) utility->set_fidelity(receipt.fidelity());
  if (receipt.generated().has_answer_agreement()) {
    utility->set_answer_agreement(receipt.generated().answer_agreement());
  }
  utility->set_probe_count(receipt.generated().probe_count());
  utility->set_candidate_count(receipt.generated().candidate_count());
  std::set<std::string> documents;
  for (const v1::Passage& passage : request.passages()) {
    if (!passage.document_id().empty()) documents.insert(passage.document_id());
  }
  for (const std::string& document : documents) out->add_source_document_ids(document);
  out->set_description(request.description());
  out->mutable_context()->Swap(compressed.mutable_context());
  out->mutable_receipt()->Swap(compressed.mutable_receipt());
  return Store(request.tenant(), request.name(), request.replace(), false, request.read_epoch(), out);
}

absl::Status Capsules::Store(const std::string& tenant, const std::string& name, bool replace, bool imported,
                             uint64_t read_epoch, v1::Capsule* capsule) {
  const std::string body = capsule->context().SerializeAsString();
  v1::Capsule head = *capsule;
  head.clear_context();
  head.clear_tenant();
  head.clear_name();
  head.clear_version();
  head.clear_created_unix_ms();
  const std::string head_bytes = head.SerializeAsString();
  cache::NewValue value;
  value.tenant = tenant;
  value.name = name;
  value.replace = replace;
  value.imported = imported;
  value.head = head_bytes;
  value.body = body;
  for (const std::string& document : capsule->source_document_ids()) {
    value.owners.push_back({tenant, document, read_epoch});
  }
  PRECIS_ASSIGN_OR_RETURN(const cache::NamedValue stored, store_.Put(value));
  capsule->set_tenant(tenant);
  capsule->set_name(stored.name);
  capsule->set_version(stored.version);
  capsule->set_created_unix_ms(stored.created_unix_ms);
  return absl::OkStatus();
}

absl::Status Capsules::Get(const std::string& tenant, const std::string& name, int32_t version, v1::Capsule* out) {
  PRECIS_RETURN_IF_ERROR(index::ValidateTenant(tenant));
  if (version < 0) return FieldError("version", "must not be negative");
  PRECIS_ASSIGN_OR_RETURN(const cache::NamedValue value, store_.Get(tenant, name, version));
  return Restore(tenant, value, out);
}

absl::Status Capsules::List(const v1::ListCapsulesRequest& request, v1::ListCapsulesResponse* reply) {
  PRECIS_RETURN_IF_ERROR(index::ValidateTenant(request.tenant()));
  if (request.page_size() < 0) return FieldError("page_size", "must not be negative");
  const int page = request.page_size() == 0 ? kDefaultPage : std::min(request.page_size(), kMaxPage);
  const std::string list = "capsules of " + request.tenant();
  std::string after;
  if (!request.page_token().empty()) {
    PRECIS_ASSIGN_OR_RETURN(after, ReadPageToken(list, request.page_token()));
  }
  PRECIS_ASSIGN_OR_RETURN(const auto values, store_.List(request.tenant(), after, page + 1));
  for (const cache::NamedValue& value : values) {
    if (reply->capsules_size() == page) {
      reply->set_next_page_token(MakePageToken(list, reply->capsules(page - 1).name()));
      break;
    }
    v1::Capsule* capsule = reply->add_capsules();
    PRECIS_RETURN_IF_ERROR(Restore(request.tenant(), value, capsule));
    // What a receipt says of each passage would make a page too long for a message.
    capsule->mutable_receipt()->clear_passages();
  }
  return absl::OkStatus();
}

absl::Status Capsules::Delete(const v1::DeleteCapsuleRequest& request, v1::DeleteCapsuleResponse* reply) {
  PRECIS_RETURN_IF_ERROR(index::ValidateTenant(request.tenant()));
  PRECIS_ASSIGN_OR_RETURN(const int versions, store_.Delete(request.tenant(), request.name()));
  reply->set_version_count(versions);
  return absl::OkStatus();
}

absl::StatusOr<std::string> Capsules::Export(const v1::ExportCapsuleRequest& request) {
  PRECIS_RETURN_IF_ERROR(index::ValidateTenant(request.tenant()));
  if (request.version() < 0) return FieldError("version", "must not be negative");
  PRECIS_ASSIGN_OR_RETURN(const cache::NamedValue value,
                          store_.Get(request.tenant(), request.name(), request.version()));
  CapsuleFile file;
  PRECIS_RETURN_IF_ERROR(Restore(request.tenant(), value, &file.capsule));
  file.capsule.clear_tenant();
  for (const cache::Owner& owner : value.owners) file.read_epoch = std::max(file.read_epoch, owner.read_epoch);
  return EncodeCapsuleFile(file);
}

absl::Status Capsules::Import(const v1::ImportCapsuleHeader& header, const std::string& file, v1::Capsule* out) {
  PRECIS_RETURN_IF_ERROR(index::ValidateTenant(header.tenant()));
  PRECIS_ASSIGN_OR_RETURN(CapsuleFile decoded, DecodeCapsuleFile(file));
  *out = std::move(decoded.capsule);
  const std::string name = header.name().empty() ? out->name() : header.name();
  return Store(header.tenant(), name, header.replace(), true, decoded.read_epoch, out);
}

}  // namespace precis::services
