// Any bytes as a safetensors file: opened, and if they pass, everything in them is read.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "formats/dequantize.h"
#include "formats/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using precis::engine::SafetensorsFile;
  const auto file =
      SafetensorsFile::FromBytes(std::string(reinterpret_cast<const char*>(data), size), "fuzz.safetensors");
  if (!file.ok()) return 0;
  size_t total = 0;
  for (const precis::engine::TensorView& tensor : (*file)->tensors().all()) {
    if (tensor.rows() * tensor.row_bytes() != static_cast<int64_t>(tensor.bytes.size())) abort();
    total += tensor.bytes.size();
    (void)precis::engine::Dequantize(tensor);
  }
  // The ranges tile the data, so no byte is read twice.
  if (total > size) abort();
  return 0;
}
