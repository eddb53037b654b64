// A set of byte strings that is walked along a text: which of them begin here?
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace precis::engine {

// Immutable, thread-safe. Finding is linear in the length of the match.
class ByteTrie {
 public:
  ByteTrie() = default;
  // Of equal keys the first counts. Keys must not be empty. Values are >= 0.
  explicit ByteTrie(std::vector<std::pair<std::string, int32_t>> entries);

  bool empty() const { return nodes_.empty(); }
  bool CanStart(char byte) const { return !nodes_.empty() && first_[static_cast<uint8_t>(byte)] != 0; }

  // The first offset from `offset` on where a key can begin; text.size() when there is none.
  size_t FindStart(std::string_view text, size_t offset) const {
    while (offset < text.size() && first_[static_cast<uint8_t>(text[offset])] == 0) ++offset;
    return offset;
  }

  // Calls found(length, value) for each key that is a prefix of text[offset...], shortest first.
  template <typename Found>
  void Prefixes(std::string_view text, size_t offset, const Found& found) const {
    if (offset >= text.size() || !CanStart(text[offset])) return;
    uint32_t node = first_[static_cast<uint8_t>(text[offset])];
    for (size_t i = offset + 1;; ++i) {
      if (nodes_[node].value >= 0) found(i - offset, nodes_[node].value);
      if (i >= text.size()) return;
      node = Child(node, static_cast<uint8_t>(text[i]));
      if (node == 0) return;
    }
  }

 private:
  struct Node {
    uint32_t edges = 0;  // where its edges begin; they are sorted by byte and lead to consecutive nodes from `child`
    uint32_t child = 0;
    uint16_t edge_count = 0;
    int32_t value = -1;
  };
  uint32_t Child(uint32_t node, uint8_t byte) const;

  std::vector<Node> nodes_;  // breadth first; 0 is the root
  std::vector<uint8_t> edge_bytes_;
  uint32_t first_[256] = {};  // the root's children
};

}  // namespace precis::engine
