// LoadEmbedder of precis/engine/load.h.
#include <memory>
#include <string>
#include <utility>

#include "precis/base/status_macros.h"
#include "precis/engine/load.h"
#include "runtime/encoder_model.h"
#include "runtime/text_embedder.h"

namespace precis::engine {

absl::StatusOr<std::shared_ptr<Embedder>> LoadEmbedder(const std::string& path, const LoadOptions& options) {
  PRECIS_ASSIGN_OR_RETURN(EncoderModel model, LoadEncoderModel(path, options));
  return TextEmbedder::Make(std::move(model));
}

}  // namespace precis::engine
