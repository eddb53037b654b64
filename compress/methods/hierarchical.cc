#include "methods/hierarchical.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "methods/summary_tree.h"
#include "methods/written_draft.h"

namespace precis::compress {
namespace {

// Sentences of the summaries that are in `draft`, wholly or in their beginning. Both are in the same order.
std::vector<SummarySentence> Kept(const SummaryTree& tree, const Draft& draft) {
  std::vector<const SummarySentence*> sentences;
  for (const auto& summary : tree.summaries) {
    for (const SummarySentence& sentence : summary) sentences.push_back(&sentence);
  }
  std::vector<SummarySentence> kept;
  size_t next = 0;
  for (const Block& block : draft.blocks) {
    for (const Piece& piece : block.pieces) {
      if (piece.verbatim()) continue;
      while (next < sentences.size() && !sentences[next]->text.starts_with(piece.rewritten)) ++next;
      if (next < sentences.size()) kept.push_back(*sentences[next++]);
    }
  }
  return kept;
}

class Hierarchical final : public Method {
 public:
  MethodInfo info() const override {
    MethodInfo info;
    info.name = "hierarchical";
    info.description =
        "Summarises texts of any length: their parts, then groups of summaries, until they fit; says what it leaves "
        "out.";
    info.verbatim = false;
    info.needs_generator = true;
    info.uses_generator = true;
    info.gentler = "extractive";
    info.parameters = {
        {"mode", "enum", "merge", "merge|incremental",
         "merge: summaries of parts are summarised together; incremental: one summary takes in part after part."},
        {"part_tokens", "int", "1024", "64..1500", "Tokens that are read at once, as far as the window has room."},
        {"summary_tokens", "int", "128", "16..512",
         "Tokens of a part's summary at least allowed, and of a merged one."},
        {"carry", "bool", "true", "", "Parts are read with the summary of what stands before them."},
    };
    return info;
  }

  absl::StatusOr<Draft> Run(const MethodInput& input) const override {
    const absl::Time start = absl::Now();
    TreeOptions options;
    options.incremental = input.parameters.values().at("mode") == "incremental";
    options.carry = input.parameters.values().at("carry") == "true";
    options.part_tokens = input.parameters.Int("part_tokens");
    options.summary_tokens = input.parameters.Int("summary_tokens");
    options.goal_tokens = input.fitter.budget();
    if (!input.required.empty()) {
      PRECIS_ASSIGN_OR_RETURN(const int64_t required, input.fitter.Cost(input.required));
      options.goal_tokens -= required;
    }
    PRECIS_ASSIGN_OR_RETURN(const SummaryTree tree, SummariseText(input, options));
    input.notes.timings.push_back({"summarise", absl::Now() - start});

    const absl::Time fill_start = absl::Now();
    std::vector<WrittenBlock> blocks;
    for (const auto& summary : tree.summaries) blocks.push_back({summary, {}, -1});
    blocks.back().blocks = ProtectedBlocks(input);
    PRECIS_ASSIGN_OR_RETURN(const std::unique_ptr<WrittenDraft> written, WrittenDraft::Make(input, blocks));
    PRECIS_ASSIGN_OR_RETURN(Draft draft, written->Fill(Order(written->sentences())));
    const std::string omitted = Omissions(tree, Kept(tree, draft));
    input.notes.warnings.push_back(absl::StrCat("'", input.resources.generator->info().name, "' summarised ",
                                                tree.parts.size(), " parts in ", tree.levels,
                                                tree.levels == 1 ? " level" : " levels"));
    if (!omitted.empty()) {
      input.notes.warnings.push_back(
          absl::StrCat("nothing in the summary is about these places of the text: ", omitted));
    }
    input.notes.timings.push_back({"select", absl::Now() - fill_start});
    return draft;
  }

 private:
  // First sentences of all summaries, then second ones: what is cut off is not the end of the text.
  static std::vector<Unit> Order(const std::vector<std::vector<Unit>>& sentences) {
    std::vector<Unit> order;
    bool more = true;
    for (size_t i = 0; more; ++i) {
      more = false;
      for (const auto& summary : sentences) {
        if (i >= summary.size()) continue;
        order.push_back(summary[i]);
        more = true;
      }
    }
    return order;
  }
};

}  // namespace

std::unique_ptr<Method> MakeHierarchical() { return std::make_unique<Hierarchical>(); }

}  // namespace precis::compress
