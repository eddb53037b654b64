#include "validate.h"

#include <cmath>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "precis/base/status_macros.h"
#include "precis/base/utf8.h"

namespace precis::compress {
namespace {

constexpr size_t kMaxQueryBytes = size_t{1} << 20;
constexpr size_t kMaxSteps = 16;
constexpr size_t kMaxSeparatorBytes = 256;
constexpr size_t kMaxOmissionBytes = 32;
constexpr size_t kMaxReserved = 16;
constexpr size_t kMaxReservedBytes = 64;
constexpr size_t kMaxLiterals = 1000;
constexpr size_t kMaxLiteralBytes = 1024;

int64_t FirstInvalidByte(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const DecodedChar c = DecodeUtf8(text, i);
    if (!c.valid) return static_cast<int64_t>(i);
    i += static_cast<size_t>(c.length);
  }
  return -1;
}

absl::Status CheckUtf8(const std::string& what, std::string_view text) {
  if (IsValidUtf8(text)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(what, " is not valid UTF-8 at byte ", FirstInvalidByte(text), ": convert it first"));
}

absl::Status CheckFormat(const ContextFormat& format) {
  if (format.passage_separator.size() > kMaxSeparatorBytes) {
    return absl::InvalidArgumentError(absl::StrCat("the passage separator has ", format.passage_separator.size(),
                                                   " bytes, the limit is ", kMaxSeparatorBytes));
  }
  if (format.omission_mark.size() > kMaxOmissionBytes) {
    return absl::InvalidArgumentError(absl::StrCat("the omission mark has ", format.omission_mark.size(),
                                                   " bytes, the limit is ", kMaxOmissionBytes));
  }
  PRECIS_RETURN_IF_ERROR(CheckUtf8("the passage separator", format.passage_separator));
  PRECIS_RETURN_IF_ERROR(CheckUtf8("the omission mark", format.omission_mark));
  if (format.reserved.size() > kMaxReserved) {
    return absl::InvalidArgumentError(
        absl::StrCat(format.reserved.size(), " reserved strings, the limit is ", kMaxReserved));
  }
  for (const std::string& reserved : format.reserved) {
    if (reserved.empty() || reserved.size() > kMaxReservedBytes || reserved.find('\\') != std::string::npos ||
        !IsValidUtf8(reserved)) {
      return absl::InvalidArgumentError(
          absl::StrCat("a reserved string must be 1 to ", kMaxReservedBytes, " bytes of UTF-8 without a backslash"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateRequest(const Request& request) {
  if (request.budget.tokenizer == nullptr) {
    return absl::InvalidArgumentError("the budget has no tokenizer: name the model that the context is for");
  }
  if (request.budget.max_tokens < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("the budget is ", request.budget.max_tokens, " tokens, it must be at least 1"));
  }
  if (!(request.min_fidelity >= 0 && request.min_fidelity <= 1)) {
    return absl::InvalidArgumentError(absl::StrCat("min_fidelity is ", request.min_fidelity, ", it must be 0 to 1"));
  }
  if (request.steps.size() > kMaxSteps) {
    return absl::InvalidArgumentError(
        absl::StrCat("the chain has ", request.steps.size(), " steps, the limit is ", kMaxSteps));
  }
  if (request.query.size() > kMaxQueryBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("the query has ", request.query.size(), " bytes, the limit is ", kMaxQueryBytes));
  }
  PRECIS_RETURN_IF_ERROR(CheckUtf8("the query", request.query));
  PRECIS_RETURN_IF_ERROR(CheckFormat(request.format));
  if (request.protection.literals.size() > kMaxLiterals) {
    return absl::InvalidArgumentError(
        absl::StrCat(request.protection.literals.size(), " literals to protect, the limit is ", kMaxLiterals));
  }
  for (const std::string& literal : request.protection.literals) {
    if (literal.empty() || literal.size() > kMaxLiteralBytes || !IsValidUtf8(literal)) {
      return absl::InvalidArgumentError(absl::StrCat("a literal to protect has ", literal.size(),
                                                     " bytes, it must be 1 to ", kMaxLiteralBytes, " bytes of UTF-8"));
    }
  }
  int64_t bytes = 0;
  for (size_t i = 0; i < request.passages.size(); ++i) {
    const Passage& passage = request.passages[i];
    bytes += static_cast<int64_t>(passage.text.size());
    if (bytes > kMaxInputBytes) {
      return absl::ResourceExhaustedError(absl::StrCat("the passages up to number ", i, " have ", bytes,
                                                       " bytes, the limit is ", kMaxInputBytes,
                                                       ": send fewer of them or compress in parts"));
    }
    if (!IsValidUtf8(passage.text)) {
      return CheckUtf8(passage.document_id.empty()
                           ? absl::StrCat("passage ", i)
                           : absl::StrCat("passage ", i, " of document '", passage.document_id, "'"),
                       passage.text);
    }
    if (!std::isfinite(passage.score)) {
      return absl::InvalidArgumentError(absl::StrCat("the score of passage ", i, " is not a finite number"));
    }
  }
  return absl::OkStatus();
}

}  // namespace precis::compress
