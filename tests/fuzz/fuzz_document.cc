// Any bytes as a document of the media type PRECIS_FUZZ_MEDIA_TYPE: one target for each parser.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "parse/document_parser.h"
#include "precis/base/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace precis::index;
  const std::string_view content(reinterpret_cast<const char*>(data), size);
  ParseLimits limits;
  limits.max_text_bytes = 4 << 20;
  const auto document = ParseDocument("file", PRECIS_FUZZ_MEDIA_TYPE, content, limits, precis::CallContext());
  if (!document.ok()) return 0;
  const std::string_view text = document->text;
  if (text.empty() || !precis::IsValidUtf8(text) || static_cast<int64_t>(text.size()) > limits.max_text_bytes) abort();
  if (!precis::IsValidUtf8(document->title)) abort();
  // Each part of the text stands somewhere in the file, and the map survives being stored.
  const auto end = static_cast<int64_t>(text.size());
  for (int64_t begin = 0; begin < end; begin += std::max<int64_t>(1, end / 16)) {
    const SourceLocation at = document->map.Locate({begin, std::min(end, begin + 7)});
    if (!at.original_range.has_value()) continue;
    const auto& [from, to] = *at.original_range;
    if (from < 0 || from > to || to > static_cast<int64_t>(content.size())) abort();
  }
  const auto stored = SourceMap::Deserialize(document->map.Serialize());
  if (!stored.ok() || !(*stored == document->map)) abort();
  return 0;
}
