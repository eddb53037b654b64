#include "methods/parameters.h"

#include <cmath>
#include <limits>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace precis::compress {
namespace {

absl::Status Bad(const MethodInfo& method, const MethodInfo::Parameter& parameter, const std::string& value) {
  return absl::InvalidArgumentError(
      absl::StrCat("parameter '", parameter.name, "' of method '", method.name, "' is '", value.substr(0, 64),
                   "': it takes ", parameter.type == "enum" ? "one of " : absl::StrCat("a ", parameter.type, " in "),
                   parameter.bounds.empty() ? "any range" : parameter.bounds));
}

// "low..high"; either side may be empty.
void ParseBounds(const std::string& bounds, double* low, double* high) {
  *low = -std::numeric_limits<double>::infinity();
  *high = std::numeric_limits<double>::infinity();
  const size_t dots = bounds.find("..");
  if (dots == std::string::npos) return;
  (void)absl::SimpleAtod(bounds.substr(0, dots), low);
  (void)absl::SimpleAtod(bounds.substr(dots + 2), high);
}

absl::StatusOr<std::string> CheckValue(const MethodInfo& method, const MethodInfo::Parameter& parameter,
                                       const std::string& value) {
  double low, high;
  ParseBounds(parameter.bounds, &low, &high);
  if (parameter.type == "int") {
    int64_t number;
    if (!absl::SimpleAtoi(value, &number) || static_cast<double>(number) < low || static_cast<double>(number) > high) {
      return Bad(method, parameter, value);
    }
    return absl::StrCat(number);
  }
  if (parameter.type == "double") {
    double number;
    if (!absl::SimpleAtod(value, &number) || !std::isfinite(number) || number < low || number > high) {
      return Bad(method, parameter, value);
    }
    return absl::StrCat(number == 0 ? 0.0 : number);
  }
  if (parameter.type == "bool") {
    bool flag;
    if (!absl::SimpleAtob(value, &flag)) return Bad(method, parameter, value);
    return std::string(flag ? "true" : "false");
  }
  if (parameter.type == "enum") {
    const std::string list = "|" + parameter.bounds + "|";
    if (value.find('|') != std::string::npos || list.find("|" + value + "|") == std::string::npos) {
      return Bad(method, parameter, value);
    }
  }
  return value;
}

}  // namespace

absl::StatusOr<Parameters> Parameters::Check(const MethodInfo& method,
                                             const std::map<std::string, std::string>& given) {
  Parameters result;
  std::vector<std::string> known;
  for (const auto& parameter : method.parameters) {
    known.push_back(parameter.name);
    const auto it = given.find(parameter.name);
    auto value = CheckValue(method, parameter, it == given.end() ? parameter.default_value : it->second);
    if (!value.ok()) return value.status();
    result.values_[parameter.name] = *std::move(value);
  }
  for (const auto& [name, value] : given) {
    if (result.values_.count(name) > 0) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("method '", method.name, "' has no parameter '", name.substr(0, 64), "'; ",
                     known.empty() ? "it has none" : absl::StrCat("it knows: ", absl::StrJoin(known, ", "))));
  }
  return result;
}

double Parameters::Double(const std::string& name) const {
  double value = 0;
  (void)absl::SimpleAtod(values_.at(name), &value);
  return value;
}

int64_t Parameters::Int(const std::string& name) const {
  int64_t value = 0;
  (void)absl::SimpleAtoi(values_.at(name), &value);
  return value;
}

}  // namespace precis::compress
