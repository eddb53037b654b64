// What a reranker adds to a search by all-minilm-l6-v2 and what it costs: hit@1, MRR, milliseconds a query.
//
//   rerank_eval TASK.jsonl MODELS_DIR QUERIES CANDIDATES [likelihood:NAME | encoder:NAME | sparse:NAME | cross:NAME]...
//
// TASK.jsonl is by rerank_data.py. QUERIES: that many, spread evenly (0: all). The first CANDIDATES of MiniLM's order
// are scored again, and ordered by that score alone (weight 1) or with the first one (0.3, 0.5, 0.7); the others follow
// as they were. Vectors of passages are not cached: a server that has seen a passage before pays for the query only.
// Times are of the whole process (CPU) and of the clock, on as many threads as there are cores.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "precis/engine/load.h"
#include "precis/engine/load_heads.h"
#include "precis/index/reranker.h"

namespace precis {
namespace {

template <class T>
T OrDie(absl::StatusOr<T> value) {
  if (value.ok()) return *std::move(value);
  std::fprintf(stderr, "%s\n", value.status().ToString().c_str());
  std::exit(1);
}

double CpuMilliseconds() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) * 1e-6;
}

std::string PathOf(const std::string& models, const std::string& name) { return models + "/" + name; }

std::shared_ptr<index::Reranker> Load(const std::string& models, const std::string& spec) {
  const size_t colon = spec.find(':');
  const std::string kind = spec.substr(0, colon), path = PathOf(models, spec.substr(colon + 1));
  if (kind == "encoder") return index::MakeEncoderReranker(OrDie(engine::LoadEmbedder(path, {})));
  if (kind == "sparse") return index::MakeSparseReranker(OrDie(engine::LoadSparseEncoder(path, {})));
  if (kind == "cross") return index::MakeCrossReranker(OrDie(engine::LoadCrossEncoder(path, {})));
  if (kind == "likelihood") {
    const auto model = OrDie(engine::LoadLanguageModel(path, {}));
    return index::MakeLikelihoodReranker(model, static_cast<size_t>(model->info().max_tokens));
  }
  std::fprintf(stderr, "'%s' is no reranker\n", spec.c_str());
  std::exit(2);
}

struct Tally {
  double hits = 0, reciprocal = 0;
  int count = 0;
  void Add(int rank) {  // from 1
    hits += rank == 1;
    reciprocal += 1.0 / rank;
    ++count;
  }
  void Print(const std::string& what, double cpu, double wall) const {
    std::printf("%-44s hit@1 %.3f  MRR %.3f  %8.1f ms CPU  %8.1f ms a query\n", what.c_str(), hits / count,
                reciprocal / count, cpu / count, wall / count);
    std::fflush(stdout);
  }
};

int Main(int argc, char** argv) {
  if (argc < 5) {
    std::fprintf(stderr, "usage: rerank_eval TASK.jsonl MODELS_DIR QUERIES CANDIDATES KIND:MODEL...\n");
    return 2;
  }
  std::vector<std::string> queries, texts;
  std::ifstream in(argv[1]);
  for (std::string line; std::getline(in, line);) {
    const auto item = nlohmann::json::parse(line);
    queries.push_back(item["query"]);
    texts.push_back(item["text"]);
  }
  std::vector<size_t> asked;
  for (size_t i = 0; i < queries.size(); ++i) {
    if (!queries[i].empty()) asked.push_back(i);
  }
  const auto wanted = static_cast<size_t>(std::atoi(argv[3]));
  if (wanted > 0 && wanted < asked.size()) {
    std::vector<size_t> some;
    for (size_t i = 0; i < wanted; ++i) some.push_back(asked[i * asked.size() / wanted]);
    asked = some;
  }
  const auto candidates = std::min(texts.size(), static_cast<size_t>(std::atoi(argv[4])));

  const CallContext call = CallContext::Make();
  const auto minilm = OrDie(engine::LoadEmbedder(PathOf(argv[2], "all-minilm-l6-v2"), {}));
  const auto embed = [&](const std::vector<std::string>& all, engine::InputRole role) {
    const std::vector<std::string_view> views(all.begin(), all.end());
    return OrDie(minilm->Embed(views, {.role = role, .long_input = engine::LongInput::kTruncate}, call));
  };
  const auto documents = embed(texts, engine::InputRole::kDocument);
  std::vector<std::string> asked_texts;
  for (const size_t q : asked) asked_texts.push_back(queries[q]);
  double cpu = CpuMilliseconds();
  absl::Time begin = absl::Now();
  const auto vectors = embed(asked_texts, engine::InputRole::kQuery);
  Tally first;
  std::vector<std::vector<size_t>> orders;
  std::vector<std::vector<double>> scores;
  for (size_t i = 0; i < asked.size(); ++i) {
    std::vector<double> score(texts.size());
    for (size_t d = 0; d < texts.size(); ++d) {
      score[d] =
          std::inner_product(vectors[i].vector.begin(), vectors[i].vector.end(), documents[d].vector.begin(), 0.0);
    }
    std::vector<size_t> order(texts.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return score[a] > score[b]; });
    first.Add(1 + static_cast<int>(std::find(order.begin(), order.end(), asked[i]) - order.begin()));
    orders.push_back(std::move(order));
    scores.push_back(std::move(score));
  }
  first.Print("all-minilm-l6-v2 alone", CpuMilliseconds() - cpu, absl::ToDoubleMilliseconds(absl::Now() - begin));

  for (int arg = 5; arg < argc; ++arg) {
    const auto reranker = Load(argv[2], argv[arg]);
    std::vector<std::pair<double, Tally>> tallies = {{1, {}}, {0.7, {}}, {0.5, {}}, {0.3, {}}};
    cpu = CpuMilliseconds();
    begin = absl::Now();
    for (size_t i = 0; i < asked.size(); ++i) {
      std::vector<index::RerankItem> items;
      std::vector<double> before;
      for (size_t c = 0; c < candidates; ++c) {
        items.push_back({texts[orders[i][c]], {}});
        before.push_back(scores[i][orders[i][c]]);
      }
      const std::vector<float> again = OrDie(reranker->Score(queries[asked[i]], items, call));
      for (auto& [weight, tally] : tallies) {
        const std::vector<double> combined = index::CombinedScores(before, again, weight);
        std::vector<size_t> places(candidates);
        std::iota(places.begin(), places.end(), size_t{0});
        std::stable_sort(places.begin(), places.end(), [&](size_t a, size_t b) { return combined[a] > combined[b]; });
        std::vector<size_t> order = orders[i];
        for (size_t c = 0; c < candidates; ++c) order[c] = orders[i][places[c]];
        tally.Add(1 + static_cast<int>(std::find(order.begin(), order.end(), asked[i]) - order.begin()));
      }
    }
    cpu = CpuMilliseconds() - cpu;
    const double wall = absl::ToDoubleMilliseconds(absl::Now() - begin);
    for (const auto& [weight, tally] : tallies) {
      char label[128];
      std::snprintf(label, sizeof(label), "%s, weight %.1f", argv[arg], weight);
      tally.Print(label, cpu, wall);
    }
  }
  return 0;
}

}  // namespace
}  // namespace precis

int main(int argc, char** argv) { return precis::Main(argc, argv); }
