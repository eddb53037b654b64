#include "formats/json_file.h"

#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "formats/quoted.h"
#include "precis/base/status_macros.h"

namespace precis::engine {
namespace {

using nlohmann::json;

absl::Status Wrong(const std::string& origin, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat("'", origin, "': ", what));
}

// What the parser's callback watches: nlohmann's own parser has no limit of depth or number and lets the last of two
// equal keys win.
class Watch {
 public:
  Watch(int max_depth, int64_t max_events)
      : max_depth_(max_depth), max_events_(max_events), keys_(static_cast<size_t>(max_depth) + 1) {}

  // False: the value is dropped instead of built.
  bool operator()(int depth, json::parse_event_t event, const json& value) {
    const auto level = static_cast<size_t>(depth);
    if (++events_ > max_events_) too_many_ = true;
    if (too_many_) return false;
    switch (event) {
      case json::parse_event_t::object_start:
      case json::parse_event_t::array_start:
        if (depth >= max_depth_) too_deep_ = true;
        // The keys of an object are reported one level below its start.
        if (!too_deep_) keys_[level + 1].clear();
        break;
      case json::parse_event_t::key:
        if (!too_deep_ && twice_.empty() && !keys_[level].insert(value.get_ref<const std::string&>()).second) {
          twice_ = value.get_ref<const std::string&>();
          has_twice_ = true;
        }
        break;
      default:
        break;
    }
    return !too_deep_;
  }

  bool too_deep() const { return too_deep_; }
  bool too_many() const { return too_many_; }
  bool has_twice() const { return has_twice_; }
  const std::string& twice() const { return twice_; }

 private:
  int max_depth_;
  int64_t max_events_;
  int64_t events_ = 0;
  bool too_deep_ = false;
  bool too_many_ = false;
  bool has_twice_ = false;
  std::string twice_;
  std::vector<std::set<std::string>> keys_;
};

const json* FindKey(const json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

}  // namespace

absl::StatusOr<json> ParseJson(std::string_view text, int max_depth, const std::string& origin, int64_t max_events) {
  Watch watch(max_depth, max_events);
  json value = json::parse(text.begin(), text.end(), std::ref(watch), /*allow_exceptions=*/false);
  if (watch.too_deep()) return Wrong(origin, absl::StrCat("its JSON is nested deeper than ", max_depth, " levels"));
  if (watch.too_many()) return Wrong(origin, absl::StrCat("its JSON has more than ", max_events, " keys and values"));
  if (watch.has_twice()) return Wrong(origin, absl::StrCat("its JSON names ", Quoted(watch.twice()), " twice"));
  if (value.is_discarded()) return Wrong(origin, "is not valid JSON");
  if (!value.is_object() && !value.is_array()) return Wrong(origin, "its JSON is neither an object nor an array");
  return value;
}

absl::StatusOr<int64_t> JsonInteger(const json& object, const char* key, int64_t least, int64_t most,
                                    const std::string& origin) {
  const json* value = FindKey(object, key);
  const std::string bounds = absl::StrCat("a whole number from ", least, " to ", most, " is needed");
  if (value == nullptr) return Wrong(origin, absl::StrCat(key, " is missing, ", bounds));
  // Beyond int64 a number is stored unsigned; without this check it would wrap.
  const bool huge = value->is_number_unsigned() && value->get<uint64_t>() > static_cast<uint64_t>(INT64_MAX);
  if (!value->is_number_integer() || huge || value->get<int64_t>() < least || value->get<int64_t>() > most) {
    return Wrong(origin, absl::StrCat(key, " is ", JsonText(*value), ", ", bounds));
  }
  return value->get<int64_t>();
}

absl::StatusOr<double> JsonNumber(const json& object, const char* key, double fallback, double least, double most,
                                  const std::string& origin) {
  const json* value = FindKey(object, key);
  if (value == nullptr) return fallback;
  const double number = value->is_number() ? value->get<double>() : 0;
  if (!value->is_number() || !(number >= least && number <= most)) {
    return Wrong(origin,
                 absl::StrCat(key, " is ", JsonText(*value), ", a number from ", least, " to ", most, " is needed"));
  }
  return number;
}

absl::StatusOr<bool> JsonBool(const json& object, const char* key, bool fallback, const std::string& origin) {
  const json* value = FindKey(object, key);
  if (value == nullptr) return fallback;
  if (!value->is_boolean()) return Wrong(origin, absl::StrCat(key, " is ", JsonText(*value), ", not true or false"));
  return value->get<bool>();
}

absl::StatusOr<std::string> JsonString(const json& object, const char* key, const char* fallback,
                                       const std::string& origin) {
  const json* value = FindKey(object, key);
  if (value == nullptr) return std::string(fallback);
  if (!value->is_string()) return Wrong(origin, absl::StrCat(key, " is ", JsonText(*value), ", not a text"));
  return value->get<std::string>();
}

std::string JsonText(const json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return absl::StrCat("an array of ", value.size());
  if (value.is_string()) return Quoted(value.get_ref<const std::string&>());
  return value.dump(-1, ' ', true, json::error_handler_t::replace);
}

}  // namespace precis::engine
