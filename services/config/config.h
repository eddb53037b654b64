// What a precisd process was told: defaults < file < environment < flags. Every key stands once in option_table.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "config/role.h"

namespace precis::services {

// Members hold what their key in option_table.cc says; times in milliseconds, sizes in bytes.
struct Config {
  std::string roles_text, listen, data_dir, models_dir, encoder, generator;
  std::string scorer, encoder_max_tokens, refusal_calibration;
  std::string embedder_address, retriever_address, compressor_address, generator_address;
  std::string draft_model, speculation, kv_type;
  std::string metrics_listen, log_level, log_format;
  bool insecure_listen = false, check_weights = false;
  int64_t threads = 0;
  int64_t embedder_workers = 0, retriever_workers = 0, compressor_workers = 0, generator_workers = 0,
          gateway_workers = 0;
  int64_t queue_limit = 0;
  int64_t max_message_bytes = 0, max_document_bytes = 0, max_streams = 0, ingest_parallel = 0;
  int64_t embedding_cache_bytes = 0, context_cache_bytes = 0;
  int64_t kv_budget_bytes = 0, memory_limit_bytes = 0, head_memory_limit_bytes = 0, unload_after_ms = 0;
  int64_t shutdown_grace_ms = 0;

  RoleSet roles;                        // from `roles_text`
  std::vector<double> refusal_numbers;  // from `refusal_calibration`
  std::vector<std::string> set_keys;    // keys that something other than the default decided
  bool WasSet(std::string_view key) const;

  const std::string& AddressOf(Role role) const;  // of a role in another process; kGateway: `listen`
};

// What the command line asked for besides running.
struct CommandLine {
  enum class Action { kRun, kHelp, kVersion, kHealth };
  Action action = Action::kRun;
  std::string health_address, health_service;  // kHealth
  Config config;                               // kRun
};

using Environment = std::function<const char*(const char* name)>;

// `arguments` without the program's name. Errors: InvalidArgument with one sentence: an unknown key with the nearest
// known one, a bad value with its bounds, a file that cannot be read or a line of it, a bind outside loopback without
// `insecure-listen`.
absl::StatusOr<CommandLine> ParseCommandLine(const std::vector<std::string>& arguments, const Environment& environment);

// For --help: every key with its default, environment name and meaning.
std::string HelpText();

// "HOST:PORT" whose host is a loopback address or "localhost", or a Unix socket.
bool IsLoopback(std::string_view address);

}  // namespace precis::services
