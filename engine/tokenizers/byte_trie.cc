#include "tokenizers/byte_trie.h"

#include <algorithm>

namespace precis::engine {

ByteTrie::ByteTrie(std::vector<std::pair<std::string, int32_t>> entries) {
  if (entries.empty()) return;
  std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  // What of the sorted entries lies below each node of the level in work.
  struct Span {
    uint32_t node;
    size_t begin, end;
  };
  nodes_.emplace_back();
  std::vector<Span> level = {{0, 0, entries.size()}};
  for (size_t depth = 0; !level.empty(); ++depth) {
    std::vector<Span> next;
    for (Span span : level) {
      if (entries[span.begin].first.size() == depth && depth > 0) {
        nodes_[span.node].value = entries[span.begin].second;
        while (span.begin < span.end && entries[span.begin].first.size() == depth) ++span.begin;
      }
      nodes_[span.node].edges = static_cast<uint32_t>(edge_bytes_.size());
      nodes_[span.node].child = static_cast<uint32_t>(nodes_.size());
      for (size_t begin = span.begin; begin < span.end;) {
        const char byte = entries[begin].first[depth];
        size_t end = begin;
        while (end < span.end && entries[end].first[depth] == byte) ++end;
        edge_bytes_.push_back(static_cast<uint8_t>(byte));
        ++nodes_[span.node].edge_count;
        next.push_back({static_cast<uint32_t>(nodes_.size()), begin, end});
        nodes_.emplace_back();
        begin = end;
      }
    }
    level = std::move(next);
  }
  for (uint32_t i = 0; i < nodes_[0].edge_count; ++i) first_[edge_bytes_[i]] = nodes_[0].child + i;
}

uint32_t ByteTrie::Child(uint32_t node, uint8_t byte) const {
  const Node& parent = nodes_[node];
  const auto begin = edge_bytes_.begin() + parent.edges;
  const auto end = begin + parent.edge_count;
  const auto found = parent.edge_count <= 8 ? std::find(begin, end, byte) : std::lower_bound(begin, end, byte);
  if (found == end || *found != byte) return 0;
  return parent.child + static_cast<uint32_t>(found - begin);
}

}  // namespace precis::engine
