#include "src/pack.h"

#include <algorithm>
#include <utility>

#include "precis/base/status_macros.h"

namespace precis::split {
namespace {

class Packer {
 public:
  Packer(std::string_view text, const UnitList& list, const SplitOptions& options)
      : text_(text), units_(list.units), paths_(list.paths), options_(options) {
    for (const Unit& unit : units_) {
      if (unit.block < 0) continue;
      if (static_cast<size_t>(unit.block) >= block_tokens_.size()) block_tokens_.resize(unit.block + 1, 0);
      block_tokens_[unit.block] += unit.tokens;
    }
  }

  absl::StatusOr<std::vector<Piece>> Run(const CallContext& call) {
    std::vector<Piece> pieces;
    size_t start = 0;  // of the piece, overlap included
    size_t fresh = 0;  // the first unit that no piece has yet
    while (fresh < units_.size()) {
      PRECIS_RETURN_IF_ERROR(call.Check());
      size_t end = Fill(&start, fresh);
      PRECIS_ASSIGN_OR_RETURN(int64_t tokens, Count(start, end));
      while (tokens > options_.max_tokens) {
        Shrink(tokens - options_.max_tokens, fresh, &start, &end);
        PRECIS_ASSIGN_OR_RETURN(tokens, Count(start, end));
      }
      pieces.push_back({Range(start, end), static_cast<int>(tokens), CommonPath(start, end)});
      PRECIS_ASSIGN_OR_RETURN(start, OverlapStart(start, end));
      fresh = end;
    }
    return pieces;
  }

 private:
  ByteRange Range(size_t begin, size_t end) const { return {units_[begin].range.begin, units_[end - 1].range.end}; }

  absl::StatusOr<int64_t> Count(size_t begin, size_t end) const {
    return options_.tokenizer->CountTokens(Slice(text_, Range(begin, end)));
  }

  // Inside a block that would fit a piece of its own.
  bool BreaksWholeBlock(size_t unit) const {
    const int block = units_[unit].block;
    return unit > 0 && block >= 0 && units_[unit - 1].block == block && block_tokens_[block] <= options_.max_tokens;
  }

  Border BorderBefore(size_t unit) const { return BreaksWholeBlock(unit) ? Border::kInside : units_[unit].border; }

  // The end of the piece that begins at `*start`; greater than `fresh`. Gives up overlap where nothing new would fit.
  size_t Fill(size_t* start, size_t fresh) const {
    int64_t sum = 0;
    for (size_t i = *start; i < fresh; ++i) sum += units_[i].tokens;
    // Part of an overlap may count for more than the whole (tokenizers are not monotone), so it is all or nothing.
    if (*start < fresh && sum + units_[fresh].tokens > options_.max_tokens) {
      *start = fresh;
      sum = 0;
    }
    size_t end = fresh;
    while (end < units_.size() && sum + units_[end].tokens <= options_.max_tokens) {
      // A section begins a piece of its own unless what stands before it is too little to be found by itself.
      if (end > fresh && units_[end].heading && units_[end].border == Border::kSection &&
          sum >= options_.max_tokens / 4) {
        return end;
      }
      sum += units_[end++].tokens;
    }
    return end < units_.size() ? BestEnd(*start, fresh, std::max(end, fresh + 1)) : end;
  }

  // The best border in the last third of [start, end], or a section's in its last half; the latest where several are
  // equally good.
  size_t BestEnd(size_t start, size_t fresh, size_t end) const {
    int64_t total = 0;
    for (size_t i = start; i < end; ++i) total += units_[i].tokens;
    int64_t sum = total;
    size_t best = end;
    Border best_border = BorderBefore(end);
    for (size_t i = end; i-- > fresh + 1;) {
      sum -= units_[i].tokens;
      // A block that is kept whole may take more than a third: look on until it has begun.
      if (sum < total / 2 && best_border > Border::kInside) break;
      const Border border = BorderBefore(i);
      if (sum < total * 2 / 3 && border < Border::kSection && best_border > Border::kInside) continue;
      if (border > best_border && !units_[i - 1].heading) {
        best = i;
        best_border = border;
      }
    }
    while (best > fresh + 1 && units_[best - 1].heading) --best;
    return best;
  }

  void Shrink(int64_t excess, size_t fresh, size_t* start, size_t* end) const {
    if (*start < fresh) {
      *start = fresh;
      return;
    }
    int64_t dropped = 0;
    // One unit alone is counted by exactly these bytes and fits, so at least two are left here.
    while (dropped<excess&& * end> fresh + 1) dropped += std::max(units_[--*end].tokens, 1);
  }

  // Where the piece after [start, end) begins: whole units of at most overlap_tokens before `end`.
  absl::StatusOr<size_t> OverlapStart(size_t start, size_t end) const {
    if (end >= units_.size() || units_[end].border == Border::kSection || units_[end].border == Border::kInside) {
      return end;
    }
    size_t begin = end;
    int64_t sum = 0;
    while (begin > start + 1 && units_[begin - 1].whole && sum + units_[begin - 1].tokens <= options_.overlap_tokens) {
      sum += units_[--begin].tokens;
    }
    while (begin < end) {
      // Half a fence or table would not be read as one.
      if (units_[begin].block >= 0 && units_[begin - 1].block == units_[begin].block) {
        ++begin;
        continue;
      }
      PRECIS_ASSIGN_OR_RETURN(const int64_t tokens, Count(begin, end));
      if (tokens <= options_.overlap_tokens) break;
      ++begin;
    }
    return begin;
  }

  std::vector<std::string> CommonPath(size_t start, size_t end) const {
    std::vector<std::string> path = paths_[static_cast<size_t>(units_[start].path)];
    for (size_t i = start + 1; i < end; ++i) {
      if (units_[i].path == units_[i - 1].path) continue;
      const auto& other = paths_[static_cast<size_t>(units_[i].path)];
      size_t common = 0;
      while (common < path.size() && common < other.size() && path[common] == other[common]) ++common;
      path.resize(common);
    }
    return path;
  }

  std::string_view text_;
  const std::vector<Unit>& units_;
  const std::vector<std::vector<std::string>>& paths_;
  const SplitOptions& options_;
  std::vector<int64_t> block_tokens_;
};

}  // namespace

absl::StatusOr<std::vector<Piece>> Pack(std::string_view text, const UnitList& list, const SplitOptions& options,
                                        const CallContext& call) {
  return Packer(text, list, options).Run(call);
}

}  // namespace precis::split
