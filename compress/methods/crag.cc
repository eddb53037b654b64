#include "methods/crag.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "boundaries.h"
#include "fidelity.h"
#include "methods/cluster_summary.h"
#include "methods/mmr.h"
#include "methods/spherical_kmeans.h"
#include "methods/written_draft.h"
#include "precis/text/sentences.h"
#include "vectors.h"

namespace precis::compress {
namespace {

// Relevance against unlikeness to what is chosen, for the sentences that show a cluster.
constexpr double kMmrLambda = 0.6;
// A cluster's part of the budget: half by size, half by likeness to the query.
constexpr double kBySize = 0.5;

struct Cluster {
  std::vector<int> blocks;  // nearest to the centre first
  std::vector<float> centroid;
  double share = 0;  // of the budget, [0, 1]
};

// One run.
class CragRun {
 public:
  explicit CragRun(const MethodInput& input) : input_(input) {}

  absl::StatusOr<Draft> Run() {
    PRECIS_RETURN_IF_ERROR(MakeClusters());
    PRECIS_RETURN_IF_ERROR(Summarise());
    return Fill();
  }

 private:
  // A candidate of the new draft: a sentence of a summary, or of a passage.
  struct Candidate {
    Unit unit;
    int cluster = 0;
  };

  const std::string& Choice(const char* name) const { return input_.parameters.values().at(name); }

  // Embeds passages and query; everything of a cluster follows from that.
  absl::Status MakeClusters() {
    const absl::Time start = absl::Now();
    const Draft& draft = input_.table.draft();
    std::vector<int> blocks = Chosen(draft);
    if (input_.progress) input_.progress("embed", 0, static_cast<int64_t>(blocks.size()));
    std::vector<std::string> joined;  // blocks of several pieces
    joined.reserve(blocks.size());
    std::vector<std::string_view> texts;
    std::vector<engine::CacheTag> tags;
    for (const int b : blocks) {
      const Block& block = draft.blocks[static_cast<size_t>(b)];
      if (block.pieces.size() == 1) {
        texts.push_back(draft.TextOf(block.pieces[0]));
      } else {
        joined.emplace_back();
        for (const Piece& piece : block.pieces) {
          absl::StrAppend(&joined.back(), joined.back().empty() ? "" : " ", std::string(draft.TextOf(piece)));
        }
        texts.push_back(joined.back());
      }
      tags.push_back(SentenceTag(input_.request, PassageOf(block)));
    }
    engine::EmbedOptions options = SentenceOptions();
    // A document read at an unknown epoch must not get into the cache.
    if (input_.request.read_epoch != 0) options.tags = tags;
    engine::Embedder& embedder = *input_.resources.embedder;
    PRECIS_ASSIGN_OR_RETURN(std::vector<engine::Embedding> embeddings, embedder.Embed(texts, options, input_.call));
    std::vector<std::vector<float>> points;
    for (engine::Embedding& embedding : embeddings) {
      NormalizeVector(&embedding.vector);
      points.push_back(std::move(embedding.vector));
    }
    if (!IsBlank(input_.request.query)) {
      const std::string_view query = input_.request.query;
      const engine::CacheTag tag = {input_.request.tenant, "", input_.request.read_epoch};
      options.role = engine::InputRole::kQuery;
      options.tags = {&tag, 1};
      PRECIS_ASSIGN_OR_RETURN(auto embedded, embedder.Embed({&query, 1}, options, input_.call));
      query_ = std::move(embedded[0].vector);
    }
    input_.notes.timings.push_back({"embed", absl::Now() - start});

    const absl::Time clustering_start = absl::Now();
    const auto k = static_cast<int>(input_.parameters.Int("clusters"));
    const auto seed = static_cast<uint64_t>(input_.parameters.Int("seed"));
    PRECIS_ASSIGN_OR_RETURN(const Clustering clustering, Choice("choose") == "silhouette"
                                                             ? BestSilhouette(points, k, seed, input_.call)
                                                             : SphericalKMeans(points, k, seed, input_.call));
    clusters_.resize(clustering.centroids.size());
    for (size_t c = 0; c < clusters_.size(); ++c) clusters_[c].centroid = clustering.centroids[c];
    std::vector<std::vector<std::pair<float, int>>> members(clusters_.size());
    for (size_t i = 0; i < blocks.size(); ++i) {
      const auto c = static_cast<size_t>(clustering.cluster[i]);
      members[c].push_back({Dot(points[i], clusters_[c].centroid), blocks[i]});
    }
    for (size_t c = 0; c < clusters_.size(); ++c) {
      std::stable_sort(members[c].begin(), members[c].end(),
                       [](const auto& a, const auto& b) { return a.first > b.first; });
      for (const auto& [likeness, block] : members[c]) clusters_[c].blocks.push_back(block);
    }
    std::stable_sort(clusters_.begin(), clusters_.end(),
                     [](const Cluster& a, const Cluster& b) { return a.blocks.size() > b.blocks.size(); });
    ShareBudget(blocks.size());
    input_.notes.timings.push_back({"cluster", absl::Now() - clustering_start});
    return absl::OkStatus();
  }

  // The blocks that are clustered, in the order of the draft: those of the best scores, and all with protected text.
  std::vector<int> Chosen(const Draft& draft) {
    std::vector<int> order(draft.blocks.size());
    std::iota(order.begin(), order.end(), 0);
    const auto most = static_cast<size_t>(input_.parameters.Int("max_passages"));
    if (order.size() <= most) return order;
    std::vector<bool> required(draft.blocks.size(), false);
    for (const Unit& unit : input_.required) required[static_cast<size_t>(input_.table.block(unit.piece))] = true;
    const auto score = [&](int b) {
      return input_.request.passages[static_cast<size_t>(PassageOf(draft.blocks[static_cast<size_t>(b)]))].score;
    };
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
      if (required[static_cast<size_t>(a)] != required[static_cast<size_t>(b)])
        return !!required[static_cast<size_t>(a)];
      return score(a) > score(b);
    });
    size_t count = most;
    while (count < order.size() && required[static_cast<size_t>(order[count])]) ++count;
    input_.notes.warnings.push_back(absl::StrCat(order.size() - count, " of ", order.size(),
                                                 " passages beyond max_passages were left out, the worst scored"));
    order.resize(count);
    std::sort(order.begin(), order.end());
    return order;
  }

  static int PassageOf(const Block& block) {
    const Piece& first = block.pieces.front();
    return first.verbatim() ? first.passage : first.cited.front();
  }

  void ShareBudget(size_t blocks) {
    std::vector<double> likeness;
    double sum = 0;
    for (const Cluster& cluster : clusters_) {
      likeness.push_back(query_.empty() ? 0 : CosineOf(query_, cluster.centroid));
      sum += likeness.back();
    }
    for (size_t c = 0; c < clusters_.size(); ++c) {
      const double by_size = static_cast<double>(clusters_[c].blocks.size()) / static_cast<double>(blocks);
      clusters_[c].share = sum > 0 ? kBySize * by_size + (1 - kBySize) * likeness[c] / sum : by_size;
    }
  }

  absl::Status Summarise() {
    const bool wanted = Choice("summaries") != "extractive";
    if (wanted && input_.resources.generator == nullptr) {
      const std::string& why = input_.resources.no_generator;
      const std::string message = absl::StrCat("no generator is loaded", why.empty() ? "" : ": ", why);
      // Where one was meant to be there, its absence is a failure like any other.
      if (Choice("summaries") == "generator" ||
          (!why.empty() && input_.request.fallback_policy == FallbackPolicy::kFail)) {
        return absl::FailedPreconditionError(message);
      }
      input_.notes.warnings.push_back(absl::StrCat(message, "; clusters are shown by sentences near their centre"));
      input_.notes.transient = !why.empty();
    }
    summaries_.resize(clusters_.size());
    if (!wanted || input_.resources.generator == nullptr) return absl::OkStatus();
    const absl::Time start = absl::Now();
    int64_t read = 0, all = 0, unsupported = 0, cached = 0, written = 0;
    for (size_t c = 0; c < clusters_.size(); ++c) {
      if (input_.progress)
        input_.progress("summarise", static_cast<int64_t>(c), static_cast<int64_t>(clusters_.size()));
      auto summary = SummariseCluster(input_, clusters_[c].blocks, input_.parameters.Int("summary_tokens"));
      const bool ended = absl::IsCancelled(summary.status()) || absl::IsDeadlineExceeded(summary.status());
      if (!summary.ok()) {
        const std::string message(summary.status().message());
        if (ended) return summary.status();
        if (input_.request.fallback_policy == FallbackPolicy::kFail || Choice("summaries") == "generator") {
          return absl::FailedPreconditionError(message);
        }
        input_.notes.warnings.push_back(absl::StrCat(message, "; clusters are shown by sentences near their centre"));
        input_.notes.transient = true;
        for (ClusterSummary& s : summaries_) s = {};
        return absl::OkStatus();
      }
      read += summary->passages_read;
      all += static_cast<int64_t>(clusters_[c].blocks.size());
      unsupported += summary->unsupported;
      cached += summary->from_cache;
      written += !summary->sentences.empty();
      summaries_[c] = *std::move(summary);
    }
    input_.notes.warnings.push_back(absl::StrCat(
        written, " summaries were written by '", input_.resources.generator->info().name, "' from ", read, " of ", all,
        " passages", cached > 0 ? absl::StrCat(", ", cached, " of them taken from the cache") : ""));
    if (unsupported > 0) {
      input_.notes.warnings.push_back(
          absl::StrCat(unsupported,
                       " sentences of summaries had names or numbers that their passages lack, or no word "
                       "in common with them, and were left out"));
    }
    input_.notes.timings.push_back({"summarise", absl::Now() - start});
    return absl::OkStatus();
  }

  // The new draft has a block for each cluster: its summary, then its passages for the sentences and protected spans
  // that are to be kept of them.
  absl::StatusOr<Draft> Fill() {
    const absl::Time start = absl::Now();
    std::vector<WrittenBlock> blocks;
    for (size_t c = 0; c < clusters_.size(); ++c) {
      blocks.push_back({summaries_[c].sentences, clusters_[c].blocks, -1});
      std::sort(blocks.back().blocks.begin(), blocks.back().blocks.end());
    }
    PRECIS_ASSIGN_OR_RETURN(const std::unique_ptr<WrittenDraft> written, WrittenDraft::Make(input_, blocks));
    std::vector<std::vector<Unit>> units = written->sentences();
    PRECIS_RETURN_IF_ERROR(ExtractSentences(written->input(), &units));
    PRECIS_ASSIGN_OR_RETURN(Draft draft, written->Fill(Interleave(written->input(), units)));
    input_.notes.timings.push_back({"select", absl::Now() - start});
    return draft;
  }

  // For clusters without a summary: the sentences of their passages, nearest to the centre first and unlike each other.
  absl::Status ExtractSentences(const MethodInput& inner, std::vector<std::vector<Unit>>* units) const {
    std::vector<Candidate> candidates;
    std::vector<std::string_view> texts;
    std::vector<engine::CacheTag> tags;
    const auto most = static_cast<size_t>(inner.parameters.Int("max_sentences"));
    std::vector<std::vector<Candidate>> by_cluster(clusters_.size());
    size_t extractive = 0;
    for (size_t c = 0; c < clusters_.size(); ++c) extractive += summaries_[c].sentences.empty();
    if (extractive == 0) return absl::OkStatus();
    for (int i = 0; i < inner.table.size(); ++i) {
      PRECIS_RETURN_IF_ERROR(inner.call.Check());
      const auto c = static_cast<size_t>(inner.table.block(i));
      if (!summaries_[c].sentences.empty()) continue;
      for (const ByteRange& range : text::SplitSentences(inner.table.text(i))) {
        by_cluster[c].push_back({{i, range}, static_cast<int>(c)});
      }
    }
    // Each cluster may have as many as all others; evenly chosen ones of a larger one.
    int64_t dropped = 0;
    for (size_t c = 0; c < clusters_.size(); ++c) {
      const size_t n = std::min(by_cluster[c].size(), std::max<size_t>(1, most / extractive));
      dropped += static_cast<int64_t>(by_cluster[c].size() - n);
      for (size_t i = 0; i < n; ++i) candidates.push_back(by_cluster[c][i * by_cluster[c].size() / n]);
    }
    if (dropped > 0) {
      inner.notes.warnings.push_back(absl::StrCat(dropped, " sentences beyond max_sentences were not looked at"));
    }
    for (const Candidate& candidate : candidates) {
      const Piece& piece = inner.table.piece(candidate.unit.piece);
      texts.push_back(Slice(inner.table.text(candidate.unit.piece), candidate.unit.range));
      tags.push_back(SentenceTag(inner.request, piece.verbatim() ? piece.passage : piece.cited.front()));
    }
    engine::EmbedOptions options = SentenceOptions();
    if (inner.request.read_epoch != 0) options.tags = tags;
    PRECIS_ASSIGN_OR_RETURN(auto vectors, inner.resources.embedder->Embed(texts, options, inner.call));
    for (size_t first = 0; first < candidates.size();) {
      const int c = candidates[first].cluster;
      size_t last = first;
      while (last < candidates.size() && candidates[last].cluster == c) ++last;
      std::vector<MmrItem> items;
      for (size_t i = first; i < last; ++i) {
        NormalizeVector(&vectors[i].vector);
        const double likeness = CosineOf(vectors[i].vector, clusters_[static_cast<size_t>(c)].centroid);
        items.push_back({likeness, &vectors[i].vector, inner.tokens.Estimate(candidates[i].unit), 0});
      }
      MmrOptions mmr;
      mmr.lambda = kMmrLambda;
      mmr.budget = inner.fitter.budget();
      mmr.entry_costs = {0};
      mmr.entered = {true};
      PRECIS_ASSIGN_OR_RETURN(const MmrOrder order, OrderByMmr(items, mmr, inner.call));
      auto& own = (*units)[static_cast<size_t>(c)];
      for (const int i : order.chosen) own.push_back(candidates[first + static_cast<size_t>(i)].unit);
      for (const int i : order.rest) own.push_back(candidates[first + static_cast<size_t>(i)].unit);
      first = last;
    }
    return absl::OkStatus();
  }

  // First of each cluster what fits its share, the largest cluster first, then what is left, in turn.
  std::vector<Unit> Interleave(const MethodInput& inner, const std::vector<std::vector<Unit>>& units) const {
    std::vector<Unit> order;
    std::vector<size_t> next(units.size(), 0);
    for (size_t c = 0; c < units.size(); ++c) {
      auto share = static_cast<int64_t>(clusters_[c].share * static_cast<double>(inner.fitter.budget()));
      for (; next[c] < units[c].size(); ++next[c]) {
        const Unit& unit = units[c][next[c]];
        const int64_t cost = inner.tokens.Estimate(unit);
        if (next[c] > 0 && cost > share) break;
        share -= cost + (next[c] == 0 ? inner.tokens.BlockOverhead(inner.table.block(unit.piece)) : 0);
        order.push_back(unit);
      }
    }
    for (bool more = true; more;) {
      more = false;
      for (size_t c = 0; c < units.size(); ++c) {
        if (next[c] == units[c].size()) continue;
        order.push_back(units[c][next[c]++]);
        more = true;
      }
    }
    return order;
  }

  const MethodInput& input_;
  std::vector<float> query_;
  std::vector<Cluster> clusters_;  // largest first
  std::vector<ClusterSummary> summaries_;
};

class Crag final : public Method {
 public:
  MethodInfo info() const override {
    MethodInfo info;
    info.name = "crag";
    info.algorithm_version = 2;
    info.description =
        "Clusters the passages by meaning and gives one summary a cluster, the largest first; each cites its passages.";
    info.verbatim = false;
    info.uses_query = true;
    info.needs_embedder = true;
    info.uses_generator = true;
    info.gentler = "extractive";
    info.parameters = {
        {"clusters", "int", "4", "1..64", "Clusters, at most one for each passage."},
        {"choose", "enum", "fixed", "fixed|silhouette",
         "silhouette: the number from 2 to `clusters` that parts the passages best."},
        {"seed", "int", "1", "0..2147483647", "Seed of the clustering."},
        {"summaries", "enum", "auto", "auto|generator|extractive",
         "Who writes the summaries; extractive: sentences near a cluster's centre; auto: a generator where loaded."},
        {"summary_tokens", "int", "128", "16..1024", "Tokens of a written summary at most, before the budget cuts it."},
        {"max_passages", "int", "2048", "1..10000", "Passages that are clustered; of more, the best scored."},
        {"max_sentences", "int", "1024", "1..16384", "Sentences that are compared for extractive summaries."},
    };
    return info;
  }

  absl::StatusOr<Draft> Run(const MethodInput& input) const override { return CragRun(input).Run(); }
};

}  // namespace

std::unique_ptr<Method> MakeCrag() { return std::make_unique<Crag>(); }

}  // namespace precis::compress
