#include "runtime/windows.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace precis::engine {
namespace {

constexpr int64_t kFrameTokens = 2;  // cls and sep

std::vector<TokenId> Framed(const WindowFrame& frame, std::span<const TokenId> prefix,
                            std::span<const TokenId> tokens) {
  std::vector<TokenId> window;
  window.reserve(prefix.size() + tokens.size() + kFrameTokens);
  window.push_back(frame.cls);
  window.insert(window.end(), prefix.begin(), prefix.end());
  window.insert(window.end(), tokens.begin(), tokens.end());
  window.push_back(frame.sep);
  return window;
}

}  // namespace

absl::StatusOr<TextWindows> MakeWindows(std::span<const TokenId> tokens, const WindowFrame& frame, LongInput policy,
                                        int64_t index) {
  const int64_t room = frame.max_tokens - kFrameTokens, count = static_cast<int64_t>(tokens.size());
  TextWindows result;
  result.tokens_total = result.tokens_used = count + kFrameTokens;
  if (count <= room) {
    result.windows.push_back(Framed(frame, {}, tokens));
    result.weights.push_back(count);
    return result;
  }
  switch (policy) {
    case LongInput::kError:
      break;
    case LongInput::kTruncate:
      result.windows.push_back(Framed(frame, {}, tokens.first(static_cast<size_t>(room))));
      result.weights.push_back(room);
      result.tokens_used = frame.max_tokens;
      result.truncated = true;
      return result;
    case LongInput::kSplitAndPool: {
      // The first window's prefix is among its tokens already; the others need room for it.
      const int64_t prefix = static_cast<int64_t>(frame.prefix.size());
      const int64_t share = room - prefix, body = count - prefix;
      const int64_t pieces = (body + share - 1) / share;
      for (int64_t i = 0; i < pieces; ++i) {
        const int64_t begin = body * i / pieces, end = body * (i + 1) / pieces;
        const auto piece = tokens.subspan(static_cast<size_t>(prefix + begin), static_cast<size_t>(end - begin));
        const auto head = i == 0 ? tokens.first(static_cast<size_t>(prefix)) : std::span<const TokenId>(frame.prefix);
        result.windows.push_back(Framed(frame, head, piece));
        result.weights.push_back(end - begin);
      }
      return result;
    }
  }
  return absl::InvalidArgumentError(absl::StrCat("text ", index, " has ", result.tokens_total,
                                                 " tokens, the model takes ", frame.max_tokens,
                                                 ": split it, or ask for truncation or for split-and-pool"));
}

}  // namespace precis::engine
