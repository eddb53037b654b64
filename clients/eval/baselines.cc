#include "eval/baselines.h"

#include <algorithm>
#include <numeric>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "eval/layout.h"
#include "eval/settings.h"
#include "precis/base/hash.h"
#include "precis/base/status_macros.h"
#include "precis/text/bm25.h"
#include "precis/text/sentences.h"

namespace precis::eval {
namespace {

// Keeps the first k of `order` (indices into `words`), k as large as the budget allows.
absl::StatusOr<Context> KeepWhatFits(const std::vector<Passage>& passages, const std::vector<Word>& words,
                                     const std::vector<int>& order, int64_t budget, const Count& count) {
  const auto first = [&](size_t k) {
    std::vector<bool> kept(words.size(), false);
    for (size_t i = 0; i < k; ++i) kept[order[i]] = true;
    return LayOut(passages, words, kept);
  };
  // More words have more tokens, but for rare merges at their borders: what is returned has been counted, so the budget
  // holds all the same.
  Context best;
  size_t fits = 0, too_many = order.size() + 1;
  while (fits + 1 < too_many) {
    const size_t k = fits + (too_many - fits) / 2;
    Context context = first(k);
    PRECIS_ASSIGN_OR_RETURN(const int64_t tokens, count(context.text));
    if (tokens <= budget) {
      fits = k;
      best = std::move(context);
    } else {
      too_many = k;
    }
  }
  return best;
}

// Best first: as the search scored them, or by BM25 where nothing has scored them (fixed candidates come in any order).
std::vector<int> RankedPassages(const std::vector<Passage>& passages, const std::string& query) {
  std::vector<std::string_view> texts;
  std::vector<double> scores;
  bool scored = false;
  for (const Passage& passage : passages) {
    texts.push_back(passage.text);
    scores.push_back(passage.score);
    scored = scored || passage.score != 0;
  }
  if (!scored) scores = text::Bm25Scores(query, texts);
  std::vector<int> order(passages.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return scores[a] > scores[b]; });
  return order;
}

absl::StatusOr<Context> WholePassages(const std::vector<Passage>& passages, const std::vector<Word>& words,
                                      const std::string& query, int64_t budget, const Count& count) {
  const std::vector<int> ranked = RankedPassages(passages, query);
  std::vector<bool> in(passages.size(), false);
  Context best;
  for (int p : ranked) {
    in[p] = true;
    std::vector<bool> kept(words.size());
    for (size_t i = 0; i < words.size(); ++i) kept[i] = in[words[i].passage];
    Context context = LayOut(passages, words, kept);
    PRECIS_ASSIGN_OR_RETURN(const int64_t tokens, count(context.text));
    in[p] = tokens <= budget;
    if (in[p]) best = std::move(context);
  }
  if (!best.text.empty()) return best;
  std::vector<int> order;
  for (int p : ranked) {
    for (size_t i = 0; i < words.size(); ++i) {
      if (words[i].passage == p) order.push_back(static_cast<int>(i));
    }
  }
  return KeepWhatFits(passages, words, order, budget, count);
}

struct Sentence {
  std::vector<int> words;  // indices
  double score = 0;
};

// The sentences of all passages, best BM25 score first, earlier ones first where equal.
std::vector<Sentence> RankedSentences(const std::vector<Passage>& passages, const std::vector<Word>& words,
                                      const std::string& query) {
  std::vector<std::string_view> texts;
  std::vector<Sentence> sentences;
  size_t next = 0;
  for (size_t p = 0; p < passages.size(); ++p) {
    const std::string_view text = passages[p].text;
    for (const ByteRange& range : text::SplitSentences(text)) {
      Sentence sentence;
      // A word belongs to the sentence that it begins in.
      for (; next < words.size() && words[next].passage == static_cast<int>(p) && words[next].begin < range.end;
           ++next) {
        sentence.words.push_back(static_cast<int>(next));
      }
      if (sentence.words.empty()) continue;
      texts.push_back(text.substr(static_cast<size_t>(range.begin), static_cast<size_t>(range.end - range.begin)));
      sentences.push_back(std::move(sentence));
    }
    while (next < words.size() && words[next].passage == static_cast<int>(p)) ++next;
  }
  const std::vector<double> scores = text::Bm25Scores(query, texts);
  for (size_t i = 0; i < sentences.size(); ++i) sentences[i].score = scores[i];
  std::stable_sort(sentences.begin(), sentences.end(),
                   [](const Sentence& a, const Sentence& b) { return a.score > b.score; });
  return sentences;
}

}  // namespace

absl::StatusOr<Context> MakeBaseline(const std::string& method, const std::vector<Passage>& passages,
                                     const std::string& query, int64_t budget, uint64_t seed, const Count& count) {
  const std::vector<Word> words = WordsOf(passages);
  if (method == kWhole) return WholePassages(passages, words, query, budget, count);
  std::vector<int> order;
  if (method == kBm25Sentence || method == kBm25Fill) {
    for (const Sentence& sentence : RankedSentences(passages, words, query)) {
      order.insert(order.end(), sentence.words.begin(), sentence.words.end());
      if (method == kBm25Sentence) break;
    }
    return KeepWhatFits(passages, words, order, budget, count);
  }
  if (method != kRandom) return absl::InvalidArgumentError(absl::StrCat("'", method, "' is no baseline"));
  // Drawn by hash, so that the words of a smaller budget are among those of a larger one.
  std::vector<std::string> keys;
  for (size_t i = 0; i < words.size(); ++i) {
    keys.push_back(Hasher().Field(static_cast<int64_t>(seed)).Field(query).Field(static_cast<int64_t>(i)).FinishHex());
  }
  order.resize(words.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int a, int b) { return keys[a] < keys[b]; });
  return KeepWhatFits(passages, words, order, budget, count);
}

}  // namespace precis::eval
