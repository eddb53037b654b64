#include "ops/gated_activation.h"

#include "absl/strings/str_cat.h"

namespace precis::engine {

absl::Status GatedActivation(const OpContext& context, MatrixView x, PointwiseFn fn, MutableMatrix y) {
  if (x.rows != y.rows || x.columns != 2 * y.columns) {
    return absl::InvalidArgumentError(
        absl::StrCat("gated activation got x [", x.rows, ", ", x.columns, "] and y [", y.rows, ", ", y.columns, "]"));
  }
  GatedActivationCpu(context, x, fn, y);
  return absl::OkStatus();
}

}  // namespace precis::engine
