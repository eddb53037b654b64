// Keys of the column families. Every part but the last has a fixed length, so that no part can run into the next one;
// numbers are big-endian, so that keys sort by them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace precis::index {

// `uid` numbers collections and is never used again: a collection deleted and made anew shares no key with the old one.
std::string CollectionPrefix(uint64_t uid);
// The first key behind all keys of the collection.
std::string CollectionEnd(uint64_t uid);

// `id`: 64 hexadecimal digits, stored as 32 bytes.
std::string DocumentKeyOf(uint64_t uid, std::string_view document_id);

// All that one attempt to store a version wrote. Two attempts at the same version (two clients, or a delete followed by
// the same document again while the old one is being swept) never share a key.
std::string VersionPrefix(uint64_t uid, std::string_view version_id, uint64_t attempt);
inline constexpr size_t kVersionPrefixBytes = 8 + 32 + 8;
// Of a chunk, a vector, a chunk's terms, or a part of a text.
std::string OrdinalKey(std::string_view version_prefix, uint32_t ordinal);

uint64_t ReadBigEndian64(std::string_view bytes);  // requires 8 bytes
uint32_t ReadBigEndian32(std::string_view bytes);  // requires 4 bytes
std::string BigEndian64(uint64_t value);
// 32 bytes of 64 lower-case hexadecimal digits, or nothing if they are not that.
std::string BytesOfHex(std::string_view hex);

}  // namespace precis::index
