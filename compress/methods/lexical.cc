#include "methods/lexical.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "boundaries.h"
#include "methods/sentence_pool.h"
#include "methods/word_pool.h"
#include "precis/base/utf8.h"
#include "precis/text/bm25.h"
#include "protect.h"

namespace precis::compress {
namespace {

// What can be taken from a sentence while it still says the same: articles, auxiliaries, pronouns, prepositions of
// little content, conjunctions, fillers. No negations, no quantities, no "if", "before" and "after".
constexpr std::string_view kStopWords =
    "a about actually all also am an and any are as at be because been being both but by can could did do does doing "
    "during each either etc even every for from further had has have having he her here hers herself him himself his "
    "how however i i'd i'll i'm i've in indeed into is it it's its itself just let let's many may me might moreover "
    "much must my myself of off on onto or other our ours ourselves out over own per perhaps quite rather really same "
    "shall she should simply since so some such than that that's the their theirs them themselves then there there's "
    "therefore these they they're this those though through thus to too toward towards under up upon us very via was "
    "we we're well were what when where which while who whom whose why will with would yes yet you you're your yours "
    "yourself";

// What a word is worth. Within a kind rarity decides.
constexpr double kFact = 4;         // a number or a negation
constexpr double kContent = 1;      // and up to 1 more for rarity, divided by how often it has occurred
constexpr double kRecurring = 0.3;  // a content word is never worth less
constexpr double kSentenceEnd = 0.6;
constexpr double kOtherMark = 0.25;
constexpr double kStop = 0.1;

const std::unordered_set<std::string_view>& StopWords() {
  static const auto* words = [] {
    auto* set = new std::unordered_set<std::string_view>();
    for (const absl::string_view word : absl::StrSplit(absl::string_view(kStopWords.data(), kStopWords.size()), ' ')) {
      set->insert({word.data(), word.size()});
    }
    return set;
  }();
  return *words;
}

// The letters and digits of a word without what stands around them, ASCII in lower case. Empty for punctuation.
std::string Core(std::string_view word) {
  const auto is_inner = [](unsigned char c) { return c >= 0x80 || absl::ascii_isalnum(c); };
  size_t begin = 0, end = word.size();
  while (begin < end && !is_inner(static_cast<unsigned char>(word[begin]))) ++begin;
  while (end > begin && !is_inner(static_cast<unsigned char>(word[end - 1]))) --end;
  std::string core(word.substr(begin, end - begin));
  absl::AsciiStrToLower(&core);
  return core;
}

bool EndsSentence(std::string_view mark) { return mark.find_first_of(".!?;:") != std::string_view::npos; }

class Lexical final : public Method {
 public:
  MethodInfo info() const override {
    MethodInfo info;
    info.name = "lexical";
    info.description =
        "Drops stop words and words that recur, without any model; keeps numbers, negations and rare words.";
    info.uses_query = true;
    info.gentler = "extractive";
    info.parameters = {
        MinKeepParameter(),
        {"query_weight", "double", "1", "0..10",
         "How much more a word counts in the sentence that matches the query best; 0: the query is ignored."},
    };
    return info;
  }

  absl::StatusOr<Draft> Run(const MethodInput& input) const override {
    PRECIS_ASSIGN_OR_RETURN(
        const WordPool pool,
        MakeWordPool(input, {.split_punctuation = true, .min_keep = input.parameters.Double("min_keep")}));
    const absl::Time start = absl::Now();
    std::vector<double> scores = Score(input, pool);
    PRECIS_RETURN_IF_ERROR(input.call.Check());
    WeighByQuery(input, pool, &scores);
    input.notes.timings.push_back({"score", absl::Now() - start});
    // To measure it takes a model and many times as long as all the rest.
    input.notes.skip_fidelity = input.request.min_fidelity <= 0;
    return KeepBestWords(input, pool, scores, 0);
  }

 private:
  static std::vector<double> Score(const MethodInput& input, const WordPool& pool) {
    std::vector<std::string> cores;
    cores.reserve(pool.words.size());
    std::unordered_map<std::string_view, int64_t> counts, seen;
    for (const Word& word : pool.words) cores.push_back(Core(TextOf(input, word.unit)));
    for (const std::string& core : cores) ++counts[core];
    const std::vector<bool> facts = Facts(input, pool);
    const double most = std::log1p(static_cast<double>(cores.size()));
    std::vector<double> scores(cores.size());
    for (size_t w = 0; w < cores.size(); ++w) {
      if (facts[w]) {
        scores[w] = kFact;
      } else if (cores[w].empty()) {
        scores[w] = EndsSentence(TextOf(input, pool.words[w].unit)) ? kSentenceEnd : kOtherMark;
      } else if (IsStopWord(cores[w])) {
        scores[w] = kStop;
      } else {
        const double rarity = 1 - std::log1p(static_cast<double>(counts[cores[w]] - 1)) / most;
        const int64_t times = ++seen[cores[w]];
        scores[w] = std::max(kRecurring, (kContent + rarity) / static_cast<double>(times));
      }
    }
    return scores;
  }

  // Words that are part of a number or a negation. A negation is protected with the word after it; here the word that
  // negates is enough, and the other one counts by itself.
  static std::vector<bool> Facts(const MethodInput& input, const WordPool& pool) {
    std::vector<bool> facts(pool.words.size(), false);
    size_t w = 0;
    while (w < pool.words.size()) {
      const int piece = pool.words[w].unit.piece;
      std::vector<ByteRange> ranges;
      for (const ProtectedSpan& span : FindProtected(input.table.text(piece), {})) {
        if (span.kind == ProtectedKind::kNumber) ranges.push_back(span.range);
        if (span.kind == ProtectedKind::kNegation) {
          ranges.push_back(
              {span.range.begin, std::min(span.range.end, WordEndAfter(input.table.text(piece), span.range.begin))});
        }
      }
      std::sort(ranges.begin(), ranges.end(), [](const ByteRange& a, const ByteRange& b) { return a.begin < b.begin; });
      size_t next = 0;
      for (; w < pool.words.size() && pool.words[w].unit.piece == piece; ++w) {
        const ByteRange& range = pool.words[w].unit.range;
        while (next < ranges.size() && ranges[next].end <= range.begin) ++next;
        facts[w] = next < ranges.size() && ranges[next].begin < range.end;
      }
    }
    return facts;
  }

  static void WeighByQuery(const MethodInput& input, const WordPool& pool, std::vector<double>* scores) {
    const double weight = input.parameters.Double("query_weight");
    if (weight <= 0 || IsBlank(input.request.query)) return;
    std::vector<std::string_view> sentences;
    for (const Unit& sentence : pool.sentences) sentences.push_back(TextOf(input, sentence));
    const std::vector<double> matches = SentenceKeywords(input, sentences);
    for (size_t w = 0; w < scores->size(); ++w) {
      (*scores)[w] *= 1 + weight * matches[static_cast<size_t>(pool.words[w].sentence)];
    }
  }
};

}  // namespace

bool IsStopWord(std::string_view word) { return StopWords().count(word) > 0; }

std::unique_ptr<Method> MakeLexical() { return std::make_unique<Lexical>(); }

}  // namespace precis::compress
