#include "precis/compress/citations.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "fidelity.h"
#include "marks.h"
#include "precis/base/status_macros.h"
#include "precis/text/sentences.h"
#include "support.h"
#include "vectors.h"

namespace precis::compress {
namespace {

// Chosen on tests/compress/citation_cases.h: no statement whose passage was swapped passes the support test, and one of
// 24 passes with a false mark on the swapped passage.
constexpr double kSupportRecall = 0.7;          // of a sentence without a mark, without an encoder
constexpr double kSupportRecallEncoder = 0.65;  // with one, when the vectors agree too
constexpr double kSupportCosine = 0.6;
constexpr double kMarkRecall = 0.55;  // of a sentence with a mark: the model's word counts for something
constexpr int kEmbeddedEvidence = 3;  // pieces of evidence that are compared by meaning

// A sentence of the context, or two that follow each other in one passage.
struct Evidence {
  int passage;
  std::vector<int> numbers;  // of the marks that it stands under; several for a passage that several summaries cite
  ByteRange source;          // in the passage's text
  std::string text;
  Statement statement;
};

struct Match {
  int evidence = -1;
  Support support;
};

class Checker final : public CitationChecker {
 public:
  Checker(std::shared_ptr<engine::Embedder> embedder, std::vector<Evidence> evidence, std::vector<Passage> places,
          TermWeights weights, std::string tenant, uint64_t read_epoch)
      : embedder_(std::move(embedder)),
        evidence_(std::move(evidence)),
        places_(std::move(places)),
        weights_(std::move(weights)),
        tenant_(std::move(tenant)),
        read_epoch_(read_epoch) {}

  absl::StatusOr<std::vector<Citation>> Add(std::string_view delta, const CallContext& call) override {
    pending_.append(delta);
    return Emit(false, call);
  }

  absl::StatusOr<std::vector<Citation>> Finish(const CallContext& call) override {
    auto citations = Emit(true, call);
    pending_.clear();
    offset_ = 0;
    return citations;
  }

 private:
  // Sentences of what is pending, each with the marks that belong to it.
  std::vector<ByteRange> Sentences() const {
    std::vector<ByteRange> sentences;
    for (ByteRange range : text::SplitSentences(pending_)) {
      // "It is so. [1] Then": the mark belongs to what stands before it, unless that has marks already.
      if (!sentences.empty()) {
        ByteRange& last = sentences.back();
        const bool same_paragraph = Slice(pending_, {last.end, range.begin}).find("\n\n") == std::string_view::npos;
        const int64_t leading = LeadingMarks(Slice(pending_, range));
        if (leading > 0 && same_paragraph && FindMarks(Slice(pending_, last)).empty()) {
          last.end = range.begin + leading;
          range.begin += leading;
        }
        if (OnlyMarks(Slice(pending_, range)) && same_paragraph) {
          last.end = std::max(last.end, range.end);
          continue;
        }
        while (range.begin < range.end && (pending_[static_cast<size_t>(range.begin)] == ' ' ||
                                           pending_[static_cast<size_t>(range.begin)] == '\n'))
          ++range.begin;
      }
      if (!range.empty()) sentences.push_back(range);
    }
    return sentences;
  }

  absl::StatusOr<std::vector<Citation>> Emit(bool all, const CallContext& call) {
    std::vector<Citation> citations;
    const std::vector<ByteRange> sentences = Sentences();
    // Until another sentence says something, marks may still come that belong to the last one.
    size_t complete = sentences.size();
    if (!all) {
      complete = sentences.empty() ? 0 : sentences.size() - 1;
      while (complete > 0 && OnlyMarks(Slice(pending_, sentences[complete]))) --complete;
    }
    for (size_t i = 0; i < complete; ++i) {
      PRECIS_RETURN_IF_ERROR(call.Check());
      const std::string_view sentence = Slice(pending_, sentences[i]);
      if (OnlyMarks(sentence)) continue;
      PRECIS_ASSIGN_OR_RETURN(std::vector<Citation> found, Check(sentence, call));
      for (Citation& citation : found) {
        citation.answer = {offset_ + sentences[i].begin, offset_ + sentences[i].end};
        citations.push_back(std::move(citation));
      }
    }
    if (complete > 0) {
      const int64_t done = sentences[complete - 1].end;
      pending_.erase(0, static_cast<size_t>(done));
      offset_ += done;
    }
    return citations;
  }

  Citation Cite(SupportKind kind, int evidence, double score) const {
    const Evidence& e = evidence_[static_cast<size_t>(evidence)];
    const Passage& place = places_[static_cast<size_t>(e.passage)];
    Citation citation;
    citation.support = kind;
    citation.passage = e.passage;
    citation.source = e.source;
    if (!place.document_id.empty()) {
      citation.document_range = {place.document_range.begin + e.source.begin,
                                 place.document_range.begin + e.source.end};
    }
    citation.score = score;
    return citation;
  }

  // Best first; of equal ones the shorter, then in the order of the context. `number` 0: under any mark.
  std::vector<Match> Matches(const Statement& sentence, int number) const {
    std::vector<Match> matches;
    for (size_t i = 0; i < evidence_.size(); ++i) {
      const auto& numbers = evidence_[i].numbers;
      if (number != 0 && std::find(numbers.begin(), numbers.end(), number) == numbers.end()) continue;
      Match match = {static_cast<int>(i), Compare(sentence, evidence_[i].statement, weights_)};
      const Support& support = match.support;
      if (support.shared > 0 && support.names && support.numbers && support.polarity) matches.push_back(match);
    }
    std::stable_sort(matches.begin(), matches.end(), [this](const Match& a, const Match& b) {
      if (a.support.recall != b.support.recall) return a.support.recall > b.support.recall;
      return SizeOf(a) < SizeOf(b);
    });
    return matches;
  }

  absl::StatusOr<std::vector<Citation>> Check(std::string_view sentence, const CallContext& call) {
    const Statement statement = Analyse(sentence);
    std::vector<Citation> citations;
    std::set<int> passages;
    for (const AnswerMark& mark : FindMarks(sentence)) {
      for (const int number : mark.numbers) {
        if (number == 0) continue;
        const std::vector<Match> matches = Matches(statement, number);
        if (matches.empty() || matches[0].support.recall < kMarkRecall) continue;
        const int passage = evidence_[static_cast<size_t>(matches[0].evidence)].passage;
        if (!passages.insert(passage).second) continue;
        citations.push_back(Cite(SupportKind::kMarker, matches[0].evidence, matches[0].support.recall));
      }
    }
    if (!citations.empty()) return citations;
    PRECIS_ASSIGN_OR_RETURN(Citation citation, Test(sentence, statement, call));
    citations.push_back(std::move(citation));
    return citations;
  }

  // A sentence without a valid mark.
  absl::StatusOr<Citation> Test(std::string_view sentence, const Statement& statement, const CallContext& call) {
    std::vector<Match> matches = Matches(statement, 0);
    const double least = embedder_ ? kSupportRecallEncoder : kSupportRecall;
    const auto weak = [&](const Match& match) {
      if (match.support.recall < least) return true;
      // One word is found in many places; it counts only where a single passage has it.
      if (statement.terms.size() + statement.numbers.size() >= 2) return false;
      return match.support.recall < 1 || PassagesWith(*statement.terms.begin()) != 1;
    };
    matches.erase(std::remove_if(matches.begin(), matches.end(), weak), matches.end());
    if (matches.empty()) return Citation{};
    if (!embedder_) return Cite(SupportKind::kSupportTest, matches[0].evidence, matches[0].support.recall);

    if (matches.size() > kEmbeddedEvidence) matches.resize(kEmbeddedEvidence);
    PRECIS_ASSIGN_OR_RETURN(const std::vector<double> cosines, Likeness(sentence, matches, call));
    int best = -1;
    double best_score = 0;
    for (size_t i = 0; i < matches.size(); ++i) {
      if (cosines[i] < kSupportCosine) continue;
      const double score = (matches[i].support.recall + cosines[i]) / 2;
      if (score > best_score) {
        best = static_cast<int>(i);
        best_score = score;
      }
    }
    if (best < 0) return Citation{};
    return Cite(SupportKind::kSupportTest, matches[static_cast<size_t>(best)].evidence, best_score);
  }

  int64_t SizeOf(const Match& match) const { return evidence_[static_cast<size_t>(match.evidence)].source.size(); }

  int PassagesWith(const std::string& term) const {
    std::set<int> passages;
    for (const Evidence& e : evidence_) {
      if (e.statement.terms.count(term) > 0) passages.insert(e.passage);
    }
    return static_cast<int>(passages.size());
  }

  absl::StatusOr<std::vector<double>> Likeness(std::string_view sentence, const std::vector<Match>& matches,
                                               const CallContext& call) {
    engine::EmbedOptions options = SentenceOptions();
    // The answer is made from the documents, but has no single owner: it must not get into a cache.
    const std::string plain = BlankMarks(sentence);
    const std::string_view plain_view = plain;
    PRECIS_ASSIGN_OR_RETURN(const auto answer, embedder_->Embed({&plain_view, 1}, options, call));
    std::vector<std::string_view> texts;
    std::vector<engine::CacheTag> tags;
    for (const Match& match : matches) {
      const Evidence& e = evidence_[static_cast<size_t>(match.evidence)];
      texts.push_back(e.text);
      tags.push_back({tenant_, places_[static_cast<size_t>(e.passage)].document_id, read_epoch_});
    }
    if (read_epoch_ != 0) options.tags = tags;
    PRECIS_ASSIGN_OR_RETURN(const auto vectors, embedder_->Embed(texts, options, call));
    std::vector<double> cosines;
    for (const auto& vector : vectors) cosines.push_back(CosineOf(answer[0].vector, vector.vector));
    return cosines;
  }

  const std::shared_ptr<engine::Embedder> embedder_;  // may be null
  const std::vector<Evidence> evidence_;
  const std::vector<Passage> places_;  // ids and ranges of the request's passages, without their texts
  const TermWeights weights_;
  const std::string tenant_;
  const uint64_t read_epoch_;
  std::string pending_;  // of the answer, not emitted yet
  int64_t offset_ = 0;   // of `pending_` in the answer
};

// Where the sentences of passages end; each is split once.
class SentenceBorders {
 public:
  explicit SentenceBorders(const std::vector<Passage>& passages) : passages_(passages) {}

  // Whether no sentence ends between a part that ends at `end` and one that begins at `begin`.
  bool InOne(int passage, int64_t end, int64_t begin) {
    if (begin <= end) return begin == end;
    auto [found, is_new] = sentences_.try_emplace(passage);
    std::vector<ByteRange>& sentences = found->second;
    if (is_new) sentences = text::SplitSentences(passages_[static_cast<size_t>(passage)].text);
    const auto after = std::upper_bound(sentences.begin(), sentences.end(), begin,
                                        [](int64_t at, const ByteRange& sentence) { return at < sentence.begin; });
    return after != sentences.begin() && std::prev(after)->begin < end && begin < std::prev(after)->end;
  }

 private:
  const std::vector<Passage>& passages_;
  std::map<int, std::vector<ByteRange>> sentences_;
};

// The sentences of a part of a passage, alone and in pairs.
void AddEvidence(const std::vector<Passage>& passages, int passage, const ByteRange& part, int number,
                 std::map<std::pair<int, int64_t>, std::vector<int>>* seen, std::vector<Evidence>* evidence) {
  const std::string_view text = passages[static_cast<size_t>(passage)].text;
  const std::vector<ByteRange> sentences = text::SplitSentences(Slice(text, part));
  const auto add = [&](int64_t begin, int64_t end, Statement statement) {
    Evidence e;
    e.passage = passage;
    e.numbers = {number};
    e.source = {begin, end};
    e.text = std::string(Slice(text, e.source));
    e.statement = std::move(statement);
    evidence->push_back(std::move(e));
  };
  for (size_t i = 0; i < sentences.size(); ++i) {
    const ByteRange source = {part.begin + sentences[i].begin, part.begin + sentences[i].end};
    // Summaries may cite a passage under several marks.
    auto& known = (*seen)[{passage, source.begin}];
    if (!known.empty()) {
      for (const int k : known) {
        auto& numbers = (*evidence)[static_cast<size_t>(k)].numbers;
        if (numbers.back() != number) numbers.push_back(number);
      }
      continue;
    }
    known.push_back(static_cast<int>(evidence->size()));
    Statement statement = Analyse(Slice(text, source));
    if (i > 0 && evidence->back().passage == passage && evidence->back().source.end <= source.begin) {
      // The pair with the sentence before, which was added last.
      const ByteRange before = evidence->back().source;
      Statement pair = Joined(evidence->back().statement, statement);
      known.push_back(static_cast<int>(evidence->size()));
      add(before.begin, source.end, std::move(pair));
      known.front() = static_cast<int>(evidence->size());
    }
    add(source.begin, source.end, std::move(statement));
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<CitationChecker>> CitationChecker::Make(const Context& context,
                                                                       const std::vector<Passage>& passages,
                                                                       std::shared_ptr<engine::Embedder> embedder,
                                                                       const std::string& tenant, uint64_t read_epoch,
                                                                       const CallContext& call) {
  std::vector<Evidence> evidence;
  std::map<std::pair<int, int64_t>, std::vector<int>> seen;
  SentenceBorders sentences(passages);
  for (size_t s = 0; s < context.spans.size();) {
    PRECIS_RETURN_IF_ERROR(call.Check());
    const Span& span = context.spans[s];
    ++s;
    if (span.kind == SpanKind::kRewritten) {
      // What a summary says is checked against what it was made from.
      for (const int cited : span.cited_passages) {
        if (cited < 0 || cited >= static_cast<int>(passages.size())) {
          return absl::InvalidArgumentError("the context cites passages that are not there: it belongs to others");
        }
        const auto size = static_cast<int64_t>(passages[static_cast<size_t>(cited)].text.size());
        AddEvidence(passages, cited, {0, size}, span.number, &seen, &evidence);
      }
    }
    if (!span.verbatim()) continue;
    ByteRange part = span.source;
    if (span.passage < 0 || span.passage >= static_cast<int>(passages.size()) || part.begin < 0 ||
        part.end > static_cast<int64_t>(passages[static_cast<size_t>(span.passage)].text.size())) {
      return absl::InvalidArgumentError("the context names passages that are not there: it belongs to others");
    }
    // Neither a backslash of ours nor a word left out ends a sentence: where only words were dropped, what is left is
    // supported by the source's sentence as a whole.
    while (s + 1 < context.spans.size() && context.spans[s].kind == SpanKind::kDelimiter &&
           context.spans[s + 1].verbatim() && context.spans[s + 1].passage == span.passage &&
           sentences.InOne(span.passage, part.end, context.spans[s + 1].source.begin)) {
      part.end = context.spans[s + 1].source.end;
      s += 2;
    }
    AddEvidence(passages, span.passage, part, span.number, &seen, &evidence);
  }
  std::vector<Statement> statements;
  for (const Evidence& e : evidence) statements.push_back(e.statement);
  std::vector<Passage> places;
  for (const Passage& passage : passages) {
    Passage place;
    place.document_id = passage.document_id;
    place.document_range = passage.document_range;
    places.push_back(std::move(place));
  }
  return std::unique_ptr<CitationChecker>(std::make_unique<Checker>(
      std::move(embedder), std::move(evidence), std::move(places), TermWeights(statements), tenant, read_epoch));
}

absl::StatusOr<std::vector<Citation>> CheckCitations(std::string_view answer, const Context& context,
                                                     const std::vector<Passage>& passages, engine::Embedder* embedder,
                                                     const CallContext& call) {
  // Not owned: the checker lives as long as this call.
  const std::shared_ptr<engine::Embedder> shared(embedder, [](engine::Embedder*) {});
  PRECIS_ASSIGN_OR_RETURN(const std::unique_ptr<CitationChecker> checker,
                          CitationChecker::Make(context, passages, shared, "", 0, call));
  PRECIS_ASSIGN_OR_RETURN(std::vector<Citation> citations, checker->Add(answer, call));
  PRECIS_ASSIGN_OR_RETURN(std::vector<Citation> rest, checker->Finish(call));
  citations.insert(citations.end(), rest.begin(), rest.end());
  return citations;
}

}  // namespace precis::compress
