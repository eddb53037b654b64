// The words of a draft, and a budget filled with the best of them: the part that the methods that drop words share.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "methods/method.h"

namespace precis::compress {

struct Word {
  Unit unit;
  int sentence = 0;  // index into WordPool::sentences
};

// In the order of the draft.
struct WordPool {
  std::vector<Word> words;
  std::vector<Unit> sentences;
  std::vector<int> first_word;  // of each sentence; one more entry: the number of words
};

struct WordPoolOptions {
  // True: the punctuation that ends a word is a word of its own.
  bool split_punctuation = false;
  // Of a passage at least this part of its tokens is to be kept (and 16): as many passages are let in, by score and
  // then order, as the budget has room for at that rate, since a passage of two words costs its mark and says nothing.
  // At least one, and all that hold protected spans.
  double min_keep = 0.2;
  // What blocks are let in by, the best first; empty: the scores of their passages.
  std::vector<double> block_scores;
};

// Words of the passages that are let in; a sentence that repeats an earlier one is left out. Warnings say what was left
// out. Words are cut as WordEndAfter says. Errors: Cancelled, DeadlineExceeded.
absl::StatusOr<WordPool> MakeWordPool(const MethodInput& input, const WordPoolOptions& options);

// The parameter `min_keep`, as every method that drops words lists it.
MethodInfo::Parameter MinKeepParameter();

std::string_view TextOf(const MethodInput& input, const Unit& unit);

// For each word, whether protected spans cover some of it. Such words are kept whole where the budget allows.
std::vector<bool> TouchesRequired(const MethodInput& input, const WordPool& pool);

// Fills the budget with the words of the highest scores (one for each word; equal ones in order), protected words
// first, and keeps them in the order of the draft. Words that score below `least` are not used. Errors:
// FailedPrecondition (not even one word fits), as Fitter.
absl::StatusOr<Draft> KeepBestWords(const MethodInput& input, const WordPool& pool, const std::vector<double>& scores,
                                    double least);

}  // namespace precis::compress
