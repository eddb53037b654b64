#include "models/encoder_heads.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "models/bert.h"
#include "ops/dense.h"
#include "ops/layer_norm.h"
#include "precis/base/status_macros.h"

namespace precis::engine {
namespace {

// Tokens whose logits are there at a time: 64 rows of a vocabulary of 30,000 words are 8 MB.
constexpr int64_t kTokensPerBlock = 64;

absl::Status NoHead(const WeightsFile& file, const EncoderConfig& config, const char* what) {
  return absl::UnimplementedError(absl::StrCat("'", file.tensors().origin(), "': encoders of the type '",
                                               config.model_type, "' have no ", what, " here"));
}

// The rows of a dense layer are as many as there are labels: the file decides, within the configuration's bound.
absl::StatusOr<int64_t> LabelsOf(const WeightsFile& file, const std::string& name, int64_t hidden) {
  PRECIS_ASSIGN_OR_RETURN(const TensorView* tensor, file.tensors().Get(name + ".weight", {-1, hidden}));
  if (tensor->rows() >= 1 && tensor->rows() <= 4096) return tensor->rows();
  return absl::InvalidArgumentError(absl::StrCat("'", file.tensors().origin(), "': tensor '", name, ".weight' has ",
                                                 tensor->rows(), " rows, 1 to 4096 labels are supported"));
}

}  // namespace

absl::StatusOr<SequenceHead> SequenceHead::Load(const WeightsFile& file, const EncoderConfig& config,
                                                bool check_values) {
  WeightReader reader(file.tensors(), "", check_values);
  const int64_t hidden = config.hidden_size;
  SequenceHead head;
  std::string dense, out;
  switch (config.family) {
    case EncoderFamily::kBert:
      dense = reader.Has("pooler.dense.weight") ? "pooler.dense" : "bert.pooler.dense";
      out = "classifier";
      break;
    case EncoderFamily::kRoberta:
    case EncoderFamily::kMpnet:
      dense = "classifier.dense";
      out = "classifier.out_proj";
      break;
    case EncoderFamily::kDistilBert:
      dense = "pre_classifier";
      out = "classifier";
      head.activation_ = PointwiseOf(config.classifier_activation);
      break;
    case EncoderFamily::kModernBert:
      dense = "head.dense";
      out = "classifier";
      head.activation_ = PointwiseOf(config.classifier_activation);
      if (config.classifier_pooling == Pooling::kMean) head.pooling_ = PoolingKind::kMean;
      break;
    case EncoderFamily::kNomicBert:
      return NoHead(file, config, "sequence classification head");
  }
  if (config.family == EncoderFamily::kModernBert) {
    PRECIS_ASSIGN_OR_RETURN(head.norm_, reader.Norm("head.norm", hidden, config.layer_norm_eps, config.norm_bias));
  }
  // ModernBERT's classifier_bias is about the first of the two.
  const bool first_bias = config.family != EncoderFamily::kModernBert || config.classifier_bias;
  PRECIS_ASSIGN_OR_RETURN(head.dense_, reader.Stacked({dense}, hidden, hidden, first_bias));
  PRECIS_ASSIGN_OR_RETURN(const int64_t labels, LabelsOf(file, out, hidden));
  PRECIS_ASSIGN_OR_RETURN(head.out_, reader.Stacked({out}, labels, hidden));
  return head;
}

absl::Status SequenceHead::Forward(const OpContext& context, MatrixView hidden, RaggedStarts starts,
                                   MutableMatrix logits) const {
  const int64_t sequences = SequenceCount(starts);
  AlignedBuffer<float> pooled(sequences * hidden.columns), inner(sequences * hidden.columns);
  const MutableMatrix p(pooled.data(), sequences, hidden.columns), i(inner.data(), sequences, hidden.columns);
  PRECIS_RETURN_IF_ERROR(Pool(context, hidden, starts, pooling_, p));
  PRECIS_RETURN_IF_ERROR(Dense(context, p, dense_, activation_, {}, i));
  if (!norm_.empty()) PRECIS_RETURN_IF_ERROR(LayerNorm(context, i, norm_.view(), i));
  return Dense(context, i, out_, PointwiseFn::kNone, {}, logits);
}

absl::StatusOr<TokenHead> TokenHead::Load(const WeightsFile& file, const EncoderConfig& config, bool check_values) {
  if (config.family == EncoderFamily::kNomicBert) return NoHead(file, config, "token classification head");
  WeightReader reader(file.tensors(), "", check_values);
  const int64_t hidden = config.hidden_size;
  TokenHead head;
  if (config.family == EncoderFamily::kModernBert) {
    head.activation_ = PointwiseOf(config.classifier_activation);
    PRECIS_ASSIGN_OR_RETURN(head.dense_, reader.Stacked({"head.dense"}, hidden, hidden, config.classifier_bias));
    PRECIS_ASSIGN_OR_RETURN(head.norm_, reader.Norm("head.norm", hidden, config.layer_norm_eps, config.norm_bias));
  }
  PRECIS_ASSIGN_OR_RETURN(const int64_t labels, LabelsOf(file, "classifier", hidden));
  PRECIS_ASSIGN_OR_RETURN(head.out_, reader.Stacked({"classifier"}, labels, hidden));
  return head;
}

absl::Status TokenHead::Forward(const OpContext& context, MatrixView hidden, MutableMatrix logits) const {
  if (norm_.empty()) return Dense(context, hidden, out_, PointwiseFn::kNone, {}, logits);
  AlignedBuffer<float> inner(hidden.rows * hidden.columns);
  const MutableMatrix i(inner.data(), hidden.rows, hidden.columns);
  PRECIS_RETURN_IF_ERROR(Dense(context, hidden, dense_, activation_, {}, i));
  PRECIS_RETURN_IF_ERROR(LayerNorm(context, i, norm_.view(), i));
  return Dense(context, i, out_, PointwiseFn::kNone, {}, logits);
}

absl::StatusOr<MaskedWordHead> MaskedWordHead::Load(const WeightsFile& file, const EncoderConfig& config,
                                                    bool check_values) {
  WeightReader reader(file.tensors(), "", check_values);
  const int64_t hidden = config.hidden_size, vocabulary = config.vocabulary_size;
  const bool distil = config.family == EncoderFamily::kDistilBert;
  if (!distil && config.family != EncoderFamily::kBert) return NoHead(file, config, "masked word head");
  const std::string dense = distil ? "vocab_transform" : "cls.predictions.transform.dense";
  const std::string norm = distil ? "vocab_layer_norm" : "cls.predictions.transform.LayerNorm";
  const std::string own = distil ? "vocab_projector.weight" : "cls.predictions.decoder.weight";
  const std::string bias = distil ? "vocab_projector.bias" : "cls.predictions.bias";

  MaskedWordHead head;
  head.activation_ = PointwiseOf(config.activation);
  PRECIS_ASSIGN_OR_RETURN(head.dense_, reader.Stacked({dense}, hidden, hidden));
  PRECIS_ASSIGN_OR_RETURN(head.norm_, reader.Norm(norm, hidden, config.layer_norm_eps));
  std::string words = own;
  if (!reader.Has(own)) {
    words = distil ? "distilbert.embeddings.word_embeddings.weight" : "bert.embeddings.word_embeddings.weight";
  }
  PRECIS_ASSIGN_OR_RETURN(const std::vector<float> weights, reader.GetValues(words, {vocabulary, hidden}));
  PRECIS_ASSIGN_OR_RETURN(const std::vector<float> biases, reader.GetValues(bias, {vocabulary}));
  const MatrixView view(weights.data(), vocabulary, hidden);
  const std::span<const float> bias_view(biases);
  PRECIS_ASSIGN_OR_RETURN(head.out_, DenseWeights::Pack({&view, 1}, {&bias_view, 1}));
  return head;
}

absl::Status MaskedWordHead::Greatest(const OpContext& context, MatrixView hidden, RaggedStarts starts,
                                      AlignedBuffer<float>* scratch, MutableMatrix greatest) const {
  PRECIS_RETURN_IF_ERROR(CheckRagged(starts, hidden.rows));
  if (greatest.rows != SequenceCount(starts) || greatest.columns != vocabulary()) {
    return absl::InvalidArgumentError(absl::StrCat("the words of ", SequenceCount(starts), " sequences got room for [",
                                                   greatest.rows, ", ", greatest.columns, "]"));
  }
  scratch->Grow(kTokensPerBlock * (hidden.columns + vocabulary()));
  for (int64_t s = 0; s < SequenceCount(starts); ++s) {
    for (int64_t begin = starts[s]; begin < starts[s + 1]; begin += kTokensPerBlock) {
      const int64_t rows = std::min(kTokensPerBlock, starts[s + 1] - begin);
      const MatrixView x(hidden.row(begin), rows, hidden.columns, hidden.stride);
      const MutableMatrix inner(scratch->data(), rows, hidden.columns);
      const MutableMatrix logits(scratch->data() + kTokensPerBlock * hidden.columns, rows, vocabulary());
      PRECIS_RETURN_IF_ERROR(Dense(context, x, dense_, activation_, {}, inner));
      PRECIS_RETURN_IF_ERROR(LayerNorm(context, inner, norm_.view(), inner));
      PRECIS_RETURN_IF_ERROR(Dense(context, inner, out_, PointwiseFn::kNone, {}, logits));
      float* best = greatest.row(s);
      if (begin == starts[s]) std::copy_n(logits.row(0), vocabulary(), best);
      context.pool->ParallelFor(vocabulary(), 4096, [&](int64_t first, int64_t last) {
        for (int64_t row = 0; row < rows; ++row) {
          const float* from = logits.row(row);
          for (int64_t i = first; i < last; ++i) best[i] = from[i] > best[i] ? from[i] : best[i];
        }
      });
    }
  }
  return absl::OkStatus();
}

}  // namespace precis::engine
