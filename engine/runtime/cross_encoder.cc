// LoadCrossEncoder: pairs through an encoder and a head with one label.
#include "precis/engine/cross_encoder.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "models/encoder_heads.h"
#include "precis/base/status_macros.h"
#include "precis/engine/load_heads.h"
#include "runtime/encoder_model.h"

namespace precis::engine {
namespace {

class HeadCrossEncoder final : public CrossEncoder {
 public:
  HeadCrossEncoder(EncoderModel model, SequenceHead head)
      : runner_(std::move(model)), head_(std::move(head)), separators_(spec().double_separator ? 2 : 1) {}

  const ModelInfo& info() const override { return runner_.model().info; }
  const Tokenizer& tokenizer() const override { return *runner_.model().tokenizer; }

  absl::StatusOr<std::vector<PairScore>> Score(std::string_view query, std::span<const std::string_view> passages,
                                               LongInput long_input, const CallContext& call) override {
    const int64_t window = info().max_tokens, frame = 2 + separators_;
    PRECIS_ASSIGN_OR_RETURN(const std::vector<TokenId> q, tokenizer().Encode(query, {}));
    const int64_t used = static_cast<int64_t>(q.size()) + frame;
    if (used > window / 2) {
      return absl::InvalidArgumentError(absl::StrCat("the query takes ", used, " tokens with special tokens, of the ",
                                                     window, " of '", info().name,
                                                     "': it may take half of them at most"));
    }
    std::vector<PairScore> scores(passages.size());
    std::vector<std::vector<TokenId>> ids;
    std::vector<size_t> owners;
    for (size_t i = 0; i < passages.size(); ++i) {
      if (i % 64 == 0) PRECIS_RETURN_IF_ERROR(call.Check());
      PRECIS_ASSIGN_OR_RETURN(const std::vector<TokenId> p, tokenizer().Encode(passages[i], {}));
      const int64_t room = window - used, count = static_cast<int64_t>(p.size());
      scores[i].tokens_total = scores[i].tokens_used = used + count;
      if (count > room && long_input == LongInput::kError) {
        return absl::InvalidArgumentError(absl::StrCat("passage ", i, " has ", used + count,
                                                       " tokens with the query and special tokens, '", info().name,
                                                       "' takes ", window, ": truncate it or score its windows"));
      }
      std::vector<std::span<const TokenId>> windows = EvenWindows(p, room);
      if (count > room && long_input == LongInput::kTruncate) {
        windows = {std::span(p).first(static_cast<size_t>(room))};
        scores[i].tokens_used = window;
        scores[i].truncated = true;
      }
      for (const std::span<const TokenId>& part : windows) {
        ids.push_back(Pair(q, part));
        owners.push_back(i);
      }
    }
    const int64_t second = static_cast<int64_t>(q.size()) + 1 + separators_;
    std::vector<EncoderRunner::Sequence> sequences;
    for (const std::vector<TokenId>& pair : ids) sequences.push_back({pair, second});
    std::vector<float> logits(sequences.size());
    PRECIS_RETURN_IF_ERROR(runner_.Run(
        sequences, call, [&](const OpContext& context, MatrixView hidden, RaggedStarts starts, int64_t first) {
          return head_.Forward(context, hidden, starts, MutableMatrix(logits.data() + first, SequenceCount(starts), 1));
        }));
    for (size_t w = 0; w < logits.size(); ++w) {
      PairScore& score = scores[owners[w]];
      const bool first = w == 0 || owners[w - 1] != owners[w];
      score.score = first ? logits[w] : std::max(score.score, logits[w]);
    }
    return scores;
  }

 private:
  const EncoderFamilySpec& spec() const { return runner_.model().encoder->spec(); }

  std::vector<TokenId> Pair(std::span<const TokenId> a, std::span<const TokenId> b) const {
    const SpecialTokens& special = tokenizer().special();
    std::vector<TokenId> pair = {special.cls};
    pair.insert(pair.end(), a.begin(), a.end());
    pair.insert(pair.end(), static_cast<size_t>(separators_), special.sep);
    pair.insert(pair.end(), b.begin(), b.end());
    pair.push_back(special.sep);
    return pair;
  }

  EncoderRunner runner_;
  const SequenceHead head_;
  const int64_t separators_;  // between the two texts
};

}  // namespace

absl::StatusOr<std::shared_ptr<CrossEncoder>> LoadCrossEncoder(const std::string& path, const LoadOptions& options) {
  PRECIS_ASSIGN_OR_RETURN(EncoderModel model, LoadEncoderModel(path, options, "sequence"));
  PRECIS_RETURN_IF_ERROR(CheckEncoderTokenizer(model));
  PRECIS_ASSIGN_OR_RETURN(SequenceHead head,
                          SequenceHead::Load(model.encoder->file(), model.encoder->config(), options.check_weights));
  if (head.labels() != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("the head of '", path, "' has ", head.labels(), " labels: a cross-encoder has one, the score"));
  }
  model.info.dimensions = 0;
  return std::make_shared<HeadCrossEncoder>(std::move(model), std::move(head));
}

}  // namespace precis::engine
