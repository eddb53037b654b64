#include "methods/extractive.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "methods/fill.h"
#include "methods/mmr.h"
#include "methods/sentence_pool.h"
#include "vectors.h"

namespace precis::compress {
namespace {

class Extractive final : public Method {
 public:
  MethodInfo info() const override {
    MethodInfo info;
    info.name = "extractive";
    info.description =
        "Keeps the sentences that matter to the query and do not repeat each other, in their original order.";
    info.uses_query = true;
    info.gentler = "none";
    info.parameters = {
        {"mmr_lambda", "double", "0.7", "0..1", "Weight of relevance against unlikeness to what is kept already."},
        {"keyword_weight", "double", "0.35", "0..1", "Share of BM25 in the relevance to a query."},
        {"passage_weight", "double", "0.1", "0..1", "Share of the passage's own score in the relevance."},
        {"max_sentences", "int", "1024", "1..16384",
         "Sentences that are compared by meaning; of more, those with the best keywords."},
    };
    return info;
  }

  absl::StatusOr<Draft> Run(const MethodInput& input) const override {
    const Parameters& parameters = input.parameters;
    PRECIS_ASSIGN_OR_RETURN(const SentencePool pool, MakeSentencePool(input, parameters.Int("max_sentences"),
                                                                      {parameters.Double("keyword_weight"),
                                                                       parameters.Double("passage_weight")}));
    const absl::Time start = absl::Now();
    if (input.progress) input.progress("select", 0, static_cast<int64_t>(pool.sentences.size()));
    PRECIS_ASSIGN_OR_RETURN(const MmrOrder order, Order(input, pool));
    std::vector<Unit> units;
    std::vector<int> sentences;  // of each unit
    const auto append = [&](int sentence) {
      units.push_back(pool.sentences[static_cast<size_t>(sentence)].unit);
      sentences.push_back(sentence);
    };
    for (const int i : order.chosen) append(pool.candidates[static_cast<size_t>(i)]);
    for (const int i : order.rest) append(pool.candidates[static_cast<size_t>(i)]);
    for (const int i : pool.others) append(i);

    PRECIS_ASSIGN_OR_RETURN(const FillResult filled, FillBudget(input, units, order.chosen.size()));
    if (filled.units.empty()) {
      return absl::FailedPreconditionError(absl::StrCat("not even one word of a sentence fits the budget of ",
                                                        input.fitter.budget(), " tokens: raise it"));
    }
    if (filled.cut >= 0) {
      const Sentence& cut = pool.sentences[static_cast<size_t>(sentences[static_cast<size_t>(filled.cut)])];
      input.notes.warnings.push_back(
          absl::StrCat("to fill the budget a sentence of passage ", cut.passage, " is kept only in its beginning"));
    }
    if (pool.embedded) input.notes.fidelity = Fidelity(pool, sentences, filled);
    input.notes.timings.push_back({"select", absl::Now() - start});
    return Restrict(input.table, Normalize(filled.units, input.table));
  }

 private:
  static absl::StatusOr<MmrOrder> Order(const MethodInput& input, const SentencePool& pool) {
    MmrOptions options;
    options.lambda = input.parameters.Double("mmr_lambda");
    const size_t blocks = input.table.draft().blocks.size();
    options.entered.assign(blocks, false);
    for (size_t b = 0; b < blocks; ++b) options.entry_costs.push_back(input.tokens.BlockOverhead(static_cast<int>(b)));
    for (const Unit& unit : input.required) {
      options.entered[static_cast<size_t>(input.table.block(unit.piece))] = true;
    }
    PRECIS_ASSIGN_OR_RETURN(const int64_t required, input.fitter.Cost(input.required));
    options.budget = input.fitter.budget() - required;
    std::vector<MmrItem> items;
    for (const int c : pool.candidates) {
      const Sentence& sentence = pool.sentences[static_cast<size_t>(c)];
      items.push_back({sentence.relevance, &sentence.vector, sentence.tokens, input.table.block(sentence.unit.piece)});
    }
    return OrderByMmr(items, options, input.call);
  }

  // Of the sentences that were compared by meaning; one that was cut counts as if it were whole.
  static std::optional<double> Fidelity(const SentencePool& pool, const std::vector<int>& sentences,
                                        const FillResult& filled) {
    std::vector<float> before, after;
    for (const int c : pool.candidates) AddTo(pool.sentences[static_cast<size_t>(c)].vector, &before);
    std::vector<int> kept = filled.added;
    if (filled.cut >= 0) kept.push_back(filled.cut);
    std::sort(kept.begin(), kept.end());
    for (const int k : kept)
      AddTo(pool.sentences[static_cast<size_t>(sentences[static_cast<size_t>(k)])].vector, &after);
    if (after.empty()) return std::nullopt;
    return CosineOf(before, after);
  }
};

}  // namespace

std::unique_ptr<Method> MakeExtractive() { return std::make_unique<Extractive>(); }

}  // namespace precis::compress
