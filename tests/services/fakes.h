// Engines that cost nothing, so that a test of the whole stack takes milliseconds: words are tokens, vectors are
// counted words, and the generator repeats the first passage.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "models/model_source.h"

namespace precis::services {

// How the generator answers a prompt with several questions.
enum class FakeLabels { kAll, kNone, kLastMissing, kFirstTwice };

// What a test sees of the fake engines, and how it steers them. Shared by all that one ModelSource loads.
struct FakeEngines {
  std::set<std::string> models = {"fake-encoder", "fake-generator"};  // that are "on disk"
  std::string encoder_fingerprint = "fake-encoder-1";
  int64_t window = 4096;                     // of the generator
  std::atomic<int> embedded = 0;             // texts that reached the engine
  std::atomic<int> generating = 0;           // generations under way
  std::atomic<int> steps = 0;                // tokens generated
  std::atomic<bool> endless = false;         // generate until cancelled
  std::atomic<bool> hold_embedding = false;  // calls of the encoder wait until it is false again
  std::atomic<int> held = 0;                 // that wait now
  std::atomic<bool> heads_fail = false;      // cross-encoders and sparse encoders do not load
  std::atomic<int64_t> head_parameters = 0;  // of a model with a head, as its file says
  std::atomic<int> refused_steps = 0;        // sinks that said stop
  std::atomic<FakeLabels> labels = FakeLabels::kAll;
  // Log-probability of each token that ScoreAnswer is asked about: a question, an answer, with a context and without.
  std::atomic<float> question_logprob = -1, question_logprob_without = -4;
  std::atomic<float> answer_logprob = -0.5f, answer_logprob_without = -2;
  std::atomic<int> scored_answers = 0;

  std::mutex mutex;
  std::vector<std::string> prompts;  // of all generations, under the mutex
};

// Models named "*encoder*" are encoders, the others generators.
ModelSource MakeFakeModels(std::shared_ptr<FakeEngines> engines);

}  // namespace precis::services
