// The files of a decoder, GGUF or Hugging Face, as its loader sees them: a configuration and named tensors.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "formats/gguf.h"
#include "formats/hf_decoder_config.h"
#include "formats/model_files.h"
#include "formats/safetensors_set.h"
#include "formats/tensor_table.h"
#include "models/decoder_config.h"

namespace precis::engine {

// A small handle; copies share the files. Immutable, thread-safe.
class DecoderFiles {
 public:
  DecoderFiles() = default;
  // Implicit: wherever a decoder's files are asked for, a GGUF file is one.
  DecoderFiles(std::shared_ptr<const GgufFile> gguf) : gguf_(std::move(gguf)) {}  // NOLINT(google-explicit-constructor)

  // Maps the files and reads their headers. Errors: those of the readers of formats/.
  static absl::StatusOr<DecoderFiles> Open(const ModelFiles& files);
  static DecoderFiles Hf(HfDecoderConfig config, std::shared_ptr<const SafetensorsSet> weights);

  // Null for a Hugging Face folder, and the other way round.
  const GgufFile* gguf() const { return gguf_.get(); }
  const HfDecoderConfig* hf() const { return hf_.get(); }

  absl::StatusOr<DecoderConfig> ReadConfig() const;
  const TensorTable& tensors() const;
  // The files that hold weights.
  std::vector<std::string> paths() const;
  int64_t size_bytes() const;
  void Release(const TensorView& tensor) const;

  // What these files call a tensor that GGUF calls `name`: "blk.0.attn_q.weight" is
  // "model.layers.0.self_attn.q_proj.weight" in a folder.
  std::string TensorName(const std::string& name, const DecoderConfig& config) const;
  // Whether a tensor may be left unread: what it holds was taken into the configuration, or is computed.
  bool MayIgnore(const std::string& name, const DecoderConfig& config) const;

 private:
  std::shared_ptr<const GgufFile> gguf_;
  std::shared_ptr<const HfDecoderConfig> hf_;
  std::shared_ptr<const SafetensorsSet> safetensors_;
};

}  // namespace precis::engine
