// Loading encoders with a head: scores of pairs, decisions on tokens, sparse vectors. `path` and `options` as in
// precis/engine/load.h; the head is in the same model.safetensors as the encoder.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "precis/engine/cross_encoder.h"
#include "precis/engine/load.h"
#include "precis/engine/sparse_encoder.h"
#include "precis/engine/token_classifier.h"

namespace precis::engine {

// Errors of all three: as LoadEmbedder; NotFound when the file has no such head, with the tensor's name; Unimplemented
// for a family whose head is not supported, by name.

// XForSequenceClassification of BERT, RoBERTa, XLM-RoBERTa, MPNet, DistilBERT or ModernBERT with one label; with more,
// InvalidArgument.
absl::StatusOr<std::shared_ptr<CrossEncoder>> LoadCrossEncoder(const std::string& path, const LoadOptions& options);

// XForTokenClassification of the same families.
absl::StatusOr<std::shared_ptr<TokenClassifier>> LoadTokenClassifier(const std::string& path,
                                                                     const LoadOptions& options);

// XForMaskedLM of BERT or DistilBERT.
absl::StatusOr<std::shared_ptr<SparseEncoder>> LoadSparseEncoder(const std::string& path, const LoadOptions& options);

}  // namespace precis::engine
