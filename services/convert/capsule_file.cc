#include "convert/capsule_file.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "precis/base/hash.h"
#include "precis/base/status_macros.h"
#include "precis/base/utf8.h"

namespace precis::services {
namespace {

constexpr std::string_view kMagic = "precis-capsule\n";
constexpr uint32_t kFormat = 1;
constexpr size_t kHeader = kMagic.size() + 4 + 8 + 8;
constexpr size_t kChecksum = 32;

void AppendNumber(uint64_t value, int bytes, std::string* out) {
  for (int i = 0; i < bytes; ++i) out->push_back(static_cast<char>(value >> (8 * i)));
}

uint64_t ReadNumber(std::string_view bytes, size_t at, int size) {
  uint64_t value = 0;
  for (int i = 0; i < size; ++i) {
    value |= static_cast<uint64_t>(static_cast<uint8_t>(bytes[at + static_cast<size_t>(i)])) << (8 * i);
  }
  return value;
}

std::string Checksum(std::string_view bytes) {
  Hasher hasher;
  const Digest digest = hasher.Raw(bytes).Finish();
  return std::string(reinterpret_cast<const char*>(digest.data()), digest.size());
}

// What Ask and citations rely on.
absl::Status CheckCapsule(const v1::Capsule& capsule) {
  const v1::CompressedContext& context = capsule.context();
  if (!IsValidUtf8(context.text())) return absl::InvalidArgumentError("the capsule's text is not UTF-8");
  int64_t at = 0;
  for (const v1::ContextSpan& span : context.spans()) {
    if (span.output().begin() != at || span.output().end() <= at) {
      return absl::InvalidArgumentError(absl::StrCat("the capsule's spans do not cover its text at byte ", at));
    }
    at = span.output().end();
  }
  if (at != static_cast<int64_t>(context.text().size())) {
    return absl::InvalidArgumentError(
        absl::StrCat("the capsule's spans cover ", at, " bytes of its text of ", context.text().size()));
  }
  return absl::OkStatus();
}

}  // namespace

std::string EncodeCapsuleFile(const CapsuleFile& file) {
  std::string payload;
  {
    google::protobuf::io::StringOutputStream stream(&payload);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    (void)file.capsule.SerializeToCodedStream(&coded);
  }
  std::string bytes(kMagic);
  AppendNumber(kFormat, 4, &bytes);
  AppendNumber(file.read_epoch, 8, &bytes);
  AppendNumber(payload.size(), 8, &bytes);
  bytes += payload;
  return bytes + Checksum(bytes);
}

absl::StatusOr<CapsuleFile> DecodeCapsuleFile(std::string_view bytes) {
  if (bytes.size() < kMagic.size() || bytes.substr(0, kMagic.size()) != kMagic) {
    return absl::InvalidArgumentError("this is no capsule file: it does not begin with 'precis-capsule'");
  }
  if (bytes.size() < kHeader) {
    return absl::InvalidArgumentError(
        absl::StrCat("the capsule file is damaged: it ends after ", bytes.size(), " bytes, in its header"));
  }
  const uint64_t format = ReadNumber(bytes, kMagic.size(), 4);
  if (format != kFormat) {
    return absl::InvalidArgumentError(
        absl::StrCat("the capsule file has format ", format, ", this server reads format ", kFormat));
  }
  const uint64_t size = ReadNumber(bytes, kMagic.size() + 12, 8);
  if (size != bytes.size() - kHeader - std::min(kChecksum, bytes.size() - kHeader)) {
    return absl::InvalidArgumentError(absl::StrCat("the capsule file is damaged: it has ", bytes.size(),
                                                   " bytes, its header tells of a capsule of ", size));
  }
  const std::string_view checked = bytes.substr(0, kHeader + size);
  if (Checksum(checked) != bytes.substr(checked.size())) {
    return absl::InvalidArgumentError("the capsule file is damaged: its checksum is not that of its bytes");
  }
  CapsuleFile file;
  file.read_epoch = ReadNumber(bytes, kMagic.size() + 4, 8);
  if (!file.capsule.ParseFromArray(bytes.data() + kHeader, static_cast<int>(size))) {
    return absl::InvalidArgumentError("the capsule file is damaged: its capsule cannot be read");
  }
  PRECIS_RETURN_IF_ERROR(CheckCapsule(file.capsule));
  return file;
}

}  // namespace precis::services
