#include "roles/splitting_service.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "convert/common.h"
#include "precis/base/status_macros.h"
#include "precis/base/utf8.h"
#include "precis/index/names.h"
#include "precis/split/splitter.h"
#include "runtime/status.h"
#include "runtime/unary.h"

namespace precis::services {
namespace {

constexpr size_t kMaxTextBytes = 1 << 20;
constexpr int kDefaultTokens = 256;

split::SplitMode FromProto(v1::SplitMode mode) {
  switch (mode) {
    case v1::SPLIT_MODE_PROSE:
      return split::SplitMode::kProse;
    case v1::SPLIT_MODE_MARKDOWN:
      return split::SplitMode::kMarkdown;
    case v1::SPLIT_MODE_CODE_LINES:
      return split::SplitMode::kCodeLines;
    case v1::SPLIT_MODE_SEA:
      return split::SplitMode::kSea;
    default:
      return split::SplitMode::kAuto;
  }
}

v1::SplitMode ToProto(split::SplitMode mode) {
  switch (mode) {
    case split::SplitMode::kProse:
      return v1::SPLIT_MODE_PROSE;
    case split::SplitMode::kMarkdown:
      return v1::SPLIT_MODE_MARKDOWN;
    case split::SplitMode::kCodeLines:
      return v1::SPLIT_MODE_CODE_LINES;
    case split::SplitMode::kSea:
      return v1::SPLIT_MODE_SEA;
    case split::SplitMode::kAuto:
      break;
  }
  return v1::SPLIT_MODE_UNSPECIFIED;
}

// Counts line ends up to ever greater offsets; "\r\n" is one.
class LineCounter {
 public:
  explicit LineCounter(std::string_view text) : text_(text) {}
  int32_t LineAt(int64_t offset) {
    for (; next_ < offset; ++next_) {
      const size_t at = static_cast<size_t>(next_);
      if (text_[at] == '\n' || (text_[at] == '\r' && (at + 1 == text_.size() || text_[at + 1] != '\n'))) ++line_;
    }
    return line_;
  }

 private:
  const std::string_view text_;
  int64_t next_ = 0;
  int32_t line_ = 1;
};

}  // namespace

grpc::ServerUnaryReactor* SplittingService::Split(grpc::CallbackServerContext* context, const v1::SplitRequest* request,
                                                  v1::SplitResponse* reply) {
  return RunUnary(host_, "SplittingService/Split", context, reply,
                  [this, request, reply](const CallContext& call) { return SplitText(*request, call, reply); });
}

absl::Status SplittingService::SplitText(const v1::SplitRequest& request, const CallContext& call,
                                         v1::SplitResponse* reply) {
  PRECIS_RETURN_IF_ERROR(index::ValidateTenant(request.tenant()));
  if (request.text().size() > kMaxTextBytes) {
    return FieldError("text", absl::StrCat("has ", request.text().size(), " bytes, the limit is ", kMaxTextBytes));
  }
  if (!IsValidUtf8(request.text())) return FieldError("text", "is not UTF-8");
  const std::string& model = request.tokenizer_model().empty() ? default_encoder_ : request.tokenizer_model();
  PRECIS_ASSIGN_OR_RETURN(const auto tokenizer, tokenizers_.Get(model));

  split::SplitOptions options;
  options.mode = FromProto(request.mode());
  options.media_type = request.media_type();
  options.language = request.language();
  options.tokenizer = tokenizer.get();
  options.max_tokens = request.parameters().max_tokens();
  if (options.max_tokens == 0) {
    options.max_tokens = kDefaultTokens;
    PRECIS_ASSIGN_OR_RETURN(const EncoderName name, ParseEncoderName(model));
    PRECIS_ASSIGN_OR_RETURN(const std::string path, models_.find(name.model));
    if (const auto info = models_.inspect(path); info.ok() && info->model.max_tokens > 0) {
      options.max_tokens = static_cast<int>(std::min<int64_t>(
          kDefaultTokens, std::max<int64_t>(16, info->model.max_tokens - tokenizer->special_tokens_added())));
    }
  }
  options.overlap_tokens =
      request.parameters().has_overlap_tokens() ? request.parameters().overlap_tokens() : options.max_tokens / 8;
  PRECIS_ASSIGN_OR_RETURN(const split::SplitResult result, split::Split(request.text(), options, call));

  LineCounter first_lines(request.text()), last_lines(request.text());
  for (const split::Piece& piece : result.pieces) {
    v1::SplitPiece* out = reply->add_pieces();
    ToProto(piece.range, out->mutable_range());
    out->set_token_count(piece.tokens);
    for (const std::string& heading : piece.heading_path) out->add_heading_path(heading);
    out->set_language(request.language());
    out->mutable_location()->set_line_begin(first_lines.LineAt(piece.range.begin));
    out->mutable_location()->set_line_end(last_lines.LineAt(std::max(piece.range.begin, piece.range.end - 1)));
    if (request.include_text()) out->set_text(std::string(Slice(request.text(), piece.range)));
  }
  reply->set_mode(ToProto(result.mode));
  reply->set_tokenizer_fingerprint(tokenizer->fingerprint());
  reply->mutable_parameters()->set_max_tokens(options.max_tokens);
  reply->mutable_parameters()->set_overlap_tokens(options.overlap_tokens);
  for (const std::string& warning : result.warnings) reply->add_warnings(warning);
  return absl::OkStatus();
}

}  // namespace precis::services
