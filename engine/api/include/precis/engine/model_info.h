// What a loaded model is. Everything that changes its results is in the fingerprint.
#pragma once

#include <cstdint>
#include <string>

namespace precis::engine {

struct ModelInfo {
  std::string name;                   // plain name, as users type it: "all-minilm-l6-v2"
  std::string architecture;           // "bert", "llama", "qwen2", "gemma3"
  std::string fingerprint;            // hex; design.md section 4 lists what goes in
  std::string tokenizer_fingerprint;  // Tokenizer::fingerprint()
  std::string numeric_mode;           // "fp32", "int8-v1", "exact", "fast"
  int64_t parameters = 0;             // number of weights
  int64_t weights_bytes = 0;          // of the file
  int64_t memory_bytes = 0;           // decoders: weights as repacked, keys and values, activations; at most
  int64_t max_tokens = 0;             // window, special tokens included
  int dimensions = 0;                 // of an embedding; 0 for decoders
  std::string pooling;                // "mean", "cls"; empty for decoders
  std::string query_prefix;           // put before every query by the embedder itself
  std::string document_prefix;        // put before every document by the embedder itself
  std::string path;                   // file or folder it was loaded from
};

}  // namespace precis::engine
