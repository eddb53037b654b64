#include "receipt.h"

#include "precis/text/sentences.h"

namespace precis::compress {

void DescribeContext(const Request& request, const ProtectedSet& protection, Context* context) {
  Receipt& receipt = context->receipt;
  const size_t count = request.passages.size();
  receipt.passages_in = static_cast<int>(count);
  receipt.passages.assign(count, {});
  const auto covers = VerbatimCover(context->spans, count);
  for (size_t i = 0; i < count; ++i) {
    PassageReceipt& passage = receipt.passages[i];
    passage.bytes_in = static_cast<int64_t>(request.passages[i].text.size());
    for (const ByteRange& range : covers[i]) passage.bytes_kept += range.size();
    passage.used = passage.bytes_kept > 0;
    for (const ByteRange& sentence : text::SplitSentences(request.passages[i].text)) {
      ++receipt.sentences_in;
      receipt.sentences_kept += Covers(covers[i], sentence);
    }
  }
  for (const Span& span : context->spans) {
    for (const int cited : span.cited_passages) receipt.passages[static_cast<size_t>(cited)].used = true;
  }
  for (const PassageReceipt& passage : receipt.passages) receipt.passages_kept += passage.used;
  receipt.protection = protection.Count(context->text, context->spans);
}

}  // namespace precis::compress
