#include "methods/tcra_semantic.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "fidelity.h"
#include "methods/word_pool.h"

namespace precis::compress {
namespace {

// Variants of a text of n words take n times its bytes: more than this together are sent in several calls.
constexpr int64_t kCallBytes = int64_t{32} << 20;
// Rank of a word that was not weighed: after all that were, but still of use to fill a budget.
constexpr double kNotWeighed = -1;
constexpr double kUnused = -2;

double Distance(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const double d = static_cast<double>(a[i]) - b[i];
    sum += d * d;
  }
  return std::sqrt(sum);
}

// The texts of one call, in one piece of memory.
class Variants {
 public:
  explicit Variants(const WeighedText& text) {
    const std::string_view whole = text.text;
    storage_.reserve((text.words.size() + 1) * whole.size());
    Add(whole, {});
    for (const ByteRange& word : text.words) {
      Add(whole.substr(0, static_cast<size_t>(word.begin)), whole.substr(static_cast<size_t>(word.end)));
    }
  }
  void AppendTo(std::vector<std::string_view>* texts) const {
    for (size_t i = 0; i + 1 < begins_.size(); ++i) {
      texts->push_back(std::string_view(storage_).substr(begins_[i], begins_[i + 1] - begins_[i]));
    }
  }

 private:
  void Add(std::string_view before, std::string_view after) {
    storage_.append(before).append(after);
    begins_.push_back(storage_.size());
  }
  std::string storage_;
  std::vector<size_t> begins_ = {0};
};

int64_t BytesOf(const WeighedText& text) {
  return static_cast<int64_t>(text.text.size()) * static_cast<int64_t>(text.words.size() + 1);
}

class TcraSemantic final : public Method {
 public:
  MethodInfo info() const override {
    MethodInfo info;
    info.name = "tcra_semantic";
    info.description = "Drops the words without which their text still means the same to the encoder.";
    info.needs_embedder = true;
    info.gentler = "extractive";
    info.parameters = {
        {"scope", "enum", "sentence", "sentence|window",
         "What a word is left out of: its sentence, or as many sentences as fit the encoder's window (slower)."},
        {"percentile", "double", "0", "0..100",
         "Drop the words up to this percentile of their text, as the paper does; 0: only the budget decides."},
        {"max_words", "int", "4096", "1..1048576",
         "Words that are weighed, of the best passages first; others only fill what is left of the budget."},
        MinKeepParameter(),
    };
    return info;
  }

  absl::StatusOr<Draft> Run(const MethodInput& input) const override {
    PRECIS_ASSIGN_OR_RETURN(const WordPool pool,
                            MakeWordPool(input, {.min_keep = input.parameters.Double("min_keep")}));
    PRECIS_ASSIGN_OR_RETURN(const std::vector<Text> texts, MakeTexts(input, pool));
    const absl::Time start = absl::Now();
    std::vector<WeighedText> weighed;
    for (const Text& text : texts) weighed.push_back(text.weighed);
    PRECIS_ASSIGN_OR_RETURN(const auto distances, LeaveOneOutDistances(weighed, kCallBytes, *input.resources.embedder,
                                                                       input.call, input.progress));
    input.notes.timings.push_back({"embed", absl::Now() - start});

    const double percentile = input.parameters.Double("percentile");
    std::vector<double> scores(pool.words.size(), percentile > 0 ? kUnused : kNotWeighed);
    for (size_t t = 0; t < texts.size(); ++t) {
      if (distances[t].empty()) continue;
      const double mean =
          std::accumulate(distances[t].begin(), distances[t].end(), 0.0) / static_cast<double>(distances[t].size());
      const double threshold = percentile > 0 ? Percentile(distances[t], percentile) : 0;
      for (size_t i = 0; i < distances[t].size(); ++i) {
        const double distance = distances[t][i];
        double& score = scores[static_cast<size_t>(texts[t].words[i])];
        if (percentile > 0) {
          score = distance > threshold ? distance : kUnused;
        } else {
          score = mean > 0 ? distance / mean : 0;
        }
      }
    }
    return KeepBestWords(input, pool, scores, kNotWeighed);
  }

 private:
  struct Text {
    WeighedText weighed;
    std::vector<int> words;  // of the pool
  };

  // Whole sentences, or runs of them that fit the window, until max_words are in.
  static absl::StatusOr<std::vector<Text>> MakeTexts(const MethodInput& input, const WordPool& pool) {
    const bool windows = input.parameters.values().at("scope") == "window";
    const int64_t max_words = input.parameters.Int("max_words");
    const engine::Embedder& embedder = *input.resources.embedder;
    const int64_t window = embedder.info().max_tokens > 0
                               ? embedder.info().max_tokens - embedder.tokenizer().special_tokens_added()
                               : INT64_MAX;
    const std::vector<bool> required = TouchesRequired(input, pool);
    std::vector<Text> texts;
    int64_t words = 0, left_out = 0;
    for (size_t s = 0; s < pool.sentences.size(); ++s) {
      PRECIS_RETURN_IF_ERROR(input.call.Check());
      size_t last = s;
      while (windows && last + 1 < pool.sentences.size() && pool.sentences[last + 1].piece == pool.sentences[s].piece) {
        const ByteRange run = {pool.sentences[s].range.begin, pool.sentences[last + 1].range.end};
        PRECIS_ASSIGN_OR_RETURN(const int64_t tokens,
                                embedder.tokenizer().CountTokens(TextOf(input, {pool.sentences[s].piece, run})));
        if (tokens > window) break;
        ++last;
      }
      const Unit run = {pool.sentences[s].piece, {pool.sentences[s].range.begin, pool.sentences[last].range.end}};
      Text text;
      text.weighed.text = TextOf(input, run);
      const auto begin = static_cast<size_t>(pool.first_word[s]);
      const auto end = static_cast<size_t>(pool.first_word[last + 1]);
      if (words + static_cast<int64_t>(end - begin) > max_words && words > 0) {
        left_out += static_cast<int64_t>(end - begin);
        s = last;
        continue;
      }
      for (size_t w = begin; w < end; ++w) {
        if (required[w]) continue;  // in, whatever it is worth
        if (words++ >= max_words) {
          ++left_out;
          continue;
        }
        const ByteRange& range = pool.words[w].unit.range;
        text.weighed.words.push_back({range.begin - run.range.begin, range.end - run.range.begin});
        text.words.push_back(static_cast<int>(w));
      }
      s = last;
      texts.push_back(std::move(text));
    }
    if (left_out > 0) {
      input.notes.warnings.push_back(
          absl::StrCat(left_out, " words beyond max_words were not weighed and come after all that were"));
    }
    return texts;
  }
};

}  // namespace

absl::StatusOr<std::vector<std::vector<double>>> LeaveOneOutDistances(std::span<const WeighedText> texts,
                                                                      int64_t max_bytes, engine::Embedder& embedder,
                                                                      const CallContext& call,
                                                                      const ProgressSink& progress) {
  std::vector<std::vector<double>> distances(texts.size());
  for (size_t first = 0; first < texts.size();) {
    if (progress) progress("embed", static_cast<int64_t>(first), static_cast<int64_t>(texts.size()));
    std::vector<Variants> variants;
    int64_t bytes = 0;
    size_t last = first;
    for (; last < texts.size() && (last == first || bytes + BytesOf(texts[last]) <= max_bytes); ++last) {
      bytes += BytesOf(texts[last]);
      variants.emplace_back(texts[last]);
    }
    std::vector<std::string_view> views;
    for (const Variants& v : variants) v.AppendTo(&views);
    // No tags: a text with a hole in it is nobody's, and must not fill a cache.
    PRECIS_ASSIGN_OR_RETURN(const std::vector<engine::Embedding> vectors,
                            embedder.Embed(views, SentenceOptions(), call));
    size_t at = 0;
    for (size_t t = first; t < last; ++t) {
      const std::vector<float>& whole = vectors[at++].vector;
      for (size_t i = 0; i < texts[t].words.size(); ++i) distances[t].push_back(Distance(whole, vectors[at++].vector));
    }
    first = last;
  }
  return distances;
}

double Percentile(std::vector<double> values, double j) {
  std::sort(values.begin(), values.end());
  const double place = j / 100 * static_cast<double>(values.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (values[above] - values[below]) * (place - static_cast<double>(below));
}

std::unique_ptr<Method> MakeTcraSemantic() { return std::make_unique<TcraSemantic>(); }

}  // namespace precis::compress
