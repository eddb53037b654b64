// The weights of a Hugging Face folder: one model.safetensors, or parts that model.safetensors.index.json lists.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "formats/safetensors.h"
#include "formats/tensor_table.h"

namespace precis::engine {

inline constexpr size_t kMaxSafetensorsParts = 1024;

// Immutable, thread-safe. Views that it hands out are valid as long as it lives.
class SafetensorsSet {
 public:
  // `weights`: a .safetensors file, or the index. Parts lie beside the index, under plain names. Errors: as
  // SafetensorsFile::Open for each part; InvalidArgument for an index that is broken, names a path or lists a tensor
  // that its part does not have, and for a tensor that two parts have.
  static absl::StatusOr<std::shared_ptr<const SafetensorsSet>> Open(const std::string& weights);

  const TensorTable& tensors() const { return tensors_; }
  int64_t size_bytes() const;
  // The files with weights, in the order of their names.
  const std::vector<std::string>& paths() const { return paths_; }

  // Tells the system that the tensor's pages are not needed any more (after repacking). They can still be read.
  void Release(const TensorView& tensor) const;

 private:
  explicit SafetensorsSet(std::string origin) : tensors_(std::move(origin)) {}

  std::vector<std::string> paths_;
  std::vector<std::shared_ptr<const SafetensorsFile>> parts_;
  std::vector<size_t> part_of_;  // of each of tensors_.all()
  TensorTable tensors_;
};

}  // namespace precis::engine
