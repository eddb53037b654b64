// How the cache writes its entries. Byte layout, little-endian:
//   value record:  checksum[16] order:u64 owner_count:u32 (tenant document_id read_epoch:u64)* value
//   strings:       length:u32 bytes
// The checksum is the first half of SHA-256 over the entry's key and all that follows it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "precis/cache/tagged_cache.h"

namespace precis::cache {

struct Record {
  uint64_t order = 0;  // counts Puts; the smallest is the oldest
  std::vector<Owner> owners;
  std::string_view value;  // into the bytes that were decoded
};

std::string EncodeRecord(std::string_view key, uint64_t order, std::span<const Owner> owners, std::string_view value);
// False when the bytes are not what EncodeRecord made for this key.
bool DecodeRecord(std::string_view key, std::string_view bytes, Record* record);

// The prefix of all reverse-index keys of an owner; no owner's prefix is a prefix of another's.
std::string OwnerKey(std::string_view tenant, std::string_view document_id);

void AppendU64(uint64_t value, std::string* out);
bool ReadU64(std::string_view* in, uint64_t* value);
// Big-endian, so that keys sort by number.
std::string OrderKey(uint64_t order);
uint64_t ParseOrderKey(std::string_view key);

}  // namespace precis::cache
