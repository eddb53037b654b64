// One table of configuration keys: --help, the file, the environment and the flags are all read off it.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "config/config.h"

namespace precis::services {

struct Option {
  const char* key;            // "data-dir": flag --data-dir, environment PRECIS_DATA_DIR, file "data-dir = ..."
  const char* default_value;  // as text; "$HOME" is replaced
  const char* unit;           // "bytes", "ms", "threads"; empty for text
  const char* roles;          // which roles read it
  const char* help;           // one sentence
  std::variant<std::string Config::*, int64_t Config::*, bool Config::*> member;
  int64_t minimum = 0;  // numbers
  int64_t maximum = std::numeric_limits<int64_t>::max();
  const char* choices = "";  // texts: "a|b"; empty: any
};

const std::vector<Option>& OptionTable();

// "data-dir" -> "PRECIS_DATA_DIR"
std::string EnvironmentName(const std::string& key);

}  // namespace precis::services
