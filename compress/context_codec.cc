#include "context_codec.h"

#include <cmath>
#include <cstring>

#include "varint.h"

namespace precis::compress {
namespace {

class Encoder {
 public:
  void Number(int64_t value) { AppendVarint(static_cast<uint64_t>(value), &bytes_); }
  void Text(std::string_view text) {
    Number(static_cast<int64_t>(text.size()));
    bytes_.append(text);
  }
  void Real(double value) {
    char raw[sizeof value];
    std::memcpy(raw, &value, sizeof value);
    bytes_.append(raw, sizeof raw);
  }
  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// After the first bad read ok() is false and every read gives nothing.
class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : in_(bytes) {}
  bool ok() const { return ok_; }
  bool done() const { return ok_ && in_.empty(); }

  int64_t Number(int64_t low = 0, int64_t high = INT64_MAX) {
    uint64_t raw = 0;
    if (!ok_ || !ReadVarint(&in_, &raw)) return Fail();
    const auto value = static_cast<int64_t>(raw);
    return value < low || value > high ? Fail() : value;
  }
  int Int(int64_t low = 0, int64_t high = INT32_MAX) { return static_cast<int>(Number(low, high)); }
  // A number of items of at least one byte each.
  size_t Count() { return static_cast<size_t>(Number(0, static_cast<int64_t>(in_.size()))); }
  std::string Text() {
    const size_t size = Count();
    if (!ok_ || size > in_.size()) return Fail(), "";
    std::string text(in_.substr(0, size));
    in_.remove_prefix(size);
    return text;
  }
  double Real() {
    double value = 0;
    if (!ok_ || in_.size() < sizeof value) return static_cast<double>(Fail());
    std::memcpy(&value, in_.data(), sizeof value);
    in_.remove_prefix(sizeof value);
    return value;
  }
  int64_t Fail() {
    ok_ = false;
    return 0;
  }

 private:
  std::string_view in_;
  bool ok_ = true;
};

void EncodeReceipt(const Receipt& receipt, Encoder* out) {
  for (const int64_t value : {receipt.tokens_in, receipt.tokens_out, receipt.budget_tokens,
                              int64_t{receipt.passages_in}, int64_t{receipt.passages_kept}, receipt.sentences_in,
                              receipt.sentences_kept, int64_t{receipt.count_estimated}}) {
    out->Number(value);
  }
  for (const PassageReceipt& passage : receipt.passages) {
    out->Number(passage.bytes_kept);
    out->Number(passage.used);
  }
  for (const ProtectedReceipt& kind : receipt.protection) {
    out->Number(kind.found);
    out->Number(kind.kept);
    out->Number(kind.required);
  }
  out->Number(receipt.fidelity.has_value());
  if (receipt.fidelity) out->Real(*receipt.fidelity);
  out->Number(static_cast<int64_t>(receipt.steps.size()));
  for (const StepReceipt& step : receipt.steps) {
    out->Text(step.method);
    out->Number(step.algorithm_version);
    out->Number(step.tokens_in);
    out->Number(step.tokens_out);
    out->Number(absl::ToInt64Nanoseconds(step.duration));
    out->Text(step.reason);
  }
  out->Number(static_cast<int64_t>(receipt.fallbacks.size()));
  for (const Fallback& fallback : receipt.fallbacks) {
    out->Text(fallback.from);
    out->Text(fallback.to);
    out->Text(fallback.reason);
  }
  out->Number(receipt.generated.has_value());
  if (receipt.generated) {
    const GeneratedReceipt& generated = *receipt.generated;
    for (const int value : {generated.texts, generated.within_target, generated.asked_again, generated.cached,
                            generated.unsupported, generated.candidates, generated.probes}) {
      out->Number(value);
    }
    out->Real(generated.mean_length);
    out->Number(generated.agreement.has_value());
    if (generated.agreement) out->Real(*generated.agreement);
  }
  out->Number(static_cast<int64_t>(receipt.warnings.size()));
  for (const std::string& warning : receipt.warnings) out->Text(warning);
  out->Text(receipt.plan);
}

void DecodeReceipt(const Request& request, Decoder* in, Receipt* receipt) {
  receipt->tokens_in = in->Number();
  receipt->tokens_out = in->Number(0, request.budget.max_tokens);
  receipt->budget_tokens = in->Number(request.budget.max_tokens, request.budget.max_tokens);
  receipt->passages_in =
      in->Int(static_cast<int64_t>(request.passages.size()), static_cast<int64_t>(request.passages.size()));
  receipt->passages_kept = in->Int(0, receipt->passages_in);
  receipt->sentences_in = in->Number();
  receipt->sentences_kept = in->Number(0, receipt->sentences_in);
  receipt->count_estimated = in->Number(0, 1) != 0;
  for (const Passage& passage : request.passages) {
    if (!in->ok()) return;
    PassageReceipt item;
    item.bytes_in = static_cast<int64_t>(passage.text.size());
    item.bytes_kept = in->Number(0, item.bytes_in);
    item.used = in->Number(0, 1) != 0;
    receipt->passages.push_back(item);
  }
  for (int k = 0; k < kProtectedKinds; ++k) {
    ProtectedReceipt item;
    item.kind = static_cast<ProtectedKind>(k);
    item.found = in->Number();
    item.kept = in->Number(0, item.found);
    item.required = in->Number(0, 1) != 0;
    receipt->protection.push_back(item);
  }
  if (in->Number(0, 1) != 0) receipt->fidelity = in->Real();
  for (size_t n = in->Count(); n > 0 && in->ok(); --n) {
    StepReceipt step;
    step.method = in->Text();
    step.algorithm_version = in->Int();
    step.tokens_in = in->Number();
    step.tokens_out = in->Number();
    step.duration = absl::Nanoseconds(in->Number());
    step.reason = in->Text();
    receipt->steps.push_back(std::move(step));
  }
  for (size_t n = in->Count(); n > 0 && in->ok(); --n) {
    Fallback fallback;
    fallback.from = in->Text();
    fallback.to = in->Text();
    fallback.reason = in->Text();
    receipt->fallbacks.push_back(std::move(fallback));
  }
  if (in->Number(0, 1) != 0) {
    GeneratedReceipt& generated = receipt->generated.emplace();
    for (int* value : {&generated.texts, &generated.within_target, &generated.asked_again, &generated.cached,
                       &generated.unsupported, &generated.candidates, &generated.probes}) {
      *value = in->Int();
    }
    generated.mean_length = in->Real();
    if (in->Number(0, 1) != 0) generated.agreement = in->Real();
  }
  for (size_t n = in->Count(); n > 0 && in->ok(); --n) receipt->warnings.push_back(in->Text());
  receipt->plan = in->Text();
  receipt->tokenizer_fingerprint = request.budget.tokenizer->fingerprint();
}

}  // namespace

std::string EncodeContext(const Context& context) {
  Encoder out;
  out.Number(kContextSchema);
  out.Number(static_cast<int64_t>(context.spans.size()));
  for (const Span& span : context.spans) {
    out.Number(static_cast<int64_t>(span.kind));
    out.Number(span.passage + 1);
    out.Number(span.number);
    if (span.verbatim()) {
      out.Number(span.source.begin);
      out.Number(span.source.size());
      continue;
    }
    out.Text(Slice(context.text, span.output));
    out.Number(static_cast<int64_t>(span.cited_passages.size()));
    for (const int cited : span.cited_passages) out.Number(cited);
  }
  EncodeReceipt(context.receipt, &out);
  return out.Take();
}

std::optional<Context> DecodeContext(std::string_view bytes, const Request& request) {
  Decoder in(bytes);
  const auto passages = static_cast<int64_t>(request.passages.size());
  (void)in.Number(kContextSchema, kContextSchema);
  Context context;
  for (size_t n = in.Count(); n > 0 && in.ok(); --n) {
    Span span;
    span.kind = static_cast<SpanKind>(in.Int(0, static_cast<int64_t>(SpanKind::kDelimiter)));
    span.passage = in.Int(0, passages) - 1;
    span.number = in.Int();
    const auto begin = static_cast<int64_t>(context.text.size());
    if (span.verbatim()) {
      if (!in.ok() || span.passage < 0) return std::nullopt;
      const std::string& text = request.passages[static_cast<size_t>(span.passage)].text;
      span.source.begin = in.Number(0, static_cast<int64_t>(text.size()));
      span.source.end = span.source.begin + in.Number(1, static_cast<int64_t>(text.size()) - span.source.begin);
      if (!in.ok()) return std::nullopt;
      context.text.append(Slice(text, span.source));
    } else {
      context.text.append(in.Text());
      for (size_t c = in.Count(); c > 0 && in.ok(); --c) span.cited_passages.push_back(in.Int(0, passages - 1));
    }
    span.output = {begin, static_cast<int64_t>(context.text.size())};
    context.spans.push_back(std::move(span));
  }
  DecodeReceipt(request, &in, &context.receipt);
  if (!in.done()) return std::nullopt;
  return context;
}

}  // namespace precis::compress
