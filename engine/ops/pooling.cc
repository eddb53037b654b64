#include "ops/pooling.h"

#include "absl/strings/str_cat.h"
#include "precis/base/status_macros.h"

namespace precis::engine {

absl::Status Pool(const OpContext& context, MatrixView x, RaggedStarts starts, PoolingKind kind, MutableMatrix y) {
  PRECIS_RETURN_IF_ERROR(CheckRagged(starts, x.rows));
  if (y.columns != x.columns || y.rows != SequenceCount(starts)) {
    return absl::InvalidArgumentError(absl::StrCat("pooling ", SequenceCount(starts), " sequences of ", x.columns,
                                                   " columns got y as [", y.rows, ", ", y.columns, "]"));
  }
  PoolCpu(context, x, starts, kind, y);
  return absl::OkStatus();
}

}  // namespace precis::engine
