#include "methods/word_pool.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <string>
#include <unordered_set>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "boundaries.h"
#include "methods/fill.h"
#include "precis/base/utf8.h"
#include "precis/text/sentences.h"

namespace precis::compress {
namespace {

constexpr int64_t kMinPassageTokens = 16;

bool IsClosingPunctuation(char c) { return c == '.' || c == ',' || c == ';' || c == ':' || c == '!' || c == '?'; }

// Where the punctuation at the end of a word begins; its end where there is none, or where it is nothing else.
int64_t PunctuationBegin(std::string_view text, const ByteRange& word) {
  int64_t begin = word.end;
  while (begin > word.begin && IsClosingPunctuation(text[static_cast<size_t>(begin - 1)])) --begin;
  return begin == word.begin ? word.end : begin;
}

// Lets passages in, best first, and collects their sentences that no better passage has.
class Admission {
 public:
  Admission(const MethodInput& input, const WordPoolOptions& options)
      : input_(input),
        min_keep_(options.min_keep),
        block_scores_(options.block_scores),
        blocks_(input.table.draft().blocks.size()),
        left_(input.fitter.budget()) {
    pieces_.resize(blocks_ + 1, 0);
    for (int i = 0; i < input.table.size(); ++i) pieces_[static_cast<size_t>(input.table.block(i)) + 1] = i + 1;
  }

  // The sentences in the order of the draft.
  absl::StatusOr<std::vector<Unit>> Run() {
    std::vector<bool> tried(blocks_, false);
    for (const Unit& unit : input_.required) {
      const int block = input_.table.block(unit.piece);
      if (tried[static_cast<size_t>(block)]) continue;
      tried[static_cast<size_t>(block)] = true;
      PRECIS_ASSIGN_OR_RETURN(const bool in, Admit(block, true));
      admitted_ += in;
    }
    for (const int block : BestFirst()) {
      if (tried[static_cast<size_t>(block)]) continue;
      PRECIS_ASSIGN_OR_RETURN(const bool in, Admit(block, admitted_ == 0));
      if (!in) break;
      ++admitted_;
    }
    std::sort(sentences_.begin(), sentences_.end(), [](const Unit& a, const Unit& b) {
      return a.piece != b.piece ? a.piece < b.piece : a.range.begin < b.range.begin;
    });
    if (admitted_ < blocks_) {
      input_.notes.warnings.push_back(
          absl::StrCat(blocks_ - admitted_, " of ", blocks_,
                       " passages were left out whole, so that of the others enough is kept (min_keep)"));
    }
    if (repetitions_ > 0) {
      input_.notes.warnings.push_back(absl::StrCat(repetitions_, " repeated sentences were left out"));
    }
    return std::move(sentences_);
  }

 private:
  std::vector<int> BestFirst() const {
    const Draft& draft = input_.table.draft();
    std::vector<int> order(blocks_);
    std::iota(order.begin(), order.end(), 0);
    const auto score = [&](int b) {
      if (!block_scores_.empty()) return block_scores_[static_cast<size_t>(b)];
      const Piece& first = draft.blocks[static_cast<size_t>(b)].pieces.front();
      const int passage = first.verbatim() ? first.passage : first.cited.front();
      return input_.request.passages[static_cast<size_t>(passage)].score;
    };
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return score(a) > score(b); });
    return order;
  }

  // False: it does not fit any more. A passage that says nothing new costs nothing.
  absl::StatusOr<bool> Admit(int block, bool force) {
    PRECIS_RETURN_IF_ERROR(input_.call.Check());
    std::vector<Unit> added;
    std::vector<std::string> texts;
    int64_t tokens = 0;
    for (int i = pieces_[static_cast<size_t>(block)]; i < pieces_[static_cast<size_t>(block) + 1]; ++i) {
      const std::string_view text = input_.table.text(i);
      for (const ByteRange& sentence : text::SplitSentences(text)) {
        std::string collapsed = CollapseSpace(Slice(text, sentence));
        if (!seen_.insert(collapsed).second) {
          ++repetitions_;
          continue;
        }
        added.push_back({i, sentence});
        tokens += input_.tokens.Estimate(added.back());
      }
    }
    if (added.empty()) return true;
    const auto share = static_cast<int64_t>(static_cast<double>(tokens) * min_keep_);
    const int64_t need = input_.tokens.BlockOverhead(block) + std::min(tokens, std::max(kMinPassageTokens, share));
    if (need > left_ && !force) return false;
    left_ -= std::min(left_, need);
    sentences_.insert(sentences_.end(), added.begin(), added.end());
    return true;
  }

  const MethodInput& input_;
  const double min_keep_;
  const std::vector<double>& block_scores_;
  const size_t blocks_;
  int64_t left_;
  size_t admitted_ = 0;
  int64_t repetitions_ = 0;
  std::vector<int> pieces_;  // where each block's begin; one more entry
  std::unordered_set<std::string> seen_;
  std::vector<Unit> sentences_;
};

}  // namespace

MethodInfo::Parameter MinKeepParameter() {
  return {"min_keep", "double", "0.2", "0..1",
          "Least part of a passage's tokens to keep; passages that cannot have it are left out whole, worst first."};
}

std::string_view TextOf(const MethodInput& input, const Unit& unit) {
  return Slice(input.table.text(unit.piece), unit.range);
}

absl::StatusOr<WordPool> MakeWordPool(const MethodInput& input, const WordPoolOptions& options) {
  const absl::Time start = absl::Now();
  if (input.progress) input.progress("split", 0, 0);
  WordPool pool;
  PRECIS_ASSIGN_OR_RETURN(pool.sentences, Admission(input, options).Run());
  for (size_t s = 0; s < pool.sentences.size(); ++s) {
    if (s % 1024 == 0) PRECIS_RETURN_IF_ERROR(input.call.Check());
    const auto [piece, sentence] = pool.sentences[s];
    const std::string_view text = input.table.text(piece).substr(0, static_cast<size_t>(sentence.end));
    pool.first_word.push_back(static_cast<int>(pool.words.size()));
    for (int64_t at = sentence.begin; at < sentence.end;) {
      const DecodedChar c = DecodeUtf8(text, static_cast<size_t>(at));
      if (IsSpace(c.code_point)) {
        at += c.length;
        continue;
      }
      const ByteRange word = {at, WordEndAfter(text, at)};
      const int64_t border = options.split_punctuation ? PunctuationBegin(text, word) : word.end;
      pool.words.push_back({{piece, {word.begin, border}}, static_cast<int>(s)});
      if (border < word.end) pool.words.push_back({{piece, {border, word.end}}, static_cast<int>(s)});
      at = word.end;
    }
  }
  pool.first_word.push_back(static_cast<int>(pool.words.size()));
  input.notes.timings.push_back({"split", absl::Now() - start});
  return pool;
}

std::vector<bool> TouchesRequired(const MethodInput& input, const WordPool& pool) {
  std::vector<bool> touches(pool.words.size(), false);
  const Selection required = Normalize(input.required, input.table);
  auto next = required.begin();
  for (size_t w = 0; w < pool.words.size(); ++w) {
    const Unit& unit = pool.words[w].unit;
    while (next != required.end() &&
           (next->piece < unit.piece || (next->piece == unit.piece && next->range.end <= unit.range.begin))) {
      ++next;
    }
    touches[w] = next != required.end() && next->piece == unit.piece && next->range.begin < unit.range.end;
  }
  return touches;
}

absl::StatusOr<Draft> KeepBestWords(const MethodInput& input, const WordPool& pool, const std::vector<double>& scores,
                                    double least) {
  const absl::Time start = absl::Now();
  if (input.progress) input.progress("select", 0, static_cast<int64_t>(pool.words.size()));
  PRECIS_RETURN_IF_ERROR(input.call.Check());
  const std::vector<bool> first = TouchesRequired(input, pool);
  std::vector<int> order;
  for (size_t w = 0; w < pool.words.size(); ++w) {
    if (first[w] || scores[w] >= least) order.push_back(static_cast<int>(w));
  }
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    const auto x = static_cast<size_t>(a), y = static_cast<size_t>(b);
    if (first[x] != first[y]) return first[x];
    return scores[x] > scores[y];
  });
  std::vector<Unit> units;
  units.reserve(order.size());
  for (const int w : order) units.push_back(pool.words[static_cast<size_t>(w)].unit);

  // As many of the best as fit by the estimates.
  std::vector<bool> entered(input.table.draft().blocks.size(), false);
  for (const Unit& unit : input.required) entered[static_cast<size_t>(input.table.block(unit.piece))] = true;
  PRECIS_ASSIGN_OR_RETURN(int64_t sum, input.fitter.Cost(input.required));
  size_t sure = 0;
  for (; sure < units.size(); ++sure) {
    const int block = input.table.block(units[sure].piece);
    sum += input.tokens.Estimate(units[sure]);
    if (!entered[static_cast<size_t>(block)]) sum += input.tokens.BlockOverhead(block);
    if (sum > input.fitter.budget()) break;
    entered[static_cast<size_t>(block)] = true;
  }
  PRECIS_ASSIGN_OR_RETURN(const FillResult filled, FillBudget(input, units, sure));
  if (filled.units.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("not even one word fits the budget of ", input.fitter.budget(), " tokens: raise it"));
  }
  input.notes.timings.push_back({"select", absl::Now() - start});
  return Restrict(input.table, Normalize(filled.units, input.table));
}

}  // namespace precis::compress
