// Any bytes as what the reader of PDFs wrote, and as a stored source map: a crashed or hostile reader writes anything.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "parse/pdf_frames.h"
#include "parse/source_map.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace precis::index;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  std::string_view rest = input;
  std::string written;
  while (const auto frame = TakePdfFrame(&rest)) AppendPdfFrame(frame->first, frame->second, &written);
  // What was taken is what stood there, and nothing is taken twice or lost.
  if (written.append(rest) != input) abort();
  const auto map = SourceMap::Deserialize(input);
  if (!map.ok()) return 0;
  (void)map->Locate({0, static_cast<int64_t>(size)});
  const auto again = SourceMap::Deserialize(map->Serialize());
  if (!again.ok() || !(*again == *map)) abort();
  return 0;
}
