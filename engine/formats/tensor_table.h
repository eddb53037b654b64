// The tensors of one model file, by name. What GGUF and safetensors have in common, so that a model's loader does not
// care which of them it reads.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "formats/tensor_types.h"

namespace precis::engine {

// Immutable once the reader has filled it; then thread-safe.
class TensorTable {
 public:
  // `origin`: the file's path, for error messages.
  explicit TensorTable(std::string origin) : origin_(std::move(origin)) {}

  // InvalidArgument when the name is taken.
  absl::Status Add(TensorView tensor);

  // Null when there is none.
  const TensorView* Find(std::string_view name) const;

  // NotFound with the name and the file.
  absl::StatusOr<const TensorView*> Get(std::string_view name) const;

  // As above, and InvalidArgument with both shapes when it has another one. -1 in `shape` matches any size.
  absl::StatusOr<const TensorView*> Get(std::string_view name, const std::vector<int64_t>& shape) const;

  // In the file's order.
  const std::vector<TensorView>& all() const { return tensors_; }
  const std::string& origin() const { return origin_; }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  std::string origin_;
  std::vector<TensorView> tensors_;
  std::unordered_map<std::string, size_t, Hash, std::equal_to<>> index_;
};

}  // namespace precis::engine
