// Any text as each of the four configuration files of an encoder, zero bytes separate them; the first one as a
// decoder's.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "formats/hf_config.h"
#include "formats/hf_decoder_config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  precis::engine::HfConfigTexts texts;
  texts.origin = "fuzz";
  std::string* parts[] = {&texts.config, &texts.modules, &texts.pooling, &texts.sentence_bert};
  size_t part = 0;
  for (size_t i = 0; i < size; ++i) {
    if (data[i] == 0 && part < 3) {
      ++part;
    } else {
      parts[part]->push_back(static_cast<char>(data[i]));
    }
  }
  const auto decoder = precis::engine::ParseHfDecoderConfig(texts.config, "fuzz");
  if (decoder.ok() && (decoder->layers < 1 || decoder->layers > 512 || decoder->heads < 1 || decoder->kv_heads < 1 ||
                       decoder->kv_heads > decoder->heads || !(decoder->norm_eps > 0) || decoder->window < 0 ||
                       !(decoder->rope.base == 0 || decoder->rope.base > 1) || !(decoder->rope.scaling.factor > 0))) {
    abort();
  }
  const auto config = precis::engine::ParseHfEncoderConfig(texts);
  if (!config.ok()) return 0;
  // The bounds that the header promises.
  const bool good = config->hidden_size >= 1 && config->hidden_size <= 16384 && config->layers >= 1 &&
                    config->layers <= 256 && config->attention_heads >= 1 &&
                    config->hidden_size % config->attention_heads == 0 && config->max_tokens >= 1 &&
                    config->max_tokens <= config->max_position_embeddings && config->layer_norm_eps > 0;
  if (!good) abort();
  return 0;
}
