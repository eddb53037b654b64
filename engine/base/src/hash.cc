#include "precis/base/hash.h"

#include <openssl/evp.h>

#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace precis {

struct Hasher::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

Hasher::Hasher() : state_(std::make_unique<State>()) { EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr); }
Hasher::~Hasher() = default;

Hasher& Hasher::Raw(std::string_view bytes) {
  EVP_DigestUpdate(state_->context, bytes.data(), bytes.size());
  return *this;
}

Hasher& Hasher::Field(std::string_view bytes) {
  Field(static_cast<int64_t>(bytes.size()));
  return Raw(bytes);
}

Hasher& Hasher::Field(int64_t value) {
  // Little-endian by hand: ids must not depend on the machine.
  char bytes[8];
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<char>(static_cast<uint64_t>(value) >> (8 * i));
  return Raw(std::string_view(bytes, sizeof bytes));
}

Hasher& Hasher::Field(double value) { return Field(std::bit_cast<int64_t>(value)); }

Digest Hasher::Finish() {
  Digest digest;
  unsigned int length = 0;
  EVP_DigestFinal_ex(state_->context, digest.data(), &length);
  return digest;
}

std::string ToHex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (char c : bytes) {
    const auto byte = static_cast<uint8_t>(c);
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 15]);
  }
  return out;
}

std::string ToHex(const Digest& digest) {
  return ToHex(std::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

std::string Sha256Hex(std::string_view bytes) { return Hasher().Raw(bytes).FinishHex(); }

absl::StatusOr<std::string> Sha256HexOfFile(const std::string& path) {
  std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (!file) {
    const int error = errno;
    return absl::ErrnoToStatus(error, absl::StrCat("cannot open '", path, "' to hash it"));
  }
  Hasher hasher;
  std::vector<char> block(1 << 20);
  size_t read;
  while ((read = std::fread(block.data(), 1, block.size(), file.get())) > 0) {
    hasher.Raw(std::string_view(block.data(), read));
  }
  if (std::ferror(file.get())) return absl::DataLossError(absl::StrCat("reading '", path, "' failed"));
  return hasher.FinishHex();
}

}  // namespace precis
