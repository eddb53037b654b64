#include "formats/tensor_table.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "formats/quoted.h"
#include "precis/base/status_macros.h"

namespace precis::engine {

absl::Status TensorTable::Add(TensorView tensor) {
  if (!index_.emplace(tensor.name, tensors_.size()).second) {
    return absl::InvalidArgumentError(absl::StrCat("'", origin_, "': two tensors have the name ", Quoted(tensor.name)));
  }
  tensors_.push_back(std::move(tensor));
  return absl::OkStatus();
}

const TensorView* TensorTable::Find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

absl::StatusOr<const TensorView*> TensorTable::Get(std::string_view name) const {
  const TensorView* tensor = Find(name);
  if (tensor == nullptr) {
    return absl::NotFoundError(absl::StrCat("'", origin_, "' has no tensor ", Quoted(name), " among its ",
                                            tensors_.size(), ": it is incomplete or of another architecture"));
  }
  return tensor;
}

absl::StatusOr<const TensorView*> TensorTable::Get(std::string_view name, const std::vector<int64_t>& shape) const {
  PRECIS_ASSIGN_OR_RETURN(const TensorView* tensor, Get(name));
  bool equal = tensor->shape.size() == shape.size();
  for (size_t i = 0; equal && i < shape.size(); ++i) equal = shape[i] == -1 || shape[i] == tensor->shape[i];
  if (!equal) {
    return absl::InvalidArgumentError(absl::StrCat("'", origin_, "': tensor ", Quoted(name), " has shape ",
                                                   ShapeText(tensor->shape), ", the model's dimensions ask for ",
                                                   ShapeText(shape)));
  }
  return tensor;
}

}  // namespace precis::engine
