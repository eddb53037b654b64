#include "runtime/log.h"

#include <atomic>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

namespace precis::services {
namespace {

constexpr const char* kLevelNames[] = {"debug", "info", "warn", "error", "off"};

std::atomic<LogLevel> minimum_level = LogLevel::kInfo;
std::atomic<bool> as_json = false;

// spdlog gives the locked, unbuffered sink; the lines are laid out here.
spdlog::logger& Sink() {
  static auto& logger = *[] {
    auto* made = new spdlog::logger("precis", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return logger;
}

std::string Now() { return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::Now(), absl::UTCTimeZone()); }

std::string JsonLine(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  nlohmann::ordered_json line;
  line["time"] = Now();
  line["level"] = kLevelNames[static_cast<int>(level)];
  line["event"] = event;
  for (const LogField& field : fields) {
    std::visit([&](const auto& value) { line[std::string(field.name)] = value; }, field.value);
  }
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string TextLine(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  std::string line = absl::StrCat(Now(), " ", kLevelNames[static_cast<int>(level)], " ", std::string(event));
  for (const LogField& field : fields) {
    const auto* text = std::get_if<std::string_view>(&field.value);
    if (text != nullptr && text->empty()) continue;
    absl::StrAppend(&line, " ", std::string(field.name), "=");
    if (text != nullptr) {
      for (char c : *text) line += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;  // one event, one line
    } else if (const auto* number = std::get_if<int64_t>(&field.value)) {
      absl::StrAppend(&line, *number);
    } else {
      absl::StrAppend(&line, std::get<double>(field.value));
    }
  }
  return line;
}

}  // namespace

void SetUpLogging(std::string_view level, std::string_view format) {
  for (int i = 0; i <= static_cast<int>(LogLevel::kOff); ++i) {
    if (level == kLevelNames[i]) minimum_level = static_cast<LogLevel>(i);
  }
  as_json = format == "json";
}

bool LogEnabled(LogLevel level) { return level >= minimum_level.load(std::memory_order_relaxed); }

void Log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  if (!LogEnabled(level) || level == LogLevel::kOff) return;
  Sink().info(as_json ? JsonLine(level, event, fields) : TextLine(level, event, fields));
}

}  // namespace precis::services
