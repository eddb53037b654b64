// What the scheduler adds to a decoder's speed, measured through the public door:
//
//   runtime_bench second-question MODEL THREADS [CONTEXT_TOKENS=512] [ROUNDS=7]
//     time to the first token of a question, and of a second one over the same context, medians in milliseconds
//   runtime_bench speculation MODEL THREADS [ROUNDS=5] [DRAFT_MODEL]
//     tokens/s with and without drafts, interleaved: an answer that quotes, an answer over passages, a free text
//   runtime_bench kv-loss MODEL THREADS TEXT_FILE [POSITIONS=8192] [fast|exact]
//     how far next-token distributions with keys and values as f16 and as int8 are from those with f32
//
// Each prints one JSON object.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "kv_loss.h"
#include "precis/engine/load.h"

namespace precis::engine {
namespace {

using nlohmann::json;

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Ends the program where it fails: a benchmark has no way out.
template <class Value>
Value Must(absl::StatusOr<Value> value) {
  if (value.ok()) return *std::move(value);
  std::fprintf(stderr, "%s\n", std::string(value.status().message()).c_str());
  std::exit(1);
}

std::shared_ptr<LanguageModel> Load(const std::string& path, LoadOptions options, int threads) {
  options.threads = threads;
  return Must(LoadLanguageModel(path, options));
}

// A report about made-up stations; no two of different `salt` share a page of tokens.
std::string Report(const Tokenizer& tokenizer, int64_t tokens, int salt) {
  static constexpr const char* kPlaces[] = {"the northern canal", "the old harbour",  "the lower valley",
                                            "the glass works",    "the railway yard", "the mill pond"};
  static constexpr const char* kEvents[] = {"two of its pumps were replaced", "the intake was cleaned by divers",
                                            "a cracked valve was found",      "the meters were calibrated",
                                            "the control room lost power",    "the fish ladder was repaired"};
  std::string text;
  for (int i = 0; tokenizer.CountTokens(text).value_or(tokens) < tokens; ++i) {
    const int n = salt * 977 + i * 31;
    absl::StrAppend(&text, "Station ", 100 + n % 900, " at ", kPlaces[n % 6], " moved ", 1000 + n * 37 % 9000,
                    " cubic metres in week ", 1 + n % 52, ", and ", kEvents[n / 6 % 6], ". ");
  }
  return text;
}

// As Ask lays its prompts out.
GenerateRequest Question(const std::string& context, const std::string& question, int max_tokens) {
  GenerateRequest request;
  request.messages = {
      {"system", "You are a helpful assistant. Answer from the passages between <context> and </context>."},
      {"user", absl::StrCat("<context>\n", context, "\n</context>\n\nQuestion: ", question)}};
  request.max_tokens = max_tokens;
  return request;
}

int SecondQuestion(const std::string& path, int threads, int64_t context_tokens, int rounds) {
  auto model = Load(path, {}, threads);
  std::vector<double> first, second;
  json out = {{"model", model->info().name}, {"context_tokens", context_tokens}};
  (void)Must(model->Generate({.prompt = "warm up", .max_tokens = 4}, CallContext::Make(), {}));
  for (int round = 0; round < rounds; ++round) {
    const std::string context = Report(model->tokenizer(), context_tokens, round);
    const auto ask = [&](const char* question) {
      const absl::Time begin = absl::Now();
      const GenerateResult result = Must(model->Generate(Question(context, question, 1), CallContext::Make(), {}));
      out["prompt_tokens"] = result.prompt_tokens;
      out["cached_tokens"] = result.cached_prompt_tokens;
      return absl::ToDoubleMilliseconds(absl::Now() - begin);
    };
    first.push_back(ask("Which station moved most water?"));
    second.push_back(ask("What was found at the old harbour, and in which week was that?"));
  }
  out["first_ms"] = Median(first);
  out["second_ms"] = Median(second);
  out["ratio"] = Median(first) / Median(second);
  std::printf("%s\n", out.dump().c_str());
  return 0;
}

int Speculation(const std::string& path, int threads, int rounds, const std::string& draft) {
  auto off = Load(path, {.speculation = "off"}, threads);
  auto on =
      Load(path, draft.empty() ? LoadOptions{.speculation = "lookup"} : LoadOptions{.draft_path = draft}, threads);
  struct Workload {
    const char* name;
    std::vector<double> off, on;
    int64_t tokens = 0, drafted = 0, right = 0;
  };
  Workload workloads[] = {{"quote"}, {"answer"}, {"free_greedy"}, {"free_sampled"}};
  for (int round = 0; round < rounds; ++round) {
    for (Workload& w : workloads) {
      const std::string context = Report(off->tokenizer(), 400, round);
      const std::string kind = w.name;
      GenerateRequest request;
      if (kind == "quote") {
        request.prompt = absl::StrCat(context, "\n\nThe same report again, word for word:\n\n", context.substr(0, 60));
        request.max_tokens = 128;
      } else if (kind == "answer") {
        request = Question(context, "Which stations are named, and what happened at each of them?", 128);
      } else {
        request.messages = {{"user", absl::StrCat("Write a story of a river and a dragon, number ", round, ".")}};
        request.max_tokens = 128;
        if (kind == "free_sampled") request.sampling = {.temperature = 0.8f, .seed = static_cast<uint64_t>(round)};
      }
      std::string texts[2];
      // Who goes first changes with the round.
      for (int turn = 0; turn < 2; ++turn) {
        const bool with = (turn + round) % 2 == 0;
        request.tenant = absl::StrCat(round);
        const GenerateResult r = Must((with ? on : off)->Generate(request, CallContext::Make(), {}));
        texts[with] = r.text;
        (with ? w.on : w.off)
            .push_back(static_cast<double>(r.completion_tokens) / absl::ToDoubleSeconds(r.decode_time));
        if (with) {
          w.tokens += r.completion_tokens;
          w.drafted += r.drafted_tokens;
          w.right += r.drafts_right;
        }
      }
      if (texts[0] != texts[1]) {
        std::fprintf(stderr, "the text of '%s' changed with drafts\n", w.name);
        return 1;
      }
    }
  }
  json out = {{"model", off->info().name}, {"drafts", draft.empty() ? "lookup" : draft}};
  for (const Workload& w : workloads) {
    // Of pairs that ran one after the other: what else the machine did weighs less.
    std::vector<double> ratios;
    for (size_t i = 0; i < w.on.size(); ++i) ratios.push_back(w.on[i] / w.off[i]);
    out[w.name] = {{"off", Median(w.off)}, {"on", Median(w.on)},   {"ratio", Median(ratios)},
                   {"tokens", w.tokens},   {"drafted", w.drafted}, {"right", w.right}};
  }
  std::printf("%s\n", out.dump().c_str());
  return 0;
}

int Main(int argc, char** argv) {
  const std::string command = argc > 3 ? argv[1] : "";
  const int threads = argc > 3 ? std::atoi(argv[3]) : 0;
  const auto number = [&](int index, int fallback) { return argc > index ? std::atoi(argv[index]) : fallback; };
  if (command == "second-question") return SecondQuestion(argv[2], threads, number(4, 512), number(5, 7));
  if (command == "speculation") return Speculation(argv[2], threads, number(4, 5), argc > 5 ? argv[5] : "");
  if (command == "kv-loss" && argc > 4)
    return KvLoss(argv[2], threads, argv[4], number(5, 8192), argc > 6 && std::string(argv[6]) == "exact");
  std::fprintf(stderr,
               "usage: runtime_bench second-question MODEL THREADS [CONTEXT_TOKENS] [ROUNDS]\n"
               "       runtime_bench speculation MODEL THREADS [ROUNDS] [DRAFT_MODEL]\n"
               "       runtime_bench kv-loss MODEL THREADS TEXT_FILE [POSITIONS] [fast|exact]\n");
  return 2;
}

}  // namespace
}  // namespace precis::engine

int main(int argc, char** argv) { return precis::engine::Main(argc, argv); }
