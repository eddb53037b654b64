// Encoder-decoders behind LoadLanguageModel and InspectModel.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "formats/model_files.h"
#include "precis/engine/load.h"

namespace precis::engine {

// Whether the files are those of a model that these functions load. Errors: as reading config.json.
absl::StatusOr<bool> IsSeq2Seq(const ModelFiles& files);

// Errors: as LoadLanguageModel; InvalidArgument also for options that such a model does not have.
absl::StatusOr<std::shared_ptr<LanguageModel>> LoadSeq2Seq(const ModelFiles& files, const LoadOptions& options);

// Errors: as InspectModel.
absl::StatusOr<ModelFileInfo> InspectSeq2Seq(const ModelFiles& files, Inspection inspection);

}  // namespace precis::engine
