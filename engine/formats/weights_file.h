// The tensors of opened model files of any format, for loaders that do not care which it is.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "formats/gguf.h"
#include "formats/safetensors.h"
#include "formats/safetensors_set.h"

namespace precis::engine {

// Copies share the files. Never empty. Implicit: each of the three is one.
class WeightsFile {
 public:
  WeightsFile(std::shared_ptr<const SafetensorsFile> file)  // NOLINT(google-explicit-constructor)
      : one_(std::move(file)) {}
  WeightsFile(std::shared_ptr<const SafetensorsSet> files)  // NOLINT(google-explicit-constructor)
      : set_(std::move(files)) {}
  WeightsFile(std::shared_ptr<const GgufFile> file) : gguf_(std::move(file)) {}  // NOLINT(google-explicit-constructor)

  bool is_gguf() const { return gguf_ != nullptr; }
  const TensorTable& tensors() const {
    if (gguf_ != nullptr) return gguf_->tensors();
    return set_ != nullptr ? set_->tensors() : one_->tensors();
  }
  int64_t size_bytes() const {
    if (gguf_ != nullptr) return gguf_->size_bytes();
    return set_ != nullptr ? set_->size_bytes() : one_->size_bytes();
  }
  void Release(const TensorView& tensor) const {
    if (gguf_ != nullptr) {
      gguf_->Release(tensor);
    } else if (set_ != nullptr) {
      set_->Release(tensor);
    } else {
      one_->Release(tensor);
    }
  }

 private:
  std::shared_ptr<const SafetensorsFile> one_;
  std::shared_ptr<const SafetensorsSet> set_;
  std::shared_ptr<const GgufFile> gguf_;
};

}  // namespace precis::engine
