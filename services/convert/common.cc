#include "convert/common.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "precis/base/hash.h"
#include "precis/base/reason.h"
#include "precis/base/status_macros.h"
#include "runtime/status.h"

namespace precis::services {
namespace {

absl::StatusOr<index::Filter> FilterFromProto(const v1::Filter& filter, int depth);

absl::Status ConvertChildren(const v1::FilterList& list, int depth, index::Filter* out) {
  for (const v1::Filter& child : list.filters()) {
    PRECIS_ASSIGN_OR_RETURN(index::Filter converted, FilterFromProto(child, depth + 1));
    out->children.push_back(std::move(converted));
  }
  return absl::OkStatus();
}

absl::Status AddValue(const v1::MetadataValue& value, std::vector<index::MetadataValue>* out) {
  PRECIS_ASSIGN_OR_RETURN(index::MetadataValue converted, FromProto(value));
  out->push_back(std::move(converted));
  return absl::OkStatus();
}

absl::StatusOr<index::Filter> FilterFromProto(const v1::Filter& filter, int depth) {
  using Kind = index::Filter::Kind;
  if (depth > index::kMaxFilterDepth) {
    return FieldError("filter", absl::StrCat("is more than ", index::kMaxFilterDepth, " levels deep"));
  }
  index::Filter out;
  switch (filter.condition_case()) {
    case v1::Filter::kAllOf:
      out.kind = Kind::kAllOf;
      PRECIS_RETURN_IF_ERROR(ConvertChildren(filter.all_of(), depth, &out));
      break;
    case v1::Filter::kAnyOf:
      out.kind = Kind::kAnyOf;
      PRECIS_RETURN_IF_ERROR(ConvertChildren(filter.any_of(), depth, &out));
      break;
    case v1::Filter::kNegation: {
      out.kind = Kind::kNot;
      PRECIS_ASSIGN_OR_RETURN(index::Filter child, FilterFromProto(filter.negation(), depth + 1));
      out.children.push_back(std::move(child));
      break;
    }
    case v1::Filter::kEquals:
      out.kind = Kind::kEquals;
      out.field = filter.equals().field();
      PRECIS_RETURN_IF_ERROR(AddValue(filter.equals().value(), &out.values));
      break;
    case v1::Filter::kIsIn:
      out.kind = Kind::kIn;
      out.field = filter.is_in().field();
      for (const v1::MetadataValue& value : filter.is_in().values())
        PRECIS_RETURN_IF_ERROR(AddValue(value, &out.values));
      break;
    case v1::Filter::kRange:
      out.kind = Kind::kRange;
      out.field = filter.range().field();
      if (filter.range().has_minimum()) PRECIS_RETURN_IF_ERROR(AddValue(filter.range().minimum(), &out.minimum));
      if (filter.range().has_maximum()) PRECIS_RETURN_IF_ERROR(AddValue(filter.range().maximum(), &out.maximum));
      out.minimum_excluded = filter.range().minimum_excluded();
      out.maximum_excluded = filter.range().maximum_excluded();
      break;
    case v1::Filter::kPrefix:
      out.kind = Kind::kPrefix;
      out.field = filter.prefix().field();
      out.values.emplace_back(filter.prefix().prefix());
      break;
    case v1::Filter::kExists:
      out.kind = Kind::kExists;
      out.field = filter.exists().field();
      break;
    case v1::Filter::CONDITION_NOT_SET:
      return FieldError("filter", "has a condition of no kind: set one, or leave the filter out to match everything");
  }
  return out;
}

}  // namespace

void ToProto(const ByteRange& range, v1::ByteRange* out) {
  out->set_begin(range.begin);
  out->set_end(range.end);
}

bool HasLocation(const index::SourceLocation& location) {
  return location.line_begin > 0 || location.page_begin > 0 || location.original_range.has_value();
}

void ToProto(const index::SourceLocation& location, v1::SourceLocation* out) {
  out->set_line_begin(location.line_begin);
  out->set_line_end(location.line_end);
  out->set_page_begin(location.page_begin);
  out->set_page_end(location.page_end);
  if (location.original_range) ToProto(*location.original_range, out->mutable_original_range());
}

void ToProto(const index::MetadataValue& value, v1::MetadataValue* out) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    out->set_string_value(*text);
  } else if (const auto* whole = std::get_if<int64_t>(&value)) {
    out->set_int64_value(*whole);
  } else if (const auto* real = std::get_if<double>(&value)) {
    out->set_double_value(*real);
  } else if (const auto* flag = std::get_if<bool>(&value)) {
    out->set_bool_value(*flag);
  } else {
    auto* list = out->mutable_string_list_value();
    for (const std::string& text_of_list : std::get<index::StringList>(value)) list->add_values(text_of_list);
  }
}

absl::StatusOr<index::MetadataValue> FromProto(const v1::MetadataValue& value) {
  switch (value.value_case()) {
    case v1::MetadataValue::kStringValue:
      return index::MetadataValue(value.string_value());
    case v1::MetadataValue::kInt64Value:
      return index::MetadataValue(static_cast<int64_t>(value.int64_value()));
    case v1::MetadataValue::kDoubleValue:
      return index::MetadataValue(value.double_value());
    case v1::MetadataValue::kBoolValue:
      return index::MetadataValue(value.bool_value());
    case v1::MetadataValue::kStringListValue: {
      const auto& values = value.string_list_value().values();
      return index::MetadataValue(index::StringList(values.begin(), values.end()));
    }
    case v1::MetadataValue::VALUE_NOT_SET:
      break;
  }
  return FieldError("metadata", "has a value of no kind: set one of string, int64, double, bool, string list");
}

absl::StatusOr<index::Filter> FromProto(const v1::Filter& filter) { return FilterFromProto(filter, 1); }

void ToProto(const std::string& stage, absl::Duration duration, v1::StageTiming* out) {
  out->set_stage(stage);
  out->set_duration_us(absl::ToInt64Microseconds(duration));
}

void ToProto(const index::Passage& passage, bool include_text, v1::Passage* out) {
  out->set_chunk_id(passage.chunk_id);
  out->set_document_id(passage.document_id);
  out->set_version_id(passage.version_id);
  out->set_collection(passage.collection);
  out->set_uri(passage.uri);
  out->set_title(passage.title);
  for (const std::string& heading : passage.heading_path) out->add_heading_path(heading);
  out->set_ordinal(passage.ordinal);
  if (include_text) out->set_text(passage.text);
  ToProto(passage.range, out->mutable_range());
  if (HasLocation(passage.location)) ToProto(passage.location, out->mutable_location());
  v1::PassageScores* scores = out->mutable_scores();
  scores->set_fused(passage.scores.fused);
  if (passage.scores.dense) scores->set_dense(*passage.scores.dense);
  if (passage.scores.keyword) scores->set_keyword(*passage.scores.keyword);
  if (passage.scores.rerank) scores->set_rerank(*passage.scores.rerank);
  scores->set_dense_rank(passage.scores.dense_rank);
  scores->set_keyword_rank(passage.scores.keyword_rank);
  out->set_text_hash(passage.text_hash);
  MetadataToProto(passage.metadata, out->mutable_metadata());
  out->set_token_count(passage.tokens);
  out->set_media_type(passage.media_type);
  out->set_language(passage.language);
}

absl::StatusOr<compress::Passage> FromProto(const v1::Passage& passage) {
  if (!passage.text_hash().empty() && Sha256Hex(passage.text()) != passage.text_hash()) {
    return FieldError("passages",
                      absl::StrCat("has one, '", passage.chunk_id().empty() ? passage.uri() : passage.chunk_id(),
                                   "', whose text has another hash than its text_hash: was it changed, or left out?"));
  }
  compress::Passage out;
  out.text = passage.text();
  out.document_id = passage.document_id();
  out.version_id = passage.version_id();
  out.uri = passage.uri();
  out.title = passage.title();
  out.heading_path.assign(passage.heading_path().begin(), passage.heading_path().end());
  if (passage.has_range()) out.document_range = {passage.range().begin(), passage.range().end()};
  out.score = passage.scores().has_rerank() ? passage.scores().rerank() : passage.scores().fused();
  return out;
}

void ToProto(const absl::Status& status, v1::ItemError* out) {
  const grpc::Status safe = ToGrpc(status);  // valid UTF-8, bounded
  out->set_code(static_cast<int>(status.code()));
  out->set_reason(ReasonOf(status));
  out->set_message(safe.error_message());
}

std::string MakePageToken(const std::string& list, const std::string& last) {
  return absl::WebSafeBase64Escape(absl::StrCat(list, "/", last));
}

absl::StatusOr<std::string> ReadPageToken(const std::string& list, const std::string& token) {
  std::string text;
  if (absl::WebSafeBase64Unescape(token, &text) && text.rfind(list + "/", 0) == 0) return text.substr(list.size() + 1);
  return FieldError("page_token", "is not from this list: give next_page_token of the reply before");
}

}  // namespace precis::services
