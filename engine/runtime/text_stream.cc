#include "runtime/text_stream.h"

#include <algorithm>

#include "precis/base/utf8.h"

namespace precis::engine {

std::string TextStream::Push(std::string_view bytes) {
  if (stopped_) return "";
  raw_ += bytes;
  const size_t complete = CompleteUtf8Prefix(raw_);
  text_ += ReplaceInvalidUtf8(std::string_view(raw_).substr(0, complete));
  raw_.erase(0, complete);
  return Release(/*all=*/false);
}

std::string TextStream::Finish() {
  if (stopped_) return "";
  text_ += ReplaceInvalidUtf8(raw_);
  raw_.clear();
  return Release(/*all=*/true);
}

std::string TextStream::Release(bool all) {
  size_t end = text_.size();
  for (const std::string& stop : stops_) end = std::min(end, text_.find(stop));
  if (end < text_.size()) {
    stopped_ = true;
  } else if (!all) {
    for (const std::string& stop : stops_) {
      for (size_t n = std::min(stop.size() - 1, text_.size()); n > 0; --n) {
        if (text_.compare(text_.size() - n, n, stop, 0, n) != 0) continue;
        end = std::min(end, text_.size() - n);
        break;
      }
    }
    // A stop string may begin inside a code point only if it is no UTF-8 itself.
    end = FloorToCharBoundary(text_, end);
  }
  std::string out = text_.substr(0, end);
  text_.erase(0, end);
  return out;
}

}  // namespace precis::engine
