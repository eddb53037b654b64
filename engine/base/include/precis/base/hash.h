// SHA-256, for ids, fingerprints, cache keys and file checks.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace precis {

// 32 bytes. Ids made from it are its lower-case hex text.
using Digest = std::array<uint8_t, 32>;

std::string ToHex(std::string_view bytes);
std::string ToHex(const Digest& digest);

// Feeds fields one by one. Each field is preceded by its length, so that ("ab","c") and ("a","bc") differ: use Field
// for keys and ids, Raw only for the digest of a file's plain bytes.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;

  Hasher& Raw(std::string_view bytes);
  Hasher& Field(std::string_view bytes);
  Hasher& Field(int64_t value);
  Hasher& Field(double value);

  // The hasher may not be used afterwards.
  Digest Finish();
  std::string FinishHex() { return ToHex(Finish()); }

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Plain SHA-256 of the bytes, as `sha256sum` prints it.
std::string Sha256Hex(std::string_view bytes);
// Of a file's content, read in blocks. NotFound, or the system's error with the path.
absl::StatusOr<std::string> Sha256HexOfFile(const std::string& path);

}  // namespace precis
