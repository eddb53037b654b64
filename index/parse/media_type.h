// What a file is, from what its sender says, its name, and its first bytes.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace precis::index {

enum class Format { kPlain, kMarkdown, kHtml, kJson, kJsonLines, kCsv, kPdf };

struct FileType {
  Format format = Format::kPlain;
  std::string media_type;  // lower case, without parameters
  std::string language;    // of code: "python"
  std::string charset;     // as the media type's parameter declares it
};

// Errors: UNSUPPORTED_MEDIA_TYPE, with the types that are read.
absl::StatusOr<FileType> DetectFileType(std::string_view uri, std::string_view media_type, std::string_view content);

}  // namespace precis::index
