// Parameters of a step: text from the caller, checked against what the method lists.
#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "precis/compress/compressor.h"

namespace precis::compress {

class Parameters {
 public:
  // Fills in defaults and normalises numbers ("0.70" is "0.7"), so that equal meanings are equal cache keys. Errors:
  // InvalidArgument that lists the known names, or the bounds.
  static absl::StatusOr<Parameters> Check(const MethodInfo& method, const std::map<std::string, std::string>& given);

  // The name must be in the method's list, with this type.
  double Double(const std::string& name) const;
  int64_t Int(const std::string& name) const;

  const std::map<std::string, std::string>& values() const { return values_; }

 private:
  std::map<std::string, std::string> values_;
};

}  // namespace precis::compress
