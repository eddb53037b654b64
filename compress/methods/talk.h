// `talk`: what to keep of a conversation whose turns are the passages, oldest first, questions and answers in turn.
//
// SirLLM (arXiv 2405.12528) at the level of text: of the key-value cache it keeps the tokens that surprised the model
// most, and lets all of them fade by a factor a round. Here sentences stand for tokens: their worth is the mean
// surprisal, decay^(rounds ago), and beside it the words that they share with the query, which do not fade, so that
// what is asked about again is found however long ago it was said.
#pragma once

#include <memory>

#include "methods/method.h"

namespace precis::compress {

std::unique_ptr<Method> MakeTalk();

}  // namespace precis::compress
