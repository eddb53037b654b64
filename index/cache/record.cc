#include "record.h"

#include "precis/base/hash.h"

namespace precis::cache {
namespace {

constexpr size_t kChecksumBytes = 16;

void AppendU32(uint32_t value, std::string* out) {
  for (int i = 0; i < 4; ++i) out->push_back(static_cast<char>(value >> (8 * i)));
}

bool ReadU32(std::string_view* in, uint32_t* value) {
  if (in->size() < 4) return false;
  *value = 0;
  for (int i = 0; i < 4; ++i) *value |= static_cast<uint32_t>(static_cast<uint8_t>((*in)[i])) << (8 * i);
  in->remove_prefix(4);
  return true;
}

void AppendString(std::string_view text, std::string* out) {
  AppendU32(static_cast<uint32_t>(text.size()), out);
  out->append(text);
}

bool ReadString(std::string_view* in, std::string* text) {
  uint32_t size;
  if (!ReadU32(in, &size) || in->size() < size) return false;
  text->assign(in->substr(0, size));
  in->remove_prefix(size);
  return true;
}

std::string Checksum(std::string_view key, std::string_view body) {
  Hasher hasher;
  hasher.Field(key).Field(body);
  const Digest digest = hasher.Finish();
  return std::string(reinterpret_cast<const char*>(digest.data()), kChecksumBytes);
}

}  // namespace

void AppendU64(uint64_t value, std::string* out) {
  for (int i = 0; i < 8; ++i) out->push_back(static_cast<char>(value >> (8 * i)));
}

bool ReadU64(std::string_view* in, uint64_t* value) {
  if (in->size() < 8) return false;
  *value = 0;
  for (int i = 0; i < 8; ++i) *value |= static_cast<uint64_t>(static_cast<uint8_t>((*in)[i])) << (8 * i);
  in->remove_prefix(8);
  return true;
}

std::string OrderKey(uint64_t order) {
  std::string key(8, '\0');
  for (int i = 0; i < 8; ++i) key[i] = static_cast<char>(order >> (8 * (7 - i)));
  return key;
}

uint64_t ParseOrderKey(std::string_view key) {
  uint64_t order = 0;
  for (const char c : key.substr(0, 8)) order = order << 8 | static_cast<uint8_t>(c);
  return order;
}

std::string EncodeRecord(std::string_view key, uint64_t order, std::span<const Owner> owners, std::string_view value) {
  std::string body;
  body.reserve(value.size() + 12 + owners.size() * 96);
  AppendU64(order, &body);
  AppendU32(static_cast<uint32_t>(owners.size()), &body);
  for (const Owner& owner : owners) {
    AppendString(owner.tenant, &body);
    AppendString(owner.document_id, &body);
    AppendU64(owner.read_epoch, &body);
  }
  body.append(value);
  return Checksum(key, body) + body;
}

bool DecodeRecord(std::string_view key, std::string_view bytes, Record* record) {
  if (bytes.size() < kChecksumBytes) return false;
  const std::string_view checksum = bytes.substr(0, kChecksumBytes);
  std::string_view in = bytes.substr(kChecksumBytes);
  if (Checksum(key, in) != checksum) return false;
  uint32_t count;
  if (!ReadU64(&in, &record->order) || !ReadU32(&in, &count)) return false;
  record->owners.clear();
  for (uint32_t i = 0; i < count; ++i) {
    Owner owner;
    if (!ReadString(&in, &owner.tenant) || !ReadString(&in, &owner.document_id) || !ReadU64(&in, &owner.read_epoch)) {
      return false;
    }
    record->owners.push_back(std::move(owner));
  }
  record->value = in;
  return true;
}

std::string OwnerKey(std::string_view tenant, std::string_view document_id) {
  std::string key;
  AppendString(tenant, &key);
  AppendString(document_id, &key);
  return key;
}

}  // namespace precis::cache
