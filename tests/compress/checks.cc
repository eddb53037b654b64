#include "checks.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace precis::compress {

int64_t CountAnew(const Request& request, const std::string& text) {
  const Budget& budget = request.budget;
  const int64_t alone = *budget.tokenizer->CountTokens(text);
  const int64_t in_place = *budget.tokenizer->CountTokens(budget.before + text + budget.after) -
                           *budget.tokenizer->CountTokens(budget.before + budget.after);
  return std::max(alone, text.empty() ? 0 : in_place);
}

std::string BrokenPromise(const Request& request, const Context& context) {
  const int64_t tokens = CountAnew(request, context.text);
  if (tokens > request.budget.max_tokens) return absl::StrCat("budget: ", tokens, " > ", request.budget.max_tokens);
  if (tokens != context.receipt.tokens_out)
    return absl::StrCat("tokens_out ", context.receipt.tokens_out, " != ", tokens);
  int64_t at = 0;
  int number = 0;
  std::vector<int64_t> kept(request.passages.size(), 0);
  for (size_t i = 0; i < context.spans.size(); ++i) {
    const Span& span = context.spans[i];
    if (span.output.begin != at) return absl::StrCat("gap before span ", i, " at byte ", at);
    if (span.output.empty()) return absl::StrCat("span ", i, " is empty");
    at = span.output.end;
    if (at > static_cast<int64_t>(context.text.size())) return absl::StrCat("span ", i, " ends outside");
    if (span.number != 0 && span.number != number) {
      if (span.number != number + 1) return absl::StrCat("number ", span.number, " after ", number);
      number = span.number;
      if (Slice(context.text, span.output) != PassageMark(number)) return absl::StrCat("span ", i, " is no mark");
    }
    if (span.kind == SpanKind::kRewritten && span.cited_passages.empty()) return "a rewritten span cites nothing";
    if (!span.verbatim()) continue;
    if (span.passage < 0 || span.passage >= static_cast<int>(request.passages.size())) return "no such passage";
    const Passage& passage = request.passages[static_cast<size_t>(span.passage)];
    if (span.source.begin < 0 || span.source.end > static_cast<int64_t>(passage.text.size())) return "source outside";
    if (Slice(passage.text, span.source) != Slice(context.text, span.output)) {
      return absl::StrCat("span ", i, " is not verbatim");
    }
    kept[static_cast<size_t>(span.passage)] += span.source.size();
  }
  if (at != static_cast<int64_t>(context.text.size())) return absl::StrCat("spans end at ", at);
  if (context.receipt.passages.size() != request.passages.size()) return "a passage has no receipt";
  for (size_t i = 0; i < kept.size(); ++i) {
    if (context.receipt.passages[i].bytes_kept != kept[i]) return absl::StrCat("bytes kept of passage ", i);
  }
  for (const ProtectedReceipt& kind : context.receipt.protection) {
    if (kind.kept > kind.found || (kind.required && kind.kept != kind.found)) {
      return absl::StrCat("protected kind ", static_cast<int>(kind.kind), ": ", kind.kept, " of ", kind.found);
    }
  }
  return "";
}

}  // namespace precis::compress
