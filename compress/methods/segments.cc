#include "methods/segments.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "boundaries.h"
#include "methods/fill.h"
#include "methods/sentence_pool.h"
#include "precis/engine/segment_scorer.h"
#include "precis/text/sentences.h"

namespace precis::compress {
namespace {

// Short enough that even at a token a byte a few of them and the query fit the models' windows.
constexpr int64_t kMaxSentenceBytes = 1000;
constexpr int64_t kMaxQueryBytes = 2048;
constexpr std::string_view kPieceEnd = "\n\n";

// A unit that is kept or not, and the text by which it is judged.
struct Segment {
  Unit unit;
  std::string read{};
  float score = 0;
  bool scored = false;
};

std::string_view TextOf(const MethodInput& input, const Unit& unit) {
  return Slice(input.table.text(unit.piece), unit.range);
}

// All sentences that no earlier one repeats, in the order of the draft.
absl::StatusOr<std::vector<Unit>> Sentences(const MethodInput& input) {
  std::vector<Unit> sentences;
  std::unordered_set<std::string> seen;
  int64_t repetitions = 0;
  for (int i = 0; i < input.table.size(); ++i) {
    if (i % 256 == 0) {
      PRECIS_RETURN_IF_ERROR(input.call.Check());
      if (input.progress) input.progress("split", i, input.table.size());
    }
    for (const ByteRange& range : text::SplitSentences(input.table.text(i), kMaxSentenceBytes)) {
      if (seen.insert(CollapseSpace(TextOf(input, {i, range}))).second) {
        sentences.push_back({i, range});
      } else {
        ++repetitions;
      }
    }
  }
  if (repetitions > 0) {
    input.notes.warnings.push_back(absl::StrCat(repetitions, " repeated sentences were left out"));
  }
  return sentences;
}

// With the white space that follows in the text, so that the model reads what the author wrote.
std::string WithSpace(const MethodInput& input, const Unit& unit, const Unit* next) {
  std::string text(TextOf(input, unit));
  if (next != nullptr && next->piece == unit.piece) {
    const std::string_view between = TextOf(input, {unit.piece, {unit.range.end, next->range.begin}});
    // What stands between is a repeated sentence otherwise.
    text += IsBlank(between) ? between : std::string_view(" ");
  } else {
    text += kPieceEnd;
  }
  return text;
}

// Of too many segments those with the best keywords are scored.
std::vector<size_t> ChooseScored(const MethodInput& input, const std::vector<Segment>& segments, size_t most) {
  std::vector<size_t> chosen(segments.size());
  std::iota(chosen.begin(), chosen.end(), size_t{0});
  if (segments.size() <= most) return chosen;
  std::vector<std::string_view> texts;
  for (const Segment& segment : segments) texts.push_back(TextOf(input, segment.unit));
  const std::vector<double> keywords = SentenceKeywords(input, texts);
  std::stable_sort(chosen.begin(), chosen.end(), [&](size_t a, size_t b) { return keywords[a] > keywords[b]; });
  chosen.resize(most);
  std::sort(chosen.begin(), chosen.end());
  input.notes.warnings.push_back(absl::StrCat("of ", segments.size(), " segments the ", most,
                                              " with the best keywords were scored; the others come after them"));
  return chosen;
}

absl::Status Score(const MethodInput& input, const engine::SegmentScoreOptions& options, size_t most,
                   std::vector<Segment>* segments) {
  if (input.resources.segment_scorer == nullptr) {
    return absl::FailedPreconditionError("there is no model that scores segments");
  }
  std::string_view query = input.request.query;
  if (IsBlank(query)) return absl::FailedPreconditionError("the query is blank: there is nothing to score segments by");
  const absl::Time start = absl::Now();
  if (static_cast<int64_t>(query.size()) > kMaxQueryBytes) {
    query = query.substr(0, static_cast<size_t>(FloorToWordEnd(query, 0, kMaxQueryBytes)));
    input.notes.warnings.push_back(absl::StrCat("the query has ", input.request.query.size(), " bytes; its first ",
                                                query.size(), " were put behind the text"));
  }
  const std::vector<size_t> chosen = ChooseScored(input, *segments, most);
  std::vector<std::string_view> texts;
  for (const size_t i : chosen) texts.push_back((*segments)[i].read);
  if (input.progress) input.progress("score", 0, static_cast<int64_t>(texts.size()));
  PRECIS_ASSIGN_OR_RETURN(const std::vector<float> scores,
                          input.resources.segment_scorer->ScoreSegments(texts, query, options, input.call));
  for (size_t i = 0; i < chosen.size(); ++i) {
    (*segments)[chosen[i]].score = scores[i];
    (*segments)[chosen[i]].scored = true;
  }
  input.notes.timings.push_back({"score", absl::Now() - start});
  return absl::OkStatus();
}

// Keeps the best until the budget is full.
absl::StatusOr<Draft> KeepBest(const MethodInput& input, const std::vector<Segment>& segments) {
  const absl::Time start = absl::Now();
  std::vector<size_t> order(segments.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    if (segments[a].scored != segments[b].scored) return segments[a].scored;
    return segments[a].score > segments[b].score;
  });
  std::vector<Unit> units;
  for (const size_t i : order) units.push_back(segments[i].unit);
  // How many of the first fit by the estimates.
  PRECIS_ASSIGN_OR_RETURN(int64_t left, input.fitter.Cost(input.required));
  left = input.fitter.budget() - left;
  std::set<int> entered;
  for (const Unit& unit : input.required) entered.insert(input.table.block(unit.piece));
  size_t sure = 0;
  for (; sure < units.size(); ++sure) {
    const int block = input.table.block(units[sure].piece);
    left -= input.tokens.Estimate(units[sure]) + (entered.insert(block).second ? input.tokens.BlockOverhead(block) : 0);
    if (left < 0) break;
  }
  PRECIS_ASSIGN_OR_RETURN(const FillResult filled, FillBudget(input, units, sure));
  if (filled.units.empty()) {
    return absl::FailedPreconditionError(absl::StrCat("not even one word of a sentence fits the budget of ",
                                                      input.fitter.budget(), " tokens: raise it"));
  }
  if (filled.cut >= 0) {
    input.notes.warnings.push_back("to fill the budget a segment is kept only in its beginning");
  }
  input.notes.timings.push_back({"select", absl::Now() - start});
  return Restrict(input.table, Normalize(filled.units, input.table));
}

class Infini final : public Method {
 public:
  MethodInfo info() const override {
    MethodInfo info;
    info.name = "infini";
    info.description =
        "Keeps the sentences that a causal language model attends to when it reads the query behind them.";
    info.uses_query = info.needs_query = info.needs_scorer = true;
    info.gentler = "extractive";
    const engine::SegmentScoreOptions defaults;
    info.parameters = {
        {"window_tokens", "int", absl::StrCat(defaults.window_tokens), "64..8192",
         "Tokens of text that are new in each pass of the model."},
        {"top_tokens", "int", absl::StrCat(defaults.top_tokens), "1..8192",
         "Tokens that are attended to most: their sentences are carried along into the next pass."},
        {"phrase_tokens", "int", absl::StrCat(defaults.phrase_tokens), "1..64",
         "Width over which attention is summed: about the length of an answer."},
        {"layer", "int", "-1", "-1024..1023", "Layer whose attention counts; -1: the last one, as published."},
        {"max_sentences", "int", "8192", "1..65536", "Sentences that are read; of more, those with the best keywords."},
    };
    return info;
  }

  absl::StatusOr<Draft> Run(const MethodInput& input) const override {
    PRECIS_ASSIGN_OR_RETURN(const std::vector<Unit> sentences, Sentences(input));
    std::vector<Segment> segments;
    for (size_t i = 0; i < sentences.size(); ++i) {
      const Unit* next = i + 1 < sentences.size() ? &sentences[i + 1] : nullptr;
      segments.push_back({sentences[i], WithSpace(input, sentences[i], next)});
    }
    const Parameters& parameters = input.parameters;
    const engine::SegmentScoreOptions options{.scoring = engine::SegmentScoring::kAttention,
                                              .window_tokens = parameters.Int("window_tokens"),
                                              .top_tokens = parameters.Int("top_tokens"),
                                              .phrase_tokens = static_cast<int>(parameters.Int("phrase_tokens")),
                                              .layer = static_cast<int>(parameters.Int("layer"))};
    PRECIS_RETURN_IF_ERROR(Score(input, options, static_cast<size_t>(parameters.Int("max_sentences")), &segments));
    return KeepBest(input, segments);
  }
};

class Xl3m final : public Method {
 public:
  MethodInfo info() const override {
    MethodInfo info;
    info.name = "xl3m";
    info.description =
        "Keeps the runs of sentences after which a causal language model is surest of what follows the query.";
    info.uses_query = info.needs_query = info.needs_scorer = true;
    info.gentler = "extractive";
    info.parameters = {
        {"segment_tokens", "int", "128", "16..2048", "Tokens of a run, as the target model counts them."},
        {"overlap", "double", "0.125", "0..0.5", "Part of a run's length that is read again before it."},
        {"entropy_tokens", "int", "1", "0..256",
         "How many of the query's last tokens are asked what follows them; 1: as published; 0: all."},
        {"max_segments", "int", "1024", "1..65536", "Runs that are read; of more, those with the best keywords."},
    };
    return info;
  }

  absl::StatusOr<Draft> Run(const MethodInput& input) const override {
    PRECIS_ASSIGN_OR_RETURN(const std::vector<Unit> sentences, Sentences(input));
    const int64_t most = input.parameters.Int("segment_tokens");
    const auto before = static_cast<int64_t>(static_cast<double>(most) * input.parameters.Double("overlap"));
    std::vector<Segment> segments;
    for (size_t i = 0; i < sentences.size();) {
      const size_t first = i;
      Segment segment{sentences[i]};
      for (int64_t tokens = 0; i < sentences.size() && sentences[i].piece == sentences[first].piece; ++i) {
        // A repeated sentence between two ends a run: a unit is one range.
        if (i > first &&
            !IsBlank(TextOf(input, {sentences[i].piece, {segment.unit.range.end, sentences[i].range.begin}})))
          break;
        tokens += input.tokens.Estimate(sentences[i]);
        if (i > first && tokens > most) break;
        segment.unit.range.end = sentences[i].range.end;
      }
      // Sentences before it, as many as the overlap has room for.
      int64_t begin = segment.unit.range.begin;
      for (size_t j = first; j > 0 && sentences[j - 1].piece == segment.unit.piece; --j) {
        const int64_t from = sentences[j - 1].range.begin;
        if (input.tokens.Estimate({segment.unit.piece, {from, segment.unit.range.begin}}) > before) break;
        begin = from;
      }
      segment.read = std::string(TextOf(input, {segment.unit.piece, {begin, segment.unit.range.end}}));
      segments.push_back(std::move(segment));
    }
    const engine::SegmentScoreOptions options{
        .scoring = engine::SegmentScoring::kEntropy,
        .entropy_tokens = static_cast<int>(input.parameters.Int("entropy_tokens"))};
    PRECIS_RETURN_IF_ERROR(Score(input, options, static_cast<size_t>(input.parameters.Int("max_segments")), &segments));
    return KeepBest(input, segments);
  }
};

}  // namespace

std::unique_ptr<Method> MakeInfini() { return std::make_unique<Infini>(); }
std::unique_ptr<Method> MakeXl3m() { return std::make_unique<Xl3m>(); }

}  // namespace precis::compress
