// Counting and filling: what fits is decided on the finished text, never on a sum of parts, since tokens merge across
// any border. Sums only say where to look.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "assemble.h"
#include "draft.h"
#include "precis/base/call_context.h"
#include "precis/base/status_macros.h"

namespace precis::compress {

// Counts a finished context as Budget says. Not thread-safe.
class Counter {
 public:
  explicit Counter(const Budget& budget) : budget_(&budget) {}  // not owned

  absl::StatusOr<int64_t> Count(std::string_view context);

 private:
  const Budget* budget_;
  int64_t around_ = -1;  // tokens of before + after
};

// Where the tokens of a draft's whole layout begin: estimates of what any part of it costs, from one call of the
// tokenizer.
class TokenMap {
 public:
  static absl::StatusOr<TokenMap> Make(const Draft& draft, const ContextFormat& format,
                                       const engine::Tokenizer& tokenizer);

  // Tokens that overlap this part of a piece.
  int64_t Estimate(const Unit& unit) const;
  // Tokens of what stands before the block's first piece: separator, mark, source line.
  int64_t BlockOverhead(int block) const;
  // Tokens of the whole layout.
  int64_t total() const { return static_cast<int64_t>(starts_.size()); }

 private:
  int64_t Overlapping(int64_t begin, int64_t end) const;
  int64_t OutputOffset(int piece, int64_t offset) const;

  struct Anchor {
    int piece;
    int64_t offset, output;
  };
  std::vector<int64_t> starts_;         // of tokens in the layout's text, increasing
  std::vector<Anchor> anchors_;         // by piece, then offset
  std::vector<ByteRange> block_heads_;  // in the layout's text
};

// Costs of parts of one draft under one budget. Not thread-safe.
class Fitter {
 public:
  Fitter(const PieceTable& table, const ContextFormat& format, Counter& counter, int64_t budget,
         const CallContext& call)
      : table_(table), format_(format), counter_(counter), budget_(budget), call_(call) {}

  // Tokens of the context that keeps exactly these parts; units need not be normalised.
  absl::StatusOr<int64_t> Cost(const std::vector<Unit>& units);
  absl::StatusOr<bool> Fits(const std::vector<Unit>& units);

  // For another draft under the same budget, which must not outlive this.
  Fitter Over(const PieceTable& table) const { return {table, format_, counter_, budget_, call_}; }

  int64_t budget() const { return budget_; }
  const PieceTable& table() const { return table_; }
  const CallContext& call() const { return call_; }

 private:
  const PieceTable& table_;
  const ContextFormat& format_;
  Counter& counter_;
  const int64_t budget_;
  const CallContext& call_;
};

// An i in [0, n) such that fits(i), and i == n - 1 or not fits(i + 1); -1 when not fits(0). `fits` is asked near
// `guess` first, then in growing and at last halving steps, so that a good guess costs a few calls and no call is far
// larger than the answer. Where `fits` is not monotone (tokenizers are not) the answer still fits, but another one may
// be larger. Fits: int64_t -> absl::StatusOr<bool>.
template <typename Fits>
absl::StatusOr<int64_t> LargestFitting(int64_t n, int64_t guess, const Fits& fits) {
  if (n <= 0) return -1;
  int64_t low = -1, high = n;  // fits(low), not fits(high), by definition at the ends
  int64_t probe = guess < 0 ? 0 : guess >= n ? n - 1 : guess;
  int64_t step = 1;
  while (high - low > 1) {
    PRECIS_ASSIGN_OR_RETURN(const bool ok, fits(probe));
    if (ok) {
      low = probe;
    } else {
      high = probe;
    }
    if (low < 0) {  // still only misses: go down faster and faster
      probe = high - step > 0 ? high - step : 0;
      step *= 4;
    } else if (high == n) {  // only hits: go up
      probe = low + step < n ? low + step : n - 1;
      step *= 4;
    } else {
      probe = low + (high - low) / 2;
    }
  }
  return low;
}

}  // namespace precis::compress
