// Reads foreign JSON. Internal to formats: the door shows no JSON type.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"

namespace precis::engine {

// Keys, values, and the ends of arrays and objects. A tokenizer's merges have some millions; a value takes up to 100
// bytes where its text may take two ("0,"), so a parser that needs fewer says so.
inline constexpr int64_t kMaxJsonEvents = 1 << 23;

// An object or array. InvalidArgument, beginning with `origin`, when the text is no JSON, has more than `max_depth`
// levels or `max_events` events, or names a key of an object twice (each reader would believe another one).
absl::StatusOr<nlohmann::json> ParseJson(std::string_view text, int max_depth, const std::string& origin,
                                         int64_t max_events = kMaxJsonEvents);

// A whole number of `object` within bounds. InvalidArgument with key, value and bounds when it is missing, no whole
// number or out of bounds.
absl::StatusOr<int64_t> JsonInteger(const nlohmann::json& object, const char* key, int64_t least, int64_t most,
                                    const std::string& origin);

// A number within bounds; `fallback`, whatever it is, when missing or null. InvalidArgument with key, value and bounds
// for another kind or a number out of bounds.
absl::StatusOr<double> JsonNumber(const nlohmann::json& object, const char* key, double fallback, double least,
                                  double most, const std::string& origin);

// True or false; `fallback` when missing or null. InvalidArgument for another kind.
absl::StatusOr<bool> JsonBool(const nlohmann::json& object, const char* key, bool fallback, const std::string& origin);

// A text; `fallback` when missing or null. InvalidArgument for another kind.
absl::StatusOr<std::string> JsonString(const nlohmann::json& object, const char* key, const char* fallback,
                                       const std::string& origin);

// The value as short text for a message.
std::string JsonText(const nlohmann::json& value);

}  // namespace precis::engine
