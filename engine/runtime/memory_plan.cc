#include "runtime/memory_plan.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "cpu/q_matrix.h"
#include "runtime/scheduler.h"

namespace precis::engine {
namespace {

constexpr std::string_view kHfEmbedding = "model.embed_tokens.weight";

int64_t PackedBytes(const TensorView& t, bool exact) {
  const int64_t panels = (t.rows() + cpu::kPanel - 1) / cpu::kPanel;
  const bool floats = exact || t.columns() % cpu::kBlock != 0 || !cpu::CanPackQuantized(t.type);
  return panels * (floats ? t.columns() * cpu::kPanel * 4 : cpu::QPanelBytes(cpu::QFormatOf(t.type), t.columns()));
}

}  // namespace

MemoryPlan PlanMemory(const TensorTable& tensors, const DecoderConfig& c, bool exact, int max_sequences) {
  MemoryPlan plan;
  for (const TensorView& t : tensors.all()) {
    if (t.shape.size() != 2) {
      plan.weights += t.elements() * 4;
    } else if (c.tied ? t.name != "lm_head.weight" : t.name != "token_embd.weight" && t.name != kHfEmbedding) {
      // Untied embeddings stay in the file, row by row; a tied output matrix that is stored again is not read.
      plan.weights += PackedBytes(t, exact);
    }
  }
  // Of a row in decoder.h: floats, and the quantised form of the widest input.
  const int64_t attention = c.heads * c.head_dim;
  const int64_t floats = 4 * c.hidden + 2 * attention + 2 * c.kv_heads * c.head_dim + 3 * c.ffn + 2 * c.head_dim;
  const int64_t quantized = 3 * std::max({c.hidden, c.ffn, attention});
  plan.activations = Scheduler::MostRows(max_sequences) * (4 * floats + quantized);
  plan.activations += Scheduler::kLogitRows * c.vocabulary * 4;
  // Each sequence's candidates while it samples, and its index of what was there before.
  plan.activations += max_sequences * (12 * c.vocabulary + 16 * c.context);
  return plan;
}

absl::Status CheckMemory(const std::string& model, const MemoryPlan& plan, const MemoryPlan& draft, int64_t limit) {
  const int64_t total = plan.total() + draft.total();
  if (limit == 0 || total <= limit) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("model '", model, "' needs ", total, " bytes of memory (weights ", plan.weights,
                   ", keys and values ", plan.keys_values, ", activations ", plan.activations,
                   draft.total() > 0 ? absl::StrCat(", draft model ", draft.total()) : "", ") and ", limit,
                   " are left to it: raise the memory limit, lower the key-value budget or use a smaller model"));
}

}  // namespace precis::engine
