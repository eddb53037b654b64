// Passages for a query: embed, search vectors and keywords under the filter, fuse, read the texts.
#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "core/ids.h"
#include "core/index_impl.h"
#include "core/rerank.h"
#include "precis/base/reason.h"
#include "precis/base/status_macros.h"
#include "precis/base/utf8.h"
#include "precis/text/analyzer.h"
#include "search/vector_search.h"
#include "storage/keys.h"

namespace precis::index {
namespace {

constexpr int kMaxTopK = 1000;
constexpr int kMaxCandidates = 10'000;
constexpr size_t kMaxBatch = 256;
// How far a graph search looks beyond what is asked for: recall@10 of 0.95 and more on clustered data.
constexpr size_t kLeastBreadth = 128;
// Damaged documents that one search sets aside, beginning anew without them, before it gives up.
constexpr int kMostSetAside = 100;
// A filter that leaves less than one slot in this many is searched exactly: the graph would walk mostly over others.
constexpr int64_t kSelective = 20;

absl::Status ValidateQuery(const SearchRequest& request) {
  if (static_cast<int64_t>(request.query.size()) > kMaxQueryBytes) {
    return absl::InvalidArgumentError(absl::StrCat("the query has ", static_cast<int64_t>(request.query.size()),
                                                   " bytes, the limit is ", kMaxQueryBytes,
                                                   ": ask a shorter question"));
  }
  if (absl::StripAsciiWhitespace(absl::string_view(request.query)).empty()) {
    return StatusWithReason(absl::StatusCode::kInvalidArgument, "EMPTY_QUERY", "the query is empty: ask something");
  }
  if (!IsValidUtf8(request.query)) return absl::InvalidArgumentError("the query is not UTF-8");
  return absl::OkStatus();
}

absl::Status ValidateOptions(const SearchRequest& request) {
  if (request.top_k < 1 || request.top_k > kMaxTopK) {
    return absl::InvalidArgumentError(absl::StrCat("top_k is ", request.top_k, ", 1 to ", kMaxTopK, " are allowed"));
  }
  for (int candidates : {request.dense_candidates, request.keyword_candidates}) {
    if (candidates < 0 || candidates > kMaxCandidates) {
      return absl::InvalidArgumentError(
          absl::StrCat(candidates, " candidates are asked for, 0 (the default) to ", kMaxCandidates, " are allowed"));
    }
  }
  if (request.mmr_lambda && !(*request.mmr_lambda >= 0 && *request.mmr_lambda <= 1)) {
    return absl::InvalidArgumentError(absl::StrCat("mmr_lambda is ", *request.mmr_lambda, ", 0 to 1 are allowed"));
  }
  if (request.min_score && std::isnan(*request.min_score)) {
    return absl::InvalidArgumentError("min_score is not a number");
  }
  if (request.rerank) {
    if (!(request.rerank->weight > 0 && request.rerank->weight <= 1)) {
      return absl::InvalidArgumentError(
          absl::StrCat("the weight of a reranker is ", request.rerank->weight, ", above 0 to 1 is allowed"));
    }
    if (request.rerank->candidates < 0 || request.rerank->candidates > kMaxTopK) {
      return absl::InvalidArgumentError(absl::StrCat(
          request.rerank->candidates, " passages are to be reranked, 0 (the default) to ", kMaxTopK, " are allowed"));
    }
  }
  if (request.filter) PRECIS_RETURN_IF_ERROR(ValidateFilter(*request.filter));
  return absl::OkStatus();
}

absl::Status ValidateRequest(const SearchRequest& request) {
  PRECIS_RETURN_IF_ERROR(ValidateQuery(request));
  absl::Status status = ValidateOptions(request);
  if (!status.ok()) status.SetPayload(kReasonPayload, absl::Cord("INVALID_OPTIONS"));
  return status;
}

// Never fewer than top_k: if k match, k come back.
size_t Candidates(int asked, int top_k) {
  return static_cast<size_t>(std::max(asked == 0 ? std::max(4 * top_k, 100) : asked, top_k));
}

}  // namespace

absl::StatusOr<std::vector<IndexImpl::QueryEmbedding>> IndexImpl::EmbedQueries(
    const CollectionState& collection, const std::vector<const SearchRequest*>& requests,
    const CallContext& call) const {
  std::vector<QueryEmbedding> embeddings(requests.size());
  std::vector<std::string_view> texts;
  std::vector<size_t> places;
  for (size_t i = 0; i < requests.size(); ++i) {
    if (requests[i]->mode == SearchMode::kKeyword) continue;
    texts.push_back(requests[i]->query);
    places.push_back(i);
  }
  if (texts.empty()) return embeddings;
  const absl::Time begin = absl::Now();
  PRECIS_ASSIGN_OR_RETURN(const std::shared_ptr<engine::Embedder> encoder, EncoderOf(collection));
  const std::vector<engine::CacheTag> tags(texts.size(),
                                           engine::CacheTag{collection.options().tenant, "", epochs_.published()});
  engine::EmbedOptions options;
  options.role = engine::InputRole::kQuery;
  options.long_input = engine::LongInput::kSplitAndPool;
  options.tags = tags;
  PRECIS_ASSIGN_OR_RETURN(std::vector<engine::Embedding> vectors, encoder->Embed(texts, options, call));
  if (vectors.size() != texts.size())
    return absl::InternalError("the encoder gave another number of vectors than texts");
  for (size_t i = 0; i < vectors.size(); ++i) {
    if (static_cast<int>(vectors[i].vector.size()) != collection.record().dimensions) {
      return absl::InternalError(absl::StrCat(
          "encoder '", encoder->info().name, "' gave a vector of ", static_cast<int64_t>(vectors[i].vector.size()),
          " dimensions, collection '", collection.options().name, "' has ", collection.record().dimensions));
    }
    QueryEmbedding& out = embeddings[places[i]];
    out.pooled = vectors[i].tokens_total > encoder->info().max_tokens;
    out.cache_hit = vectors[i].cache_hit;
    out.vector = std::move(vectors[i].vector);
    out.duration = absl::Now() - begin;
  }
  return embeddings;
}

absl::Status IndexImpl::FindDense(const CollectionState& collection, const SearchRequest& request,
                                  const Selection& selection, const CallContext& call, Found* found, TopK* best) const {
  const Metric metric = collection.options().metric;
  const SlotView& slots = found->view.slots;
  const QueryVector query(found->query_vector, slots.stride());
  const size_t wanted = Candidates(request.dense_candidates, request.top_k);
  const int64_t matching = selection.filtered() ? selection.count() : found->view.statistics.chunks;
  const HnswGraph* graph = found->view.graph.get();
  const bool selective = selection.filtered() && matching * kSelective < static_cast<int64_t>(slots.size());
  if (graph == nullptr || selective || matching <= static_cast<int64_t>(wanted)) {
    return ExactSearch(metric, query, selection, 0, call, best);
  }
  TopK near(slots, wanted);
  PRECIS_RETURN_IF_ERROR(graph->Search(query, selection, std::max(kLeastBreadth, 2 * wanted), call, &near));
  PRECIS_RETURN_IF_ERROR(ExactSearch(metric, query, selection, graph->size(), call, &near));
  if (!near.full()) {
    // The walk ended in a part of the graph that holds too few: k exist, so k come back.
    return ExactSearch(metric, query, selection, 0, call, best);
  }
  found->report.exact = false;
  for (const Candidate& candidate : near.Take()) best->Add(candidate);
  return absl::OkStatus();
}

absl::StatusOr<IndexImpl::Found> IndexImpl::FindPassages(const CollectionState& collection,
                                                         const SearchRequest& request, QueryEmbedding embedding,
                                                         const CallContext& call) {
  Found found;
  found.pin = epochs_.PinNow();
  found.view = collection.Read(found.pin.epoch());
  found.report.read_epoch = found.pin.epoch();
  found.report.encoder_fingerprint = collection.record().encoder_fingerprint;
  const bool dense = request.mode != SearchMode::kKeyword, keyword = request.mode != SearchMode::kDense;
  const SlotView& slots = found.view.slots;
  auto lap = [&found, last = absl::Now()](const char* stage) mutable {
    const absl::Time now = absl::Now();
    found.report.timings.push_back({stage, now - last});
    last = now;
  };
  const Selection selection(slots, request.filter ? &*request.filter : nullptr);
  std::vector<Candidate> by_vector, by_keyword;
  if (dense) {
    found.report.timings.push_back({"embed", embedding.duration});
    found.report.query_pooled = embedding.pooled;
    found.report.query_cache_hit = embedding.cache_hit;
    found.report.index_generation = found.view.generation;
    found.query_vector = std::move(embedding.vector);
    TopK best(slots, Candidates(request.dense_candidates, request.top_k));
    PRECIS_RETURN_IF_ERROR(FindDense(collection, request, selection, call, &found, &best));
    by_vector = best.Take();
    lap("dense");
  }
  found.terms = text::AnalyzeTerms(request.query);
  if (keyword) {
    TopK best(slots, Candidates(request.keyword_candidates, request.top_k));
    PRECIS_RETURN_IF_ERROR(found.view.keywords->Search(found.terms, selection, found.view.statistics, call, &best));
    by_keyword = best.Take();
    lap("keyword");
  }
  found.ranked = Fuse(slots, dense ? &by_vector : nullptr, keyword ? &by_keyword : nullptr);
  found.chosen = found.ranked;
  if (request.min_score) {
    std::erase_if(found.chosen, [&request](const Ranked& ranked) { return ranked.fused < *request.min_score; });
  }
  const auto top_k = static_cast<size_t>(request.top_k);
  if (request.mmr_lambda) {
    PRECIS_ASSIGN_OR_RETURN(found.chosen, Diversify(slots, collection.options().metric, std::move(found.chosen), top_k,
                                                    *request.mmr_lambda, call));
  }
  if (found.chosen.size() > top_k) found.chosen.resize(top_k);
  lap("fuse");
  return found;
}

absl::StatusOr<Passage> IndexImpl::ReadPassage(const CollectionState& collection, const SlotView& slots,
                                               const Ranked& ranked, bool include_text) const {
  const DocumentEntry& document = slots.document(ranked.slot);
  const DocumentInfo& info = document.info;
  const std::string prefix = document.version_prefix();
  const uint32_t ordinal = slots.ordinal(ranked.slot);
  PRECIS_ASSIGN_OR_RETURN(const std::string bytes, store_->Get(Family::kChunks, OrdinalKey(prefix, ordinal)));
  PRECIS_ASSIGN_OR_RETURN(ChunkRecord chunk, ParseChunkRecord(bytes));
  Passage passage;
  passage.chunk_id = ChunkId(info.version_id, static_cast<int>(ordinal));
  passage.document_id = info.document_id;
  passage.version_id = info.version_id;
  passage.collection = collection.options().name;
  passage.uri = info.uri;
  passage.title = info.title;
  passage.heading_path = std::move(chunk.heading_path);
  passage.ordinal = static_cast<int>(ordinal);
  passage.range = chunk.range;
  passage.location = chunk.location;
  passage.scores = {ranked.fused, ranked.dense, ranked.keyword, ranked.dense_rank, ranked.keyword_rank};
  passage.text_hash = std::move(chunk.text_hash);
  passage.metadata = info.metadata;
  passage.tokens = chunk.tokens;
  passage.media_type = info.media_type;
  passage.language = info.language;
  if (include_text) {
    PRECIS_ASSIGN_OR_RETURN(passage.text,
                            ReadParts(*store_, Family::kTexts, prefix, chunk.range.begin, chunk.range.end));
  }
  return passage;
}

absl::StatusOr<SearchResult> IndexImpl::ReadResult(const CollectionState& collection, const SearchRequest& request,
                                                   Found found, const CallContext& call,
                                                   const DocumentEntry** damaged) const {
  const absl::Time begin = absl::Now();
  SearchResult result;
  for (const Ranked& ranked : found.chosen) {
    PRECIS_RETURN_IF_ERROR(call.Check());
    auto passage = ReadPassage(collection, found.view.slots, ranked, request.include_text);
    if (absl::IsDataLoss(passage.status()) || absl::IsNotFound(passage.status())) {
      *damaged = &found.view.slots.document(ranked.slot);
      return absl::DataLossError(passage.status().message());
    }
    PRECIS_RETURN_IF_ERROR(passage.status());
    result.passages.push_back(*std::move(passage));
  }
  result.report = std::move(found.report);
  result.report.timings.push_back({"read", absl::Now() - begin});
  return result;
}

absl::StatusOr<SearchResult> IndexImpl::SearchOne(const CollectionPtr& collection, const SearchRequest& request,
                                                  const QueryEmbedding& embedding, const CallContext& call) {
  for (int set_aside = 0;; ++set_aside) {
    PRECIS_ASSIGN_OR_RETURN(Found found, FindPassages(*collection, request, embedding, call));
    const CollectionState::View view = found.view;  // keeps what `damaged` points to
    const DocumentEntry* damaged = nullptr;
    auto result = ReadResult(*collection, request, std::move(found), call, &damaged);
    if (damaged == nullptr || set_aside == kMostSetAside) return result;
    PRECIS_RETURN_IF_ERROR(SetAside(collection, *damaged, result.status()));
  }
}

absl::StatusOr<SearchResult> IndexImpl::Search(const SearchRequest& request, const CallContext& call) {
  return std::move(SearchBatch({request}, call)[0]);
}

std::vector<absl::StatusOr<SearchResult>> IndexImpl::SearchBatch(const std::vector<SearchRequest>& requests,
                                                                 const CallContext& call) {
  const auto all = [&requests](const absl::Status& status) {
    return std::vector<absl::StatusOr<SearchResult>>(requests.size(), status);
  };
  if (requests.empty()) return {};
  if (requests.size() > kMaxBatch) {
    return all(absl::InvalidArgumentError(absl::StrCat("a batch has ", static_cast<int64_t>(requests.size()),
                                                       " queries, the limit is ", static_cast<int64_t>(kMaxBatch))));
  }
  for (const SearchRequest& request : requests) {
    if (request.tenant != requests[0].tenant || request.collection != requests[0].collection) {
      return all(absl::InvalidArgumentError("the queries of a batch must be of one tenant and collection"));
    }
  }
  const auto collection = FindCollection(requests[0].tenant, requests[0].collection);
  if (!collection.ok()) return all(collection.status());

  auto results = all(absl::UnknownError(""));
  std::vector<const SearchRequest*> valid;
  std::vector<size_t> places;
  for (size_t i = 0; i < requests.size(); ++i) {
    const absl::Status status = ValidateRequest(requests[i]);
    results[i] = status.ok() ? absl::StatusOr<SearchResult>(SearchResult()) : status;
    if (!status.ok()) continue;
    valid.push_back(&requests[i]);
    places.push_back(i);
  }
  auto embeddings = EmbedQueries(**collection, valid, call);
  for (size_t i = 0; i < valid.size(); ++i) {
    if (!embeddings.ok()) {
      results[places[i]] = embeddings.status();
      continue;
    }
    if (!valid[i]->rerank) {
      results[places[i]] = SearchOne(*collection, *valid[i], (*embeddings)[i], call);
      continue;
    }
    SearchRequest wider = *valid[i];
    wider.top_k = RerankCandidates(*valid[i]);
    wider.include_text = true;
    auto found = SearchOne(*collection, wider, (*embeddings)[i], call);
    const absl::Status reranked = found.ok() ? Rerank(*valid[i], call, &*found) : found.status();
    results[places[i]] = reranked.ok() ? std::move(found) : absl::StatusOr<SearchResult>(reranked);
  }
  return results;
}

}  // namespace precis::index
