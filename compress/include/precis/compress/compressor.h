// Turns retrieved passages into one context that fits a token budget. Methods live in compress/methods, one file each;
// a line in methods/method_table.cc is all that the rest of the program knows of them.
#pragma once

#include <cstdint>
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
#include "precis/engine/model_info.h"
#include "precis/engine/segment_scorer.h"
#include "precis/engine/token_scorer.h"

namespace precis::compress {

// What methods may use. Any may be null: a method that needs it is unavailable.
struct Resources {
  std::shared_ptr<engine::Embedder> embedder;
  std::shared_ptr<engine::Generator> generator;
  std::shared_ptr<engine::TokenScorer> scorer;
  std::shared_ptr<engine::SegmentScorer> segment_scorer;  // the same model
  engine::ModelInfo scorer_info;              // of both: its fingerprint is part of the cache key, its window used
  std::string no_generator, no_scorer;        // why there is none, one sentence; may be empty
  std::shared_ptr<cache::TaggedCache> cache;  // compressed contexts
};

struct MethodInfo {
  std::string name;
  std::string description;    // one sentence
  int algorithm_version = 1;  // changes whenever equal requests may give another context; part of the cache key
  bool verbatim = true;       // every byte of the result is from a passage
  bool uses_query = false;    // the query changes the result; only then is it part of the cache key
  bool needs_query = false, needs_embedder = false, needs_generator = false, needs_scorer = false;
  bool uses_generator = false, uses_scorer = false;  // where one is loaded
  bool available = true;                             // with these Resources
  std::string unavailable_reason;                    // one sentence; empty where available
  std::string gentler;  // the method that replaces it when it cannot run or misses min_fidelity; may be empty
  struct Parameter {
    std::string name;
    std::string type;  // "bool", "int", "double", "string" or "enum"
    std::string default_value;
    std::string bounds;  // "0..1", or the values of an enum: "a|b"; empty where unbounded
    std::string description;
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
  // Errors: InvalidArgument (budget < 1, no tokenizer, unknown method or parameter: the known ones are listed; text
  // that is not UTF-8: the passage is named), ResourceExhausted (more than kMaxInputBytes of text), FailedPrecondition
  // (protected spans need more tokens than the budget, with both numbers; min_fidelity out of reach; a resource is
  // missing and the policy is kFail), Cancelled, DeadlineExceeded.
  [[nodiscard]] virtual absl::StatusOr<Context> Compress(const Request& request, const CallContext& call,
                                                         const ProgressSink& progress = {}) = 0;

  // By name.
  virtual std::vector<MethodInfo> ListMethods() const = 0;
};

// The mark of a passage's number, which counts from 1: "[1] ". The answering model is asked to cite by these.
std::string PassageMark(int number);

}  // namespace precis::compress
