// Cuts a stream of token bytes into pieces that may be sent: valid UTF-8, and never any part of a stop string.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace precis::engine {

// Not thread-safe.
class TextStream {
 public:
  // The stop strings are not empty.
  explicit TextStream(std::vector<std::string> stops) : stops_(std::move(stops)) {}

  // Appends bytes and returns what may be sent now: all but an unfinished code point and the longest ending that could
  // become a stop string. Bytes that are no UTF-8 become U+FFFD. After a stop string nothing is returned any more.
  std::string Push(std::string_view bytes);

  // The rest, at the end of the text.
  std::string Finish();

  bool stopped() const { return stopped_; }

 private:
  std::string Release(bool all);

  std::vector<std::string> stops_;
  std::string raw_;   // an unfinished code point
  std::string text_;  // valid, not sent yet
  bool stopped_ = false;
};

}  // namespace precis::engine
