// What the process tells its operator: one line an event on standard error, as text or JSON. Never the text of a
// document, a question or an answer, never a secret.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace precis::services {

enum class LogLevel { kDebug, kInfo, kWarn, kError, kOff };

struct LogField {
  std::string_view name;
  std::variant<std::string_view, int64_t, double> value;
};

// Before the first Log(); names as in the option table.
void SetUpLogging(std::string_view level, std::string_view format);

bool LogEnabled(LogLevel level);
// Thread-safe; one write a line.
void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});

}  // namespace precis::services
