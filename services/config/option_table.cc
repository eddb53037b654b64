#include "config/option_table.h"

#include <cctype>

namespace precis::services {

const std::vector<Option>& OptionTable() {
  static const auto& table = *new std::vector<Option>{
      {"roles", "all", "", "all", "Roles that this process hosts: all, or a list such as retriever,compressor.",
       &Config::roles_text},
      {"listen", "", "", "all",
       "HOST:PORT to serve on; port 0 picks a free one. Default: 127.0.0.1:7777 with the gateway, else the first "
       "role's "
       "address.",
       &Config::listen},
      {"insecure-listen", "false", "", "all",
       "Allow plain text outside loopback: only on a network where every peer may read and delete everything.",
       &Config::insecure_listen},
      {"data-dir", "$HOME/.local/share/precis/data", "", "embedder, retriever, compressor",
       "Folder of documents, indexes and caches; one process at a time.", &Config::data_dir},
      {"models-dir", "$HOME/.local/share/precis/models", "", "all",
       "Folder of models: each is a folder here with Hugging Face files or one .gguf.", &Config::models_dir},
      {"encoder", "all-minilm-l6-v2", "", "all",
       "Model that makes vectors where a request names none; NAME@int8-v1: in integers, faster.", &Config::encoder},
      {"encoder-max-tokens", "", "", "embedder",
       "Windows of encoders other than their files say, as NAME=TOKENS, several with commas, special tokens included: "
       "all-minilm-l6-v2=512. Another window makes another vector space: collections made with the old one must be "
       "made "
       "again.",
       &Config::encoder_max_tokens},
      {"generator", "qwen2.5-coder-0.5b-instruct", "", "generator, compressor, gateway",
       "Model that answers where a request names none; smollm2-135m-instruct stands in while it is not there.",
       &Config::generator},
      {"scorer", "smollm2-135m-instruct", "", "retriever, compressor",
       "Model by which compression judges words and sentences, and searches rerank; the default generator while it is "
       "not there.",
       &Config::scorer},
      {"refusal-calibration", "", "", "gateway",
       "When Ask has no answer: the 15 numbers that tests/eval/sufficiency.py prints for your generator, with commas. "
       "Empty: what is built in for the generator, or, where nothing is, its own refusals alone.",
       &Config::refusal_calibration},
      {"embedder-address", "127.0.0.1:7781", "", "retriever, compressor, gateway",
       "Where the embedder is, unless in this process.", &Config::embedder_address},
      {"retriever-address", "127.0.0.1:7782", "", "gateway", "Where the retriever is, unless in this process.",
       &Config::retriever_address},
      {"compressor-address", "127.0.0.1:7783", "", "retriever, gateway",
       "Where the compressor is, unless in this process.", &Config::compressor_address},
      {"generator-address", "127.0.0.1:7784", "", "retriever, compressor, gateway",
       "Where the generator is, unless in this process.", &Config::generator_address},
      {"threads", "0", "threads", "embedder, generator", "Threads that a model computes with; 0: one for each core.",
       &Config::threads, 0, 1024},
      {"embedder-workers", "4", "threads", "embedder", "Batches that are embedded at once.", &Config::embedder_workers,
       1, 256},
      {"retriever-workers", "8", "threads", "retriever", "Searches and mutations that run at once.",
       &Config::retriever_workers, 2, 256},
      {"compressor-workers", "4", "threads", "compressor", "Compressions that run at once.",
       &Config::compressor_workers, 1, 256},
      {"generator-workers", "8", "threads", "generator", "Generations that run at once.", &Config::generator_workers, 1,
       256},
      {"gateway-workers", "4", "threads", "gateway", "Citation checks that run at once.", &Config::gateway_workers, 1,
       256},
      {"queue-limit", "256", "calls", "all", "Calls that may wait in each role; past it, RESOURCE_EXHAUSTED.",
       &Config::queue_limit, 1, 100'000},
      {"max-streams", "256", "calls", "all", "Calls at once on one connection.", &Config::max_streams, 1, 100'000},
      {"max-message-bytes", "4194304", "bytes", "all", "Largest message, both ways; the contract needs no more.",
       &Config::max_message_bytes, 64 << 10, 256 << 20},
      {"max-document-bytes", "67108864", "bytes", "retriever", "Largest document.", &Config::max_document_bytes, 1024,
       int64_t{1} << 30},
      {"ingest-parallel", "4", "documents", "retriever", "Documents of one ingest stream in work at once.",
       &Config::ingest_parallel, 1, 64},
      {"embedding-cache-bytes", "1073741824", "bytes", "embedder", "Size of the embedding cache.",
       &Config::embedding_cache_bytes, 1 << 20},
      {"context-cache-bytes", "1073741824", "bytes", "compressor", "Size of the compressed-context cache.",
       &Config::context_cache_bytes, 1 << 20},
      {"kv-budget-bytes", "0", "bytes", "generator", "Room for keys and values; 0: one full window of the model.",
       &Config::kv_budget_bytes},
      {"kv-type", "auto", "", "generator",
       "How keys and values are kept: 32 or 16 bits, or 8.5 (int8), which holds 1.9 times the text of f16 and costs 0 "
       "% of "
       "perplexity with SmolLM2, 2.4 % with Qwen2.5. auto: as the model's numeric mode has them.",
       &Config::kv_type, 0, 0, "auto|f32|f16|int8"},
      {"speculation", "auto", "", "generator",
       "Drafts that are verified several at a time, from the text itself (lookup) or by draft-model; answers stay the "
       "same. auto: draft where draft-model is set, else lookup.",
       &Config::speculation, 0, 0, "auto|off|lookup|draft"},
      {"draft-model", "", "", "generator",
       "Smaller model of the very vocabulary of the default generator, which drafts for it.", &Config::draft_model},
      {"memory-limit-bytes", "0", "bytes", "generator",
       "What all generators in memory may need together: weights, keys and values, activations. Past it a model is not "
       "loaded: RESOURCE_EXHAUSTED. 0: no limit.",
       &Config::memory_limit_bytes},
      {"head-memory-limit-bytes", "0", "bytes", "embedder",
       "What the weights of all cross-encoders and sparse encoders in memory may need together; past it one is not "
       "loaded: RESOURCE_EXHAUSTED. 0: no limit.",
       &Config::head_memory_limit_bytes},
      {"check-weights", "false", "", "embedder, generator",
       "Read every weight of a model when it is loaded, and refuse one with NaN or infinity by the tensor's name; "
       "loading takes longer.",
       &Config::check_weights},
      {"unload-after-ms", "0", "ms", "generator", "Free a model after this time without a call; 0: never.",
       &Config::unload_after_ms},
      {"metrics-listen", "127.0.0.1:9464", "", "all", "HOST:PORT of /metrics for Prometheus; empty: off.",
       &Config::metrics_listen},
      {"log-level", "info", "", "all", "What is logged.", &Config::log_level, 0, 0, "debug|info|warn|error|off"},
      {"log-format", "text", "", "all", "How it is logged, on standard error.", &Config::log_format, 0, 0, "text|json"},
      {"shutdown-grace-ms", "5000", "ms", "all", "How long running calls may go on after SIGTERM.",
       &Config::shutdown_grace_ms, 0, 600'000},
  };
  return table;
}

std::string EnvironmentName(const std::string& key) {
  std::string name = "PRECIS_";
  for (char c : key) name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

}  // namespace precis::services
