// Any bytes as a GGUF file: opened, and if they pass, everything in them is read.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "formats/dequantize.h"
#include "formats/gguf.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using precis::engine::GgufFile;
  const auto file = GgufFile::FromBytes(std::string(reinterpret_cast<const char*>(data), size), "fuzz.gguf");
  if (!file.ok()) return 0;
  for (std::string_view key : (*file)->Keys()) {
    (void)(*file)->GetString(key);
    (void)(*file)->GetBool(key);
    (void)(*file)->GetI64(key);
    (void)(*file)->GetU64(key);
    (void)(*file)->GetF32(key);
    (void)(*file)->GetStrings(key);
    (void)(*file)->GetI32s(key);
    (void)(*file)->GetF32s(key);
    (void)(*file)->GetBools(key);
  }
  for (const precis::engine::TensorView& tensor : (*file)->tensors().all()) {
    // What the reader promises of a tensor; a kernel relies on it without looking again.
    if (tensor.rows() < 1 || tensor.rows() * tensor.row_bytes() != static_cast<int64_t>(tensor.bytes.size())) abort();
    (void)precis::engine::Dequantize(tensor);
  }
  return 0;
}
