#include "gateway/ask_capsules.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "gateway/ask_prompt.h"
#include "runtime/status.h"

namespace precis::services {
namespace {

constexpr char kSeparator[] = "\n\n";

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Without the capsule's own marks, which would pose as those of passages; what still reads as one at the beginning of a
// line, or as a delimiter of the prompt, gets a backslash inside.
std::string PromptText(const v1::CompressedContext& context) {
  std::string text;
  const std::string& whole = context.text();
  for (const v1::ContextSpan& span : context.spans()) {
    const auto begin = static_cast<size_t>(span.output().begin()), end = static_cast<size_t>(span.output().end());
    if (begin > end || end > whole.size()) continue;
    const bool mark = span.kind() == v1::SPAN_KIND_DELIMITER && span.mark_number() > 0 && whole[begin] == '[';
    if (!mark) text.append(whole, begin, end - begin);
  }
  std::string safe;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool line_begins = i == 0 || text[i - 1] == '\n' || text[i - 1] == '\r';
    size_t digits = i + 1;
    while (digits < text.size() && IsDigit(text[digits])) ++digits;
    const bool reads_as_mark =
        line_begins && text[i] == '[' && digits > i + 1 && digits < text.size() && text[digits] == ']';
    if (reads_as_mark) safe.push_back('\\');
    safe.push_back(text[i]);
    for (const std::string& reserved : ReservedStrings()) {
      if (text.compare(i, reserved.size(), reserved) == 0) safe.push_back('\\');
    }
  }
  return safe;
}

}  // namespace

absl::Status CheckCapsuleNames(const v1::AskRequest& request) {
  if (request.capsules_size() > kMaxAskCapsules) {
    return FieldError("capsules",
                      absl::StrCat("has ", request.capsules_size(), " entries, the limit is ", kMaxAskCapsules));
  }
  std::set<std::string> names;
  for (const std::string& name : request.capsules()) {
    if (!names.insert(name).second) {
      return FieldError("capsules", absl::StrCat("names '", name.substr(0, 128), "' twice"));
    }
  }
  return absl::OkStatus();
}

absl::Status AskCapsules::Add(const v1::Capsule& capsule) {
  names_.push_back(capsule.name());
  texts_.push_back(PromptText(capsule.context()));
  absl::StrAppend(&block_, texts_.back(), kSeparator);
  if (block_.size() <= kMaxCapsuleTextBytes) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("the capsules have more than ", kMaxCapsuleTextBytes,
                                                    " bytes of text together, which is the limit: name fewer"));
}

void AskCapsules::AppendTo(google::protobuf::RepeatedPtrField<v1::Passage>* passages) const {
  for (size_t i = 0; i < texts_.size(); ++i) {
    v1::Passage* passage = passages->Add();
    passage->set_text(texts_[i]);
    passage->set_uri(absl::StrCat("capsule:", names_[i]));
  }
}

void AskCapsules::PutBefore(int first, v1::CompressedContext* context) const {
  if (empty()) return;
  v1::CompressedContext whole;
  std::string text;
  const auto add = [&](const std::string& part) {
    v1::ContextSpan* span = whole.add_spans();
    span->mutable_output()->set_begin(static_cast<int64_t>(text.size()));
    text += part;
    span->mutable_output()->set_end(static_cast<int64_t>(text.size()));
    return span;
  };
  for (size_t i = 0; i < texts_.size(); ++i) {
    if (!texts_[i].empty()) {
      v1::ContextSpan* span = add(texts_[i]);
      span->set_kind(v1::SPAN_KIND_VERBATIM);
      span->set_verbatim(true);
      span->set_passage_index(first + static_cast<int>(i));
      span->mutable_source()->set_end(static_cast<int64_t>(texts_[i].size()));
    }
    if (i + 1 < texts_.size() || !context->text().empty()) add(kSeparator)->set_kind(v1::SPAN_KIND_DELIMITER);
  }
  const auto shift = static_cast<int64_t>(text.size());
  for (const v1::ContextSpan& span : context->spans()) {
    v1::ContextSpan* moved = whole.add_spans();
    *moved = span;
    moved->mutable_output()->set_begin(span.output().begin() + shift);
    moved->mutable_output()->set_end(span.output().end() + shift);
  }
  whole.set_text(text + context->text());
  context->Swap(&whole);
}

}  // namespace precis::services
