// Turns retrieved passages into one context that fits a token budget. Methods live in compress/methods, one file each;
// a line in methods/method_table.cc is all that the rest of the program knows of them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "precis/base/call_context.h"
#include "precis/cache/tagged_cache.h"
#include "precis/compress/types.h"
#include "precis/engine/embedder.h"
#include "precis/engine/generator.h"
#include "precis/engine/token_scorer.h"

namespace precis::compress {

// What methods may use. Any may be null: a method that needs it fails with FailedPrecondition that says so, and "auto"
// does not pick it.
struct Resources {
  std::shared_ptr<engine::Embedder> embedder;
  std::shared_ptr<engine::Generator> generator;
  std::shared_ptr<engine::TokenScorer> scorer;
  std::shared_ptr<cache::TaggedCache> cache;  // compressed contexts
};

struct MethodInfo {
  std::string name;
  std::string description;  // one sentence
  bool verbatim = true;     // every byte of the result is from a passage
  bool needs_query = false, needs_embedder = false, needs_generator = false, needs_scorer = false;
  struct Parameter {
    std::string name, type, default_value, description;
  };
  std::vector<Parameter> parameters;
};

// Progress of a long compression: stage, units done, units in all (0: unknown). Called on the calling thread.
using ProgressSink = std::function<void(const std::string& stage, int64_t done, int64_t total)>;

// Thread-safe. Deterministic: equal requests give equal contexts, whatever else is running.
class Compressor {
 public:
  static std::unique_ptr<Compressor> Make(Resources resources);
  virtual ~Compressor() = default;

  // A context with tokens_out <= budget.max_tokens. An empty context is no answer: the next-best unit does not fit any
  // more; where not even one word fits, FailedPrecondition says how many tokens the smallest would need. No passages,
  // or only blank ones: an empty context and a warning.
  // Errors: InvalidArgument (budget < 1, no tokenizer, unknown method or parameter: the known ones are listed),
  // FailedPrecondition (protected spans need more tokens than the budget, with both numbers; a resource is missing),
  // Cancelled, DeadlineExceeded.
  [[nodiscard]] virtual absl::StatusOr<Context> Compress(const Request& request, const CallContext& call,
                                                         const ProgressSink& progress = {}) = 0;

  virtual std::vector<MethodInfo> ListMethods() const = 0;
};

// The context of one passage as every method writes it: a mark that carries the passage's number, then its text.
//   [1] text\n
// `number` counts from 1. The answering model is asked to cite by these marks.
std::string PassageMark(int number);

}  // namespace precis::compress
