#include "config/config.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "config/encoder_windows.h"
#include "config/option_table.h"
#include "precis/base/file.h"
#include "precis/base/status_macros.h"

namespace precis::services {
namespace {

constexpr size_t kRefusalNumbers = 15;  // compress::SufficiencyCalibration

constexpr int64_t kMaxConfigFileBytes = 1 << 20;

const Option* FindOption(std::string_view key) {
  for (const Option& option : OptionTable()) {
    if (key == option.key) return &option;
  }
  return nullptr;
}

// Edits (insert, delete, replace) between two short words.
int EditDistance(std::string_view a, std::string_view b) {
  std::vector<int> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 1; i <= a.size(); ++i) {
    int diagonal = row[0];
    row[0] = static_cast<int>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const int replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

absl::Status UnknownKey(std::string_view key, const std::string& where) {
  std::string nearest;
  int best = 4;  // farther away it is no slip of the keyboard
  for (const Option& option : OptionTable()) {
    const int distance = EditDistance(key, option.key);
    if (distance < best) best = distance, nearest = option.key;
  }
  return absl::InvalidArgumentError(absl::StrCat(where, ": there is no key '", std::string(key), "'",
                                                 nearest.empty() ? "" : absl::StrCat("; '", nearest, "' is near"),
                                                 "; precisd --help lists them"));
}

absl::Status Assign(const Option& option, const std::string& value, const std::string& where, Config* config) {
  if (auto* text = std::get_if<std::string Config::*>(&option.member)) {
    if (option.choices[0] != '\0') {
      const std::vector<std::string> choices = absl::StrSplit(option.choices, '|');
      if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
        return absl::InvalidArgumentError(
            absl::StrCat(where, ": ", option.key, " is '", value, "', it must be one of ", option.choices));
      }
    }
    config->** text = value;
    return absl::OkStatus();
  }
  if (auto* flag = std::get_if<bool Config::*>(&option.member)) {
    const std::string lower = absl::AsciiStrToLower(value);
    if (lower == "true" || lower == "1" || lower == "yes" || lower == "on") {
      config->** flag = true;
    } else if (lower == "false" || lower == "0" || lower == "no" || lower == "off") {
      config->** flag = false;
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat(where, ": ", option.key, " is '", value, "', it must be true or false"));
    }
    return absl::OkStatus();
  }
  int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size() || number < option.minimum ||
      number > option.maximum) {
    return absl::InvalidArgumentError(absl::StrCat(where, ": ", option.key, " is '", value,
                                                   "', it must be a whole number of ", option.unit, " from ",
                                                   option.minimum, " to ", option.maximum));
  }
  config->*std::get<int64_t Config::*>(option.member) = number;
  return absl::OkStatus();
}

using Values = std::vector<std::pair<std::string, std::string>>;  // key, value; in order

absl::StatusOr<Values> ReadConfigFile(const std::string& path) {
  PRECIS_ASSIGN_OR_RETURN(const std::string content, ReadFile(path, kMaxConfigFileBytes));
  Values values;
  int line_number = 0;
  for (absl::string_view line : absl::StrSplit(content, '\n')) {
    ++line_number;
    const std::string text(absl::StripAsciiWhitespace(line));
    if (text.empty() || text[0] == '#' || text[0] == ';') continue;
    const std::string where = absl::StrCat(path, ":", line_number);
    const size_t equals = text.find('=');
    if (equals == std::string::npos) {
      return absl::InvalidArgumentError(absl::StrCat(where, ": '", text, "' is no line of the form key = value"));
    }
    const std::string key(absl::StripAsciiWhitespace(text.substr(0, equals)));
    std::string value(absl::StripAsciiWhitespace(text.substr(equals + 1)));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    if (FindOption(key) == nullptr) return UnknownKey(key, where);
    values.emplace_back(key, value);
  }
  return values;
}

// "--key=value", "--key value" and, for switches, "--key".
struct Flags {
  Values values;
  std::optional<std::string> config_file;
  CommandLine::Action action = CommandLine::Action::kRun;
  std::string health_address, health_service;
};

absl::StatusOr<Flags> ReadFlags(const std::vector<std::string>& arguments) {
  Flags flags;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--help" || argument == "-h") {
      flags.action = CommandLine::Action::kHelp;
      return flags;
    }
    if (argument == "--version") {
      flags.action = CommandLine::Action::kVersion;
      return flags;
    }
    if (argument.rfind("--", 0) != 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", argument, "' is not a flag: flags look like --key=value; precisd --help lists them"));
    }
    const size_t equals = argument.find('=');
    const std::string key = argument.substr(2, equals == std::string::npos ? std::string::npos : equals - 2);
    const bool own = key == "config" || key == "health" || key == "health-service";
    const Option* option = FindOption(key);
    if (!own && option == nullptr) return UnknownKey(key, "flag --" + key);
    std::string value;
    if (equals != std::string::npos) {
      value = argument.substr(equals + 1);
    } else if (option != nullptr && std::holds_alternative<bool Config::*>(option->member)) {
      value = "true";
    } else if (i + 1 < arguments.size()) {
      value = arguments[++i];
    } else {
      return absl::InvalidArgumentError(absl::StrCat("flag --", key, " needs a value"));
    }
    if (key == "config") {
      flags.config_file = value;
    } else if (key == "health") {
      flags.action = CommandLine::Action::kHealth;
      flags.health_address = value;
    } else if (key == "health-service") {
      flags.health_service = value;
    } else {
      flags.values.emplace_back(key, value);
    }
  }
  return flags;
}

absl::Status ParseRoles(Config* config) {
  for (absl::string_view part : absl::StrSplit(config->roles_text, ',')) {
    const std::string name(absl::StripAsciiWhitespace(part));
    if (name == "all") {
      for (Role role : kAllRoles) config->roles.Add(role);
      continue;
    }
    Role role;
    if (!RoleByName(name, &role)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "roles: there is no role '", name, "'; roles are all, embedder, retriever, compressor, generator, gateway"));
    }
    config->roles.Add(role);
  }
  return absl::OkStatus();
}

absl::Status CheckAddress(const std::string& key, const std::string& address, bool may_be_remote) {
  const size_t colon = address.rfind(':');
  int port = -1;
  if (colon != std::string::npos && colon > 0) {
    const char* begin = address.data() + colon + 1;
    const char* end = address.data() + address.size();
    if (const auto [last, error] = std::from_chars(begin, end, port); error != std::errc() || last != end) port = -1;
  }
  if (port < 0 || port > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat(key, " is '", address, "', it must be HOST:PORT with a port from 0 to 65535"));
  }
  if (!may_be_remote && !IsLoopback(address)) {
    return absl::InvalidArgumentError(
        absl::StrCat(key, " is '", address, "', which others on the network can reach without encryption or password: ",
                     "use 127.0.0.1, or allow it with --insecure-listen where the network is trusted"));
  }
  return absl::OkStatus();
}

// A plain name, so that no model can be read from outside the models folder.
absl::Status ReadRefusalNumbers(Config* config) {
  config->refusal_numbers.clear();
  if (config->refusal_calibration.empty()) return absl::OkStatus();
  for (absl::string_view part : absl::StrSplit(config->refusal_calibration, ',')) {
    double number = 0;
    if (!absl::SimpleAtod(part, &number) || !std::isfinite(number)) {
      return absl::InvalidArgumentError(
          absl::StrCat("refusal-calibration has '", part, "', which is no number: copy the line as it was printed"));
    }
    config->refusal_numbers.push_back(number);
  }
  if (config->refusal_numbers.size() != kRefusalNumbers) {
    return absl::InvalidArgumentError(absl::StrCat("refusal-calibration has ", config->refusal_numbers.size(),
                                                   " numbers, it must have ", kRefusalNumbers));
  }
  return absl::OkStatus();
}

absl::Status CheckModelName(const std::string& key, const std::string& name) {
  const bool plain = !name.empty() && name[0] != '.' && name.size() <= 128 &&
                     std::all_of(name.begin(), name.end(), [](unsigned char c) {
                       return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-';
                     });
  if (plain) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      key, " is '", name, "', it must be the name of a folder in models-dir: letters, digits, '.', '_' and '-'"));
}

absl::Status Finish(Config* config) {
  PRECIS_RETURN_IF_ERROR(ParseRoles(config));
  if (config->listen.empty()) {
    config->listen = "127.0.0.1:7777";
    if (!config->roles.Has(Role::kGateway)) {
      for (auto role = kAllRoles.rbegin(); role != kAllRoles.rend(); ++role) {
        if (config->roles.Has(*role)) config->listen = config->AddressOf(*role);
      }
    }
  }
  PRECIS_RETURN_IF_ERROR(CheckAddress("listen", config->listen, config->insecure_listen));
  if (!config->metrics_listen.empty()) {
    PRECIS_RETURN_IF_ERROR(CheckAddress("metrics-listen", config->metrics_listen, config->insecure_listen));
  }
  for (Role role : kAllRoles) {
    if (role == Role::kGateway || config->roles.Has(role)) continue;
    PRECIS_RETURN_IF_ERROR(CheckAddress(absl::StrCat(RoleName(role), "-address"), config->AddressOf(role), true));
  }
  // A numeric mode may follow: NAME@int8-v1.
  PRECIS_RETURN_IF_ERROR(CheckModelName("encoder", config->encoder.substr(0, config->encoder.find('@'))));
  PRECIS_RETURN_IF_ERROR(CheckModelName("generator", config->generator));
  if (!config->draft_model.empty()) PRECIS_RETURN_IF_ERROR(CheckModelName("draft-model", config->draft_model));
  if (config->speculation == "draft" && config->draft_model.empty()) {
    return absl::InvalidArgumentError("speculation is draft and draft-model is empty: name a model, or choose lookup");
  }
  PRECIS_RETURN_IF_ERROR(CheckModelName("scorer", config->scorer));
  PRECIS_RETURN_IF_ERROR(ParseEncoderWindows(config->encoder_max_tokens).status());
  PRECIS_RETURN_IF_ERROR(ReadRefusalNumbers(config));
  if (config->data_dir.empty()) return absl::InvalidArgumentError("data-dir is empty, it must be a folder");
  if (config->models_dir.empty()) return absl::InvalidArgumentError("models-dir is empty, it must be a folder");
  return absl::OkStatus();
}

}  // namespace

bool Config::WasSet(std::string_view key) const {
  return std::find(set_keys.begin(), set_keys.end(), key) != set_keys.end();
}

const std::string& Config::AddressOf(Role role) const {
  switch (role) {
    case Role::kEmbedder:
      return embedder_address;
    case Role::kRetriever:
      return retriever_address;
    case Role::kCompressor:
      return compressor_address;
    case Role::kGenerator:
      return generator_address;
    case Role::kGateway:
      break;
  }
  return listen;
}

bool IsLoopback(std::string_view address) {
  if (address.rfind("unix:", 0) == 0) return true;
  const std::string_view host = address.substr(0, address.rfind(':'));
  return host == "localhost" || host == "[::1]" || host.rfind("127.", 0) == 0;
}

absl::StatusOr<CommandLine> ParseCommandLine(const std::vector<std::string>& arguments,
                                             const Environment& environment) {
  PRECIS_ASSIGN_OR_RETURN(const Flags flags, ReadFlags(arguments));
  CommandLine command;
  command.action = flags.action;
  if (flags.action == CommandLine::Action::kHealth) {
    command.health_address = flags.health_address;
    command.health_service = flags.health_service;
    return command;
  }
  if (flags.action != CommandLine::Action::kRun) return command;

  Config& config = command.config;
  const char* home = environment("HOME");
  for (const Option& option : OptionTable()) {
    std::string value = option.default_value;
    if (value.rfind("$HOME", 0) == 0) value = absl::StrCat(home == nullptr ? "." : home, value.substr(5));
    PRECIS_RETURN_IF_ERROR(Assign(option, value, "default", &config));
  }
  const auto set = [&config](const std::string& key, const std::string& value, const std::string& where) {
    if (!config.WasSet(key)) config.set_keys.push_back(key);
    return Assign(*FindOption(key), value, where, &config);
  };
  std::optional<std::string> file = flags.config_file;
  if (const char* from_environment = environment("PRECIS_CONFIG"); !file && from_environment != nullptr) {
    file = from_environment;
  }
  if (file) {
    PRECIS_ASSIGN_OR_RETURN(const Values values, ReadConfigFile(*file));
    for (const auto& [key, value] : values) PRECIS_RETURN_IF_ERROR(set(key, value, *file));
  }
  for (const Option& option : OptionTable()) {
    const std::string name = EnvironmentName(option.key);
    if (const char* value = environment(name.c_str()); value != nullptr) {
      PRECIS_RETURN_IF_ERROR(set(option.key, value, "environment " + name));
    }
  }
  for (const auto& [key, value] : flags.values) PRECIS_RETURN_IF_ERROR(set(key, value, "flag --" + key));
  PRECIS_RETURN_IF_ERROR(Finish(&config));
  return command;
}

std::string HelpText() {
  std::string text =
      "precisd: the server of Precis\n\n"
      "  precisd [--config FILE] [--KEY=VALUE ...]\n"
      "  precisd --health HOST:PORT [--health-service NAME]   exit status 0: serving\n"
      "  precisd --version\n\n"
      "Defaults, then the file (lines 'key = value'), then the environment, then flags; the later wins.\n\n";
  for (const Option& option : OptionTable()) {
    absl::StrAppend(&text, "  --", option.key, "   (", EnvironmentName(option.key));
    if (option.default_value[0] != '\0') absl::StrAppend(&text, ", default ", option.default_value);
    if (option.unit[0] != '\0') absl::StrAppend(&text, " ", option.unit);
    if (option.choices[0] != '\0') absl::StrAppend(&text, ", ", option.choices);
    absl::StrAppend(&text, ")\n      ", option.help, " Read by: ", option.roles, ".\n");
  }
  return text;
}

}  // namespace precis::services
