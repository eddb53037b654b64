#include "ops/bidirectional_attention.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "precis/base/status_macros.h"

namespace precis::engine {

absl::Status BidirectionalAttention(const OpContext& context, MatrixView qkv, RaggedStarts starts, int64_t heads,
                                    float scale, MutableMatrix out, const AttentionDistance& distance) {
  if (heads < 1 || out.columns % heads != 0 || qkv.columns != 3 * out.columns || qkv.rows != out.rows) {
    return absl::InvalidArgumentError(absl::StrCat("attention with ", heads, " heads got q, k, v as [", qkv.rows, ", ",
                                                   qkv.columns, "] and out as [", out.rows, ", ", out.columns, "]"));
  }
  if (!(scale > 0)) return absl::InvalidArgumentError(absl::StrCat("attention scale is ", scale, ", must be > 0"));
  PRECIS_RETURN_IF_ERROR(CheckRagged(starts, qkv.rows));
  if (distance.bias.data != nullptr) {
    int64_t longest = 0;
    for (int64_t s = 0; s < SequenceCount(starts); ++s) longest = std::max(longest, starts[s + 1] - starts[s]);
    if (distance.reach != 0 || distance.bias.rows != heads || distance.bias.columns < 2 * longest + 15) {
      return absl::InvalidArgumentError(absl::StrCat("attention with ", heads, " heads over up to ", longest,
                                                     " tokens got a bias [", distance.bias.rows, ", ",
                                                     distance.bias.columns, "] and a reach of ", distance.reach));
    }
  }
  if (distance.reach < 0) {
    return absl::InvalidArgumentError(absl::StrCat("attention reach is ", distance.reach, ", must be >= 0"));
  }
  BidirectionalAttentionCpu(context, qkv, starts, heads, scale, out, distance);
  return absl::OkStatus();
}

}  // namespace precis::engine
