// What stands on an encoder: a decision on a sequence, one on every token, or the words that every token could be.
// Weights stay fp32 whatever the encoder's precision: they are small, and their results are scores that people see.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "formats/encoder_config.h"
#include "formats/weights_file.h"
#include "models/weight_reader.h"
#include "ops/activation.h"
#include "ops/context.h"
#include "ops/pooling.h"
#include "ops/ragged.h"
#include "tensor/aligned_buffer.h"
#include "tensor/matrix.h"

namespace precis::engine {

// All: immutable and thread-safe. Load's errors: as WeightReader; Unimplemented for a family without that head here.
// Forward's: InvalidArgument when shapes do not fit together. `hidden`: what the encoder gave, [tokens, hidden].

// [CLS] (or the mean) -> dense, activation -> dense: XForSequenceClassification, cross-encoders.
class SequenceHead {
 public:
  static absl::StatusOr<SequenceHead> Load(const WeightsFile& file, const EncoderConfig& config, bool check_values);

  int64_t labels() const { return out_.outputs(); }

  // logits: [sequences, labels()].
  [[nodiscard]] absl::Status Forward(const OpContext& context, MatrixView hidden, RaggedStarts starts,
                                     MutableMatrix logits) const;

 private:
  PoolingKind pooling_ = PoolingKind::kCls;
  DenseWeights dense_, out_;
  PointwiseFn activation_ = PointwiseFn::kTanh;
  NormWeights norm_;  // between the two; empty: none
};

// One dense layer: XForTokenClassification, LLMLingua-2.
class TokenHead {
 public:
  static absl::StatusOr<TokenHead> Load(const WeightsFile& file, const EncoderConfig& config, bool check_values);

  int64_t labels() const { return out_.outputs(); }

  // logits: [tokens, labels()].
  [[nodiscard]] absl::Status Forward(const OpContext& context, MatrixView hidden, MutableMatrix logits) const;

 private:
  NormWeights norm_;  // ModernBERT has a dense layer and a norm before; empty: none
  DenseWeights dense_, out_;
  PointwiseFn activation_ = PointwiseFn::kNone;
};

// Dense, activation, norm, then a dense layer to the vocabulary whose weights are the word table unless the file has
// its own: XForMaskedLM, SPLADE.
class MaskedWordHead {
 public:
  static absl::StatusOr<MaskedWordHead> Load(const WeightsFile& file, const EncoderConfig& config, bool check_values);

  int64_t vocabulary() const { return out_.outputs(); }

  // For each sequence and word the greatest logit over the sequence's tokens. greatest: [sequences, vocabulary()].
  // `scratch` grows to a block of tokens and is used again.
  [[nodiscard]] absl::Status Greatest(const OpContext& context, MatrixView hidden, RaggedStarts starts,
                                      AlignedBuffer<float>* scratch, MutableMatrix greatest) const;

 private:
  DenseWeights dense_, out_;
  PointwiseFn activation_ = PointwiseFn::kGelu;
  NormWeights norm_;
};

}  // namespace precis::engine
