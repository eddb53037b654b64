// What precis-pdf-reader writes to its standard output: frames of a tag, the length of the payload (4 bytes,
// little-endian) and the payload. The last one is kDone or kError; where it is missing the reader did not get that far.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace precis::index {

inline constexpr char kPdfReaderName[] = "precis-pdf-reader";

enum class PdfFrame : char {
  kPageCount = 'N',    // decimal number
  kPage = 'P',         // its text
  kMissingPage = 'M',  // no payload: the page could not be read
  kTitle = 'T',
  kDone = 'D',
  kError = 'E',  // a reason (precis/base/reason.h), a line feed, a sentence
};

inline void AppendPdfFrame(PdfFrame tag, std::string_view payload, std::string* out) {
  out->push_back(static_cast<char>(tag));
  for (int shift = 0; shift < 32; shift += 8) out->push_back(static_cast<char>(payload.size() >> shift));
  out->append(payload);
}

// Takes the first frame off `bytes`. Nothing where no whole one is there.
inline std::optional<std::pair<PdfFrame, std::string_view>> TakePdfFrame(std::string_view* bytes) {
  if (bytes->size() < 5) return std::nullopt;
  uint32_t size = 0;
  for (int i = 0; i < 4; ++i) size |= static_cast<uint32_t>(static_cast<uint8_t>((*bytes)[1 + i])) << (8 * i);
  if (bytes->size() - 5 < size) return std::nullopt;
  const std::pair<PdfFrame, std::string_view> frame(static_cast<PdfFrame>(bytes->front()), bytes->substr(5, size));
  bytes->remove_prefix(5 + size);
  return frame;
}

}  // namespace precis::index
