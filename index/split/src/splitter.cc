#include "precis/split/splitter.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "precis/base/status_macros.h"
#include "src/cut.h"
#include "src/mode.h"
#include "src/pack.h"
#include "src/units.h"

namespace precis::split {
namespace {

constexpr int kMinPieceTokens = 16;

absl::Status CheckOptions(const SplitOptions& options) {
  if (options.tokenizer == nullptr) return absl::InvalidArgumentError("splitting needs a tokenizer to count with");
  if (options.max_tokens < kMinPieceTokens) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_tokens is ", options.max_tokens, " and must be at least ", kMinPieceTokens));
  }
  if (options.overlap_tokens < 0 || options.overlap_tokens > options.max_tokens / 2) {
    return absl::InvalidArgumentError(absl::StrCat("overlap_tokens is ", options.overlap_tokens,
                                                   " and must be between 0 and half of max_tokens, ",
                                                   options.max_tokens / 2));
  }
  if (options.mode == SplitMode::kSea) {
    return absl::UnimplementedError(
        "this build cannot split code by its syntax tree (SEA): use code lines, or let the splitter choose");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SplitResult> Split(std::string_view text, const SplitOptions& options, const CallContext& call) {
  PRECIS_RETURN_IF_ERROR(CheckOptions(options));
  PRECIS_RETURN_IF_ERROR(call.Check());
  SplitResult result;
  result.mode = options.mode == SplitMode::kAuto ? ModeFor(options.media_type, options.language) : options.mode;
  UnitList list = result.mode == SplitMode::kMarkdown    ? MarkdownUnits(text)
                  : result.mode == SplitMode::kCodeLines ? CodeUnits(text)
                                                         : ProseUnits(text);
  PRECIS_RETURN_IF_ERROR(CountAndCut(text, options, call, &list.units, &result.warnings));
  PRECIS_ASSIGN_OR_RETURN(result.pieces, Pack(text, list, options, call));
  return result;
}

}  // namespace precis::split
