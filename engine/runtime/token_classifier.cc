// LoadTokenClassifier: every token of a text through an encoder and a dense layer.
#include "precis/engine/token_classifier.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cpu/float_kernels.h"
#include "models/encoder_heads.h"
#include "precis/base/status_macros.h"
#include "precis/engine/load_heads.h"
#include "runtime/encoder_model.h"

namespace precis::engine {
namespace {

class HeadTokenClassifier final : public TokenClassifier {
 public:
  HeadTokenClassifier(EncoderModel model, TokenHead head) : runner_(std::move(model)), head_(std::move(head)) {}

  const ModelInfo& info() const override { return runner_.model().info; }
  const Tokenizer& tokenizer() const override { return *runner_.model().tokenizer; }
  const std::vector<std::string>& labels() const override { return runner_.model().encoder->config().labels; }

  absl::StatusOr<std::vector<ClassifiedText>> Classify(std::span<const std::string_view> texts,
                                                       const CallContext& call) override {
    const int64_t room = info().max_tokens - 2, count = head_.labels();
    const SpecialTokens& special = tokenizer().special();
    std::vector<ClassifiedText> results(texts.size());
    std::vector<std::vector<TokenId>> ids;
    std::vector<size_t> owners;
    for (size_t i = 0; i < texts.size(); ++i) {
      if (i % 64 == 0) PRECIS_RETURN_IF_ERROR(call.Check());
      PRECIS_ASSIGN_OR_RETURN(results[i].tokens, tokenizer().EncodeWithOffsets(texts[i], {}));
      results[i].windows = 1;
      if (results[i].tokens.empty()) continue;
      std::vector<TokenId> all;
      for (const Token& token : results[i].tokens) all.push_back(token.id);
      const auto windows = EvenWindows(all, room);
      results[i].windows = static_cast<int>(windows.size());
      results[i].probabilities.reserve(all.size() * static_cast<size_t>(count));
      for (const std::span<const TokenId>& window : windows) {
        std::vector<TokenId> framed = {special.cls};
        framed.insert(framed.end(), window.begin(), window.end());
        framed.push_back(special.sep);
        ids.push_back(std::move(framed));
        owners.push_back(i);
      }
    }
    std::vector<EncoderRunner::Sequence> sequences;
    for (const std::vector<TokenId>& one : ids) sequences.push_back({one});
    AlignedBuffer<float> logits;
    PRECIS_RETURN_IF_ERROR(runner_.Run(
        sequences, call,
        [&](const OpContext& context, MatrixView hidden, RaggedStarts starts, int64_t first) -> absl::Status {
          logits.Grow(hidden.rows * count);
          const MutableMatrix rows(logits.data(), hidden.rows, count);
          PRECIS_RETURN_IF_ERROR(head_.Forward(context, hidden, rows));
          const cpu::FloatKernels& kernels = cpu::FloatKernelsFor(context.isa);
          for (int64_t s = 0; s < SequenceCount(starts); ++s) {
            // Windows of a text come in order, so their tokens follow each other.
            std::vector<float>& to = results[owners[static_cast<size_t>(first + s)]].probabilities;
            for (int64_t row = starts[s] + 1; row < starts[s + 1] - 1; ++row) {
              float* x = rows.row(row);
              const float sum = kernels.exp_row(x, count, 1.0f);
              for (int64_t i = 0; i < count; ++i) to.push_back(x[i] / sum);
            }
          }
          return absl::OkStatus();
        }));
    return results;
  }

 private:
  EncoderRunner runner_;
  const TokenHead head_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<TokenClassifier>> LoadTokenClassifier(const std::string& path,
                                                                     const LoadOptions& options) {
  PRECIS_ASSIGN_OR_RETURN(EncoderModel model, LoadEncoderModel(path, options, "token"));
  PRECIS_RETURN_IF_ERROR(CheckEncoderTokenizer(model));
  const EncoderConfig& config = model.encoder->config();
  PRECIS_ASSIGN_OR_RETURN(TokenHead head, TokenHead::Load(model.encoder->file(), config, options.check_weights));
  if (head.labels() != static_cast<int64_t>(config.labels.size())) {
    return absl::InvalidArgumentError(absl::StrCat("'", path, "': config.json names ", config.labels.size(),
                                                   " labels, the head has ", head.labels()));
  }
  model.info.dimensions = 0;
  return std::make_shared<HeadTokenClassifier>(std::move(model), std::move(head));
}

}  // namespace precis::engine
