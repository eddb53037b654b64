#include "methods/lingua.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "boundaries.h"
#include "methods/word_pool.h"
#include "precis/base/utf8.h"

namespace precis::compress {
namespace {

// Text that is scored in one call, and how much of what stands before it is its context. Attention costs the square of
// a call's length, so windows are shorter than most models take.
constexpr int64_t kWindowTokens = 2048;
constexpr int64_t kUnknownWindow = 2048;
constexpr int64_t kBytesPerToken = 3;  // fewer than prose has; where text has fewer still, windows are halved
constexpr int64_t kLeastWindowBytes = 64;
constexpr int64_t kMaxQueryBytes = 2048;
constexpr double kNotScored = -1e9;
constexpr double kLastKept = 1e9;

// The words of a pool as one text.
struct Joined {
  std::string text;
  std::vector<ByteRange> words;  // in `text`, in order
  std::vector<int64_t> ends;     // of sentences: where a window may end
};

Joined Join(const MethodInput& input, const WordPool& pool, size_t words) {
  Joined joined;
  const Unit* last = nullptr;
  for (size_t s = 0; s < pool.sentences.size(); ++s) {
    const auto begin = static_cast<size_t>(pool.first_word[s]), end = static_cast<size_t>(pool.first_word[s + 1]);
    if (begin >= words) break;
    const Unit& sentence = pool.sentences[s];
    if (last != nullptr) {
      const bool follows = last->piece == sentence.piece && last->range.end <= sentence.range.begin &&
                           IsBlank(TextOf(input, {sentence.piece, {last->range.end, sentence.range.begin}}));
      joined.text += follows ? TextOf(input, {sentence.piece, {last->range.end, sentence.range.begin}}) : "\n\n";
    }
    const auto base = static_cast<int64_t>(joined.text.size()) - sentence.range.begin;
    joined.text += TextOf(input, sentence);
    for (size_t w = begin; w < std::min(end, words); ++w) {
      const ByteRange& range = pool.words[w].unit.range;
      joined.words.push_back({base + range.begin, base + range.end});
    }
    joined.ends.push_back(static_cast<int64_t>(joined.text.size()));
    last = &sentence;
  }
  return joined;
}

struct ScoredToken {
  ByteRange bytes;  // in the joined text
  double surprisal = 0;
};

// Scores a text of any length in windows.
class WindowScorer {
 public:
  WindowScorer(const MethodInput& input, const Joined& joined, std::string_view question)
      : input_(input), joined_(joined), question_(question) {
    const int64_t model = input.resources.scorer_info.max_tokens;
    const int64_t window = std::min(kWindowTokens, model > 0 ? model : kUnknownWindow);
    bytes_ = window * kBytesPerToken * 3 / 4;
    context_bytes_ = window * kBytesPerToken / 8;
  }

  // `progress_from`: units done before, of `progress_all`, where several runs make one stage.
  absl::StatusOr<std::vector<ScoredToken>> Run(int64_t progress_from, int64_t progress_all) {
    const auto size = static_cast<int64_t>(joined_.text.size());
    for (int64_t begin = 0; begin < size;) {
      PRECIS_RETURN_IF_ERROR(input_.call.Check());
      if (input_.progress) input_.progress("score", progress_from + begin, progress_all);
      const int64_t end = WindowEnd(begin);
      const absl::Status status = Score(begin, end);
      if (absl::IsFailedPrecondition(status) && bytes_ / 2 >= kLeastWindowBytes) {
        bytes_ /= 2;  // more tokens than bytes let expect
        context_bytes_ /= 2;
        continue;
      }
      PRECIS_RETURN_IF_ERROR(status);
      begin = end;
    }
    return std::move(tokens_);
  }

 private:
  // At the end of a sentence where one is in the second half, else of a word.
  int64_t WindowEnd(int64_t begin) const {
    const auto size = static_cast<int64_t>(joined_.text.size());
    if (size - begin <= bytes_) return size;
    const auto after = std::upper_bound(joined_.ends.begin(), joined_.ends.end(), begin + bytes_);
    if (after != joined_.ends.begin() && *std::prev(after) > begin + bytes_ / 2) return *std::prev(after);
    const int64_t end = FloorToWordEnd(joined_.text, begin, begin + bytes_);
    return end > begin ? end : static_cast<int64_t>(FloorToCharBoundary(joined_.text, begin + bytes_));
  }

  absl::Status Score(int64_t begin, int64_t end) {
    std::string context;
    if (!question_.empty()) context = absl::StrCat(std::string(question_), "\n\n");
    const int64_t from = std::max<int64_t>(0, begin - context_bytes_);
    const auto tail = static_cast<int64_t>(FloorToCharBoundary(joined_.text, static_cast<size_t>(from)));
    context += Slice(joined_.text, {tail, begin});
    PRECIS_ASSIGN_OR_RETURN(
        const std::vector<engine::TokenScore> scores,
        input_.resources.scorer->ScoreTokens(context, Slice(joined_.text, {begin, end}), input_.call));
    for (size_t i = 0; i < scores.size(); ++i) {
      const ByteRange& bytes = scores[i].token.bytes;
      // Nothing tells the model what the very first token will be.
      const bool first = begin == 0 && i == 0 && context.empty() && scores[i].logprob == 0;
      tokens_.push_back({{begin + bytes.begin, begin + bytes.end},
                         first ? std::numeric_limits<double>::infinity() : -static_cast<double>(scores[i].logprob)});
    }
    return absl::OkStatus();
  }

  const MethodInput& input_;
  const Joined& joined_;
  const std::string_view question_;
  int64_t bytes_, context_bytes_;
  std::vector<ScoredToken> tokens_;
};

// The mean value of each word's tokens.
std::vector<double> WordValues(const std::vector<ByteRange>& words, const std::vector<ScoredToken>& tokens) {
  std::vector<double> sums(words.size(), 0);
  std::vector<int> counts(words.size(), 0);
  size_t first = 0;
  for (const ScoredToken& token : tokens) {
    if (token.bytes.empty()) continue;
    while (first < words.size() && words[first].end <= token.bytes.begin) ++first;
    for (size_t w = first; w < words.size() && words[w].begin < token.bytes.end; ++w) {
      sums[w] += token.surprisal;
      ++counts[w];
    }
  }
  for (size_t w = 0; w < words.size(); ++w) sums[w] = counts[w] > 0 ? sums[w] / counts[w] : 0;
  return sums;
}

// Each token gets the value of the one after it, the last one is kept.
void Shift(std::vector<ScoredToken>* tokens) {
  for (size_t i = 0; i < tokens->size(); ++i) {
    (*tokens)[i].surprisal = i + 1 < tokens->size() ? (*tokens)[i + 1].surprisal : kLastKept;
  }
}

// Of each block of the draft: how likely the model finds the query behind it (arXiv 2310.06839, section 4.1).
absl::StatusOr<std::vector<double>> QuestionLikelihoods(const MethodInput& input) {
  if (input.resources.segment_scorer == nullptr) {
    return absl::FailedPreconditionError("there is no model that scores passages by the query");
  }
  const absl::Time start = absl::Now();
  const int64_t model = input.resources.scorer_info.max_tokens;
  // A token may be a byte: half of the window is sure to hold it beside the query.
  const auto most = static_cast<size_t>((model > 0 ? model : kUnknownWindow) / 2);
  std::string_view query = input.request.query;
  query = query.substr(0, FloorToCharBoundary(query, std::min<size_t>(most / 2, kMaxQueryBytes)));
  std::vector<std::string> texts(input.table.draft().blocks.size());
  for (int i = 0; i < input.table.size(); ++i) {
    std::string& text = texts[static_cast<size_t>(input.table.block(i))];
    if (!text.empty()) text += " ";
    text += input.table.text(i).substr(0, most - std::min(most, text.size()));
  }
  std::vector<std::string_view> views;
  for (const std::string& text : texts) {
    views.push_back(std::string_view(text).substr(0, FloorToCharBoundary(text, most)));
  }
  if (input.progress) input.progress("rank", 0, static_cast<int64_t>(views.size()));
  PRECIS_ASSIGN_OR_RETURN(const std::vector<float> scores,
                          input.resources.segment_scorer->ScoreSegments(
                              views, query, {.scoring = engine::SegmentScoring::kQuestionLikelihood}, input.call));
  input.notes.timings.push_back({"rank", absl::Now() - start});
  return std::vector<double>(scores.begin(), scores.end());
}

class Lingua final : public Method {
 public:
  MethodInfo info() const override {
    MethodInfo info;
    info.name = "lingua";
    info.description =
        "Drops words that a causal language model expects anyway; with a query it keeps those that the query explains.";
    info.uses_query = true;
    info.needs_scorer = true;
    info.gentler = "extractive";
    info.parameters = {
        {"contrast", "enum", "auto", "auto|on|off",
         "Value words by how much the query makes them likelier; auto: where there is a query."},
        {"mask", "enum", "aligned", "aligned|shifted",
         "shifted: judge each token by the next one, as the reference implementation does."},
        {"passages", "enum", "score", "score|question",
         "Which passages are let in first: those with the best scores, or those after which the model finds the query "
         "likeliest (LongLLMLingua)."},
        {"max_words", "int", "16384", "1..1048576",
         "Words that are scored, of the first passages let in; others only fill what is left of the budget."},
        MinKeepParameter(),
    };
    return info;
  }

  absl::StatusOr<Draft> Run(const MethodInput& input) const override {
    const std::string& contrast = input.parameters.values().at("contrast");
    const bool has_query = !IsBlank(input.request.query);
    if (contrast == "on" && !has_query) {
      return absl::InvalidArgumentError(
          "parameter 'contrast' of method 'lingua' is 'on', but there is no query: give one, or use auto");
    }
    WordPoolOptions options{.min_keep = input.parameters.Double("min_keep")};
    if (input.parameters.values().at("passages") == "question") {
      if (!has_query) {
        return absl::InvalidArgumentError(
            "parameter 'passages' of method 'lingua' is 'question', but there is no query: give one, or use score");
      }
      PRECIS_ASSIGN_OR_RETURN(options.block_scores, QuestionLikelihoods(input));
    }
    PRECIS_ASSIGN_OR_RETURN(const WordPool pool, MakeWordPool(input, options));
    const auto words = std::min(pool.words.size(), static_cast<size_t>(input.parameters.Int("max_words")));
    if (words < pool.words.size()) {
      input.notes.warnings.push_back(absl::StrCat(
          pool.words.size() - words, " words beyond max_words were not scored and come after all that were"));
    }
    const absl::Time start = absl::Now();
    const Joined joined = Join(input, pool, words);
    PRECIS_ASSIGN_OR_RETURN(std::vector<double> values, Values(input, joined, has_query && contrast != "off"));
    values.resize(pool.words.size(), kNotScored);
    input.notes.timings.push_back({"score", absl::Now() - start});
    return KeepBestWords(input, pool, values, kNotScored);
  }

 private:
  static absl::StatusOr<std::vector<double>> Values(const MethodInput& input, const Joined& joined, bool contrast) {
    const auto size = static_cast<int64_t>(joined.text.size());
    const bool shifted = input.parameters.values().at("mask") == "shifted";
    PRECIS_ASSIGN_OR_RETURN(std::vector<ScoredToken> plain,
                            WindowScorer(input, joined, "").Run(0, contrast ? 2 * size : size));
    if (!contrast) {
      if (shifted) Shift(&plain);
      return WordValues(joined.words, plain);
    }
    std::string_view query = input.request.query;
    if (static_cast<int64_t>(query.size()) > kMaxQueryBytes) {
      query = query.substr(0, static_cast<size_t>(FloorToWordEnd(query, 0, kMaxQueryBytes)));
      input.notes.warnings.push_back(absl::StrCat("the query has ", input.request.query.size(), " bytes; its first ",
                                                  query.size(), " were put before the text"));
    }
    PRECIS_ASSIGN_OR_RETURN(std::vector<ScoredToken> asked, WindowScorer(input, joined, query).Run(size, 2 * size));
    if (shifted) {
      Shift(&plain);
      Shift(&asked);
    }
    std::vector<double> values = WordValues(joined.words, plain);
    const std::vector<double> with_query = WordValues(joined.words, asked);
    for (size_t w = 0; w < values.size(); ++w) {
      // The first word has no surprisal without the query.
      values[w] = std::isinf(values[w]) ? 0 : values[w] - with_query[w];
    }
    if (shifted && !values.empty()) values.back() = kLastKept;  // the difference has lost it
    return values;
  }
};

}  // namespace

std::unique_ptr<Method> MakeLingua() { return std::make_unique<Lingua>(); }

}  // namespace precis::compress
