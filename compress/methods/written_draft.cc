#include "methods/written_draft.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "methods/fill.h"

namespace precis::compress {

WrittenDraft::WrittenDraft(const MethodInput& old, Draft draft, TokenMap tokens, std::vector<Unit> required)
    : draft_(std::move(draft)),
      table_(draft_),
      tokens_(std::move(tokens)),
      required_(std::move(required)),
      fitter_(old.fitter.Over(table_)),
      input_{old.request,    table_,        tokens_,  required_,    fitter_,
             old.parameters, old.resources, old.call, old.progress, old.notes} {}

absl::StatusOr<std::unique_ptr<WrittenDraft>> WrittenDraft::Make(const MethodInput& input,
                                                                 const std::vector<WrittenBlock>& blocks) {
  const Draft& old = input.table.draft();
  std::vector<int> first_piece(old.blocks.size() + 1, 0);
  for (int i = 0; i < input.table.size(); ++i) first_piece[static_cast<size_t>(input.table.block(i)) + 1] = i + 1;
  Draft draft;
  draft.passages = old.passages;
  std::vector<int> new_piece(static_cast<size_t>(input.table.size()), -1);
  std::vector<std::vector<Unit>> sentences(blocks.size());
  int pieces = 0;
  for (size_t b = 0; b < blocks.size(); ++b) {
    Block block;
    block.passage = blocks[b].passage;
    for (const SummarySentence& sentence : blocks[b].sentences) {
      sentences[b].push_back({pieces++, {0, static_cast<int64_t>(sentence.text.size())}});
      block.pieces.push_back({.rewritten = sentence.text, .cited = sentence.cited});
    }
    for (const int from : blocks[b].blocks) {
      for (int i = first_piece[static_cast<size_t>(from)]; i < first_piece[static_cast<size_t>(from) + 1]; ++i) {
        new_piece[static_cast<size_t>(i)] = pieces++;
        block.pieces.push_back(input.table.piece(i));
      }
    }
    draft.blocks.push_back(std::move(block));
  }
  std::vector<Unit> required;
  for (const Unit& unit : input.required) required.push_back({new_piece[static_cast<size_t>(unit.piece)], unit.range});
  PRECIS_ASSIGN_OR_RETURN(TokenMap tokens,
                          TokenMap::Make(draft, input.request.format, *input.request.budget.tokenizer));
  std::unique_ptr<WrittenDraft> written(
      new WrittenDraft(input, std::move(draft), std::move(tokens), std::move(required)));
  written->sentences_ = std::move(sentences);
  if (!written->required_.empty()) {
    PRECIS_ASSIGN_OR_RETURN(const int64_t need, written->fitter_.Cost(written->required_));
    if (need > written->fitter_.budget()) {
      return absl::FailedPreconditionError(
          absl::StrCat("the protected spans need ", need, " tokens when their passages stand together, the budget is ",
                       written->fitter_.budget(), ": raise the budget or protect less"));
    }
  }
  return written;
}

size_t WrittenDraft::SureCount(const std::vector<Unit>& order) const {
  std::vector<bool> entered(draft_.blocks.size(), false);
  int64_t left = fitter_.budget();
  size_t sure = 0;
  for (; sure < order.size(); ++sure) {
    const auto block = static_cast<size_t>(table_.block(order[sure].piece));
    left -= tokens_.Estimate(order[sure]);
    if (!entered[block]) left -= tokens_.BlockOverhead(static_cast<int>(block));
    entered[block] = true;
    if (left < 0) break;
  }
  return sure;
}

absl::StatusOr<Draft> WrittenDraft::Fill(const std::vector<Unit>& order) {
  PRECIS_ASSIGN_OR_RETURN(const FillResult filled, FillBudget(input_, order, SureCount(order)));
  if (filled.units.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("not even one word of a summary fits the budget of ", fitter_.budget(), " tokens: raise it"));
  }
  return Restrict(table_, Normalize(filled.units, table_));
}

std::vector<int> ProtectedBlocks(const MethodInput& input) {
  std::vector<int> blocks;
  for (const Unit& unit : input.required) blocks.push_back(input.table.block(unit.piece));
  std::sort(blocks.begin(), blocks.end());
  blocks.erase(std::unique(blocks.begin(), blocks.end()), blocks.end());
  return blocks;
}

}  // namespace precis::compress
