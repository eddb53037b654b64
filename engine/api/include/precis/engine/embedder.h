// Texts to vectors.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "precis/base/call_context.h"
#include "precis/engine/model_info.h"
#include "precis/engine/tokenizer.h"

namespace precis::engine {

// What a text is for: models with prefixes treat queries and documents differently.
enum class InputRole { kPlain, kQuery, kDocument };

// What happens to a text longer than the model's window.
enum class LongInput {
  kError,         // InvalidArgument that names both numbers (default)
  kTruncate,      // the first tokens count, Embedding::truncated is set
  kSplitAndPool,  // windows are embedded and their vectors averaged by length, then normalised
};

// Whose text it is, for implementations that cache: a deleted owner takes its cached vectors along. The engine itself
// ignores it. `read_epoch` is the owner's delete epoch at which the text was read.
struct CacheTag {
  std::string tenant;
  std::string owner;  // document id; empty: the text belongs to no document (a query)
  uint64_t read_epoch = 0;
};

struct EmbedOptions {
  InputRole role = InputRole::kPlain;
  LongInput long_input = LongInput::kError;
  std::span<const CacheTag> tags = {};  // empty, or one for each text; outlives the call
};

struct Embedding {
  std::vector<float> vector;  // ModelInfo::dimensions values, L2 norm 1
  int64_t tokens_total = 0;   // of the text with prefix and special tokens
  int64_t tokens_used = 0;    // less than tokens_total only when truncated
  bool truncated = false;
  bool cache_hit = false;
};

// Thread-safe. The vector of a text does not depend on the other texts of the call, bit by bit.
class Embedder {
 public:
  virtual ~Embedder() = default;

  virtual const ModelInfo& info() const = 0;
  virtual const Tokenizer& tokenizer() const = 0;

  // One embedding for each text, in order. Any number of texts, any order of lengths: the engine makes its own batches.
  // Errors: InvalidArgument (a text too long under kError, with its index; an empty list is fine), Cancelled,
  // DeadlineExceeded, Unavailable (a remote engine that is down).
  [[nodiscard]] virtual absl::StatusOr<std::vector<Embedding>> Embed(std::span<const std::string_view> texts,
                                                                     const EmbedOptions& options,
                                                                     const CallContext& call) = 0;
};

}  // namespace precis::engine
