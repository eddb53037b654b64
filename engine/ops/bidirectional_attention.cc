#include "ops/bidirectional_attention.h"

#include "absl/strings/str_cat.h"
#include "precis/base/status_macros.h"

namespace precis::engine {

absl::Status BidirectionalAttention(const OpContext& context, MatrixView qkv, RaggedStarts starts, int64_t heads,
                                    float scale, MutableMatrix out) {
  if (heads < 1 || out.columns % heads != 0 || qkv.columns != 3 * out.columns || qkv.rows != out.rows) {
    return absl::InvalidArgumentError(absl::StrCat("attention with ", heads, " heads got q, k, v as [", qkv.rows, ", ",
                                                   qkv.columns, "] and out as [", out.rows, ", ", out.columns, "]"));
  }
  if (!(scale > 0)) return absl::InvalidArgumentError(absl::StrCat("attention scale is ", scale, ", must be > 0"));
  PRECIS_RETURN_IF_ERROR(CheckRagged(starts, qkv.rows));
  BidirectionalAttentionCpu(context, qkv, starts, heads, scale, out);
  return absl::OkStatus();
}

}  // namespace precis::engine
