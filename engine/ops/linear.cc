#include "ops/linear.h"

#include <algorithm>
#include <atomic>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "formats/dequantize.h"
#include "precis/base/status_macros.h"

namespace precis::engine::ops {

absl::Status LinearWeights::CheckTypes(const std::vector<const TensorView*>& tensors, bool exact) {
  for (const TensorView* t : tensors) {
    if (!CanDequantize(t->type) || (!exact && !cpu::CanPackQuantized(t->type))) {
      return absl::UnimplementedError(absl::StrCat("tensor '", t->name, "' has type ", TypeName(t->type),
                                                   ", which decoders do not read: convert the model to Q8_0, Q4_K or "
                                                   "another supported type"));
    }
    if (t->columns() != tensors.front()->columns()) {
      return absl::InvalidArgumentError(absl::StrCat("tensor '", t->name, "' takes ", t->columns(),
                                                     " inputs where its neighbours take ", tensors.front()->columns()));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<LinearWeights> LinearWeights::Pack(const std::vector<const TensorView*>& tensors, bool exact,
                                                  float wide_above, cpu::ThreadPool* pool) {
  LinearWeights w;
  w.wide_above_ = wide_above;
  PRECIS_RETURN_IF_ERROR(CheckTypes(tensors, exact));
  for (const TensorView* t : tensors) {
    w.inputs_ = t->columns();
    w.outputs_ += t->rows();
    const bool floats = exact || t->columns() % cpu::kBlock != 0;
    w.quantized_ |= !floats;
    w.parts_.push_back(
        cpu::PackedMatrix::Allocate(floats ? cpu::QFormat::kF32 : cpu::QFormatOf(t->type), t->rows(), t->columns()));
    cpu::PackedMatrix& part = w.parts_.back();
    std::mutex mutex;
    absl::Status status;
    pool->ParallelFor(part.panels(), 4, [&](int64_t begin, int64_t end) {
      TensorView rows = *t;
      const int64_t first = begin * cpu::kPanel;
      const int64_t last = std::min(end * cpu::kPanel, t->rows());
      rows.shape = {last - first, t->columns()};
      rows.bytes = t->bytes.substr(static_cast<size_t>(first * t->row_bytes()),
                                   static_cast<size_t>((last - first) * t->row_bytes()));
      absl::Status packed = part.Pack(rows, first);
      if (!packed.ok()) {
        std::lock_guard<std::mutex> lock(mutex);
        status = std::move(packed);
      }
    });
    if (!status.ok()) return status;
  }
  return w;
}

int64_t LinearWeights::size_bytes() const {
  int64_t bytes = 0;
  for (const cpu::PackedMatrix& part : parts_) bytes += part.size_bytes();
  return bytes;
}

void PrepareRow(const cpu::DecodeKernels& kernels, const LinearWeights& w, const LinearInput& in, int64_t r) {
  if (w.quantized()) kernels.quantize(in.x + r * w.inputs(), in.q, r);
}

void Linear(const cpu::DecodeKernels& kernels, cpu::ThreadPool* pool, const LinearWeights& w, const LinearInput& in,
            int64_t rows, float* y) {
  constexpr int64_t kPanelsTogether = 16;
  int64_t panels = 0;
  for (const cpu::PackedMatrix& part : w.parts()) panels += part.panels();
  // A range of panels is worth a thread from about 16 KiB of weights on.
  int64_t grain = std::max<int64_t>(1, (16 << 10) / std::max<int64_t>(1, w.parts()[0].panel_bytes()));
  if (rows > cpu::kPanel) {
    // Many rows want many panels together, and every thread as many ranges as the others.
    const int64_t ranges = pool->threads() * std::clamp<int64_t>(panels / (pool->threads() * kPanelsTogether), 4, 16);
    grain = std::max(grain, (panels + ranges - 1) / ranges);
  }
  cpu::QuantizedRows q = in.q;
  q.rows = rows;
  pool->ParallelFor(panels, grain, [&](int64_t begin, int64_t end) {
    int64_t first_panel = 0, first_output = 0;
    for (const cpu::PackedMatrix& part : w.parts()) {
      const int64_t from = std::max<int64_t>(begin - first_panel, 0);
      const int64_t to = std::min(end - first_panel, part.panels());
      if (from < to) {
        if (part.format() == cpu::QFormat::kF32) {
          kernels.gemm_f32(part, in.x, rows, from, to, y + first_output, w.outputs());
        } else {
          kernels.gemm(part, q, from, to, y + first_output, w.outputs());
        }
      }
      first_panel += part.panels();
      first_output += part.outputs();
    }
  });
}

}  // namespace precis::engine::ops
