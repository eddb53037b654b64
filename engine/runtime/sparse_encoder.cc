// LoadSparseEncoder: SPLADE over an encoder with a masked-word head.
#include "precis/engine/sparse_encoder.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "models/encoder_heads.h"
#include "precis/base/status_macros.h"
#include "precis/engine/load_heads.h"
#include "runtime/encoder_model.h"
#include "runtime/windows.h"

namespace precis::engine {
namespace {

class HeadSparseEncoder final : public SparseEncoder {
 public:
  HeadSparseEncoder(EncoderModel model, MaskedWordHead head) : runner_(std::move(model)), head_(std::move(head)) {}

  const ModelInfo& info() const override { return runner_.model().info; }
  const Tokenizer& tokenizer() const override { return *runner_.model().tokenizer; }

  absl::StatusOr<std::vector<SparseVector>> Encode(std::span<const std::string_view> texts, LongInput long_input,
                                                   const CallContext& call) override {
    const SpecialTokens& special = tokenizer().special();
    const WindowFrame frame{.max_tokens = info().max_tokens, .cls = special.cls, .sep = special.sep, .prefix = {}};
    std::vector<TextWindows> inputs(texts.size());
    std::vector<EncoderRunner::Sequence> sequences;
    std::vector<size_t> owners;
    for (size_t i = 0; i < texts.size(); ++i) {
      if (i % 64 == 0) PRECIS_RETURN_IF_ERROR(call.Check());
      PRECIS_ASSIGN_OR_RETURN(const std::vector<TokenId> ids, tokenizer().Encode(texts[i], {}));
      PRECIS_ASSIGN_OR_RETURN(inputs[i], MakeWindows(ids, frame, long_input, static_cast<int64_t>(i)));
      for (const std::vector<TokenId>& window : inputs[i].windows) {
        sequences.push_back({window});
        owners.push_back(i);
      }
    }
    std::vector<SparseVector> vectors(texts.size());
    const int64_t words = head_.vocabulary();
    AlignedBuffer<float> scratch, batch;
    std::vector<float> best;  // of the text whose windows are under way
    PRECIS_RETURN_IF_ERROR(runner_.Run(
        sequences, call,
        [&](const OpContext& context, MatrixView hidden, RaggedStarts starts, int64_t first) -> absl::Status {
          const int64_t count = SequenceCount(starts);
          batch.Grow(count * words);
          const MutableMatrix greatest(batch.data(), count, words);
          PRECIS_RETURN_IF_ERROR(head_.Greatest(context, hidden, starts, &scratch, greatest));
          for (int64_t s = 0; s < count; ++s) {
            const size_t window = static_cast<size_t>(first + s), owner = owners[window];
            const float* row = greatest.row(s);
            if (window == 0 || owners[window - 1] != owner) {
              best.assign(row, row + words);
            } else {
              for (int64_t i = 0; i < words; ++i) best[i] = std::max(best[i], row[i]);
            }
            if (window + 1 == owners.size() || owners[window + 1] != owner)
              Finish(inputs[owner], best, &vectors[owner]);
          }
          return absl::OkStatus();
        }));
    return vectors;
  }

 private:
  // The logarithm grows with its argument: it is enough to take it of the greatest.
  static void Finish(const TextWindows& input, std::span<const float> best, SparseVector* vector) {
    for (size_t i = 0; i < best.size(); ++i) {
      // In double and then rounded: no libm's last bit is seen.
      if (best[i] > 0) {
        vector->entries.push_back({static_cast<TokenId>(i), static_cast<float>(std::log1p(double{best[i]}))});
      }
    }
    vector->tokens_total = input.tokens_total;
    vector->tokens_used = input.tokens_used;
    vector->truncated = input.truncated;
  }

  EncoderRunner runner_;
  const MaskedWordHead head_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<SparseEncoder>> LoadSparseEncoder(const std::string& path, const LoadOptions& options) {
  PRECIS_ASSIGN_OR_RETURN(EncoderModel model, LoadEncoderModel(path, options, "splade"));
  PRECIS_RETURN_IF_ERROR(CheckEncoderTokenizer(model));
  PRECIS_ASSIGN_OR_RETURN(MaskedWordHead head,
                          MaskedWordHead::Load(model.encoder->file(), model.encoder->config(), options.check_weights));
  model.info.dimensions = static_cast<int>(head.vocabulary());
  return std::make_shared<HeadSparseEncoder>(std::move(model), std::move(head));
}

}  // namespace precis::engine
