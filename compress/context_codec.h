// A finished context as bytes for the cache. Verbatim text is not stored: spans name passages by ordinal, and the
// request that finds the value brings the passages (their hashes are in the key).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "precis/compress/types.h"

namespace precis::compress {

// Goes up when the key's fields or this layout change.
inline constexpr int kContextSchema = 2;

// Without timings and cache outcome, which are each call's own.
std::string EncodeContext(const Context& context);

// Nothing when the bytes do not describe a context of this request.
std::optional<Context> DecodeContext(std::string_view bytes, const Request& request);

}  // namespace precis::compress
