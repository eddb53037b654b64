// A capsule as a file: what ExportCapsule streams and ImportCapsule takes. Little-endian:
//
//   "precis-capsule\n"   format:u32   read_epoch:u64   size:u64   a v1.Capsule of that size   SHA-256 of all before it
//
// `read_epoch`: the sequence number at which its documents were read. Format 1 is the first.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "precis/v1/compression.pb.h"

namespace precis::services {

struct CapsuleFile {
  v1::Capsule capsule;  // with its context, without tenant
  uint64_t read_epoch = 0;
};

// Equal capsules give equal bytes.
std::string EncodeCapsuleFile(const CapsuleFile& file);

// The bytes may be hostile. InvalidArgument, with what is wrong where: no capsule file, a newer format, cut off, a
// wrong checksum, a text that is not UTF-8, spans that do not cover it.
absl::StatusOr<CapsuleFile> DecodeCapsuleFile(std::string_view bytes);

}  // namespace precis::services
