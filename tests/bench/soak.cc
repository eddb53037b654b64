// Hours of mixed load on the engine in one process: are memory, handles and latency flat?
//
//   soak OUT MODEL [SECONDS=600] [ENCODER_FOLDER]
//
// Questions over shared contexts, short and long prompts, sampling, calls that are cancelled, that run out of time, and
// bursts past the queue; scoring; embedding, where an encoder is named; and a second model that is loaded and freed
// again and again. Every ten seconds: resident memory, open handles, threads, calls by outcome, time to the first token
// and for a token. Written to OUT.json, and as a picture to OUT.svg. Exit status 1: something grew, or failed as it
// should not.
#include <dirent.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "precis/engine/load.h"

namespace precis::engine {
namespace {

using nlohmann::json;

constexpr int kClients = 4, kBurst = 24, kQueue = 8, kContexts = 6;
constexpr absl::Duration kInterval = absl::Seconds(10);

double StatusValue(const char* key) {
  std::ifstream in("/proc/self/status");
  std::string line;
  while (std::getline(in, line)) {
    if (line.rfind(key, 0) == 0) return std::strtod(line.c_str() + std::strlen(key) + 1, nullptr);
  }
  return 0;
}

int OpenHandles() {
  int count = 0;
  DIR* folder = opendir("/proc/self/fd");
  if (folder == nullptr) return 0;
  while (readdir(folder) != nullptr) ++count;
  closedir(folder);
  return count - 3;  // ".", ".." and the folder itself
}

double Quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(q * static_cast<double>(values.size() - 1))];
}

// What the callers saw since the last sample.
class Tally {
 public:
  void Count(const std::string& what) {
    std::lock_guard<std::mutex> lock(mutex_);
    ++outcomes_[what];
  }
  void Times(absl::Duration first, absl::Duration token) {
    std::lock_guard<std::mutex> lock(mutex_);
    first_.push_back(absl::ToDoubleMilliseconds(first));
    token_.push_back(absl::ToDoubleMilliseconds(token));
  }
  json Take() {
    std::lock_guard<std::mutex> lock(mutex_);
    json out = {{"outcomes", outcomes_},
                {"first_token_ms_p50", Quantile(first_, 0.5)},
                {"first_token_ms_p95", Quantile(first_, 0.95)},
                {"token_ms_p50", Quantile(token_, 0.5)}};
    outcomes_.clear();
    first_.clear();
    token_.clear();
    return out;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, int> outcomes_;
  std::vector<double> first_, token_;
};

std::string Context(std::mt19937* random, int sentences) {
  static constexpr const char* kSubjects[] = {"The pump", "A valve", "The night shift", "The harbour master", "Crew 7"};
  static constexpr const char* kVerbs[] = {"reported", "repaired", "measured", "lost", "ordered"};
  static constexpr const char* kObjects[] = {"a leak", "the northern gate", "forty metres of cable", "two filters"};
  std::string text;
  for (int i = 0; i < sentences; ++i) {
    absl::StrAppend(&text, kSubjects[(*random)() % 5], " ", kVerbs[(*random)() % 5], " ", kObjects[(*random)() % 4],
                    " on day ", (*random)() % 365, ". ");
  }
  return text;
}

// One call of a client; what happens is drawn.
void OneCall(LanguageModel* model, const std::vector<std::string>& contexts, std::mt19937* random, Tally* tally) {
  const auto draw = [&](int n) { return static_cast<int>((*random)() % static_cast<unsigned>(n)); };
  GenerateRequest request;
  request.tenant = absl::StrCat("tenant-", draw(3));
  request.prompt = draw(4) == 0 ? "Once upon a time"
                                : absl::StrCat(contexts[static_cast<size_t>(draw(kContexts))], "\nQuestion ",
                                               draw(1000), ": what happened?\nAnswer:");
  request.max_tokens = 1 + draw(48);
  if (draw(2) == 0) request.sampling = {.temperature = 0.8f, .top_p = 0.95f, .seed = (*random)()};
  if (draw(5) == 0) request.stop = {".", "\n\n"};
  const int fate = draw(10);  // 0: cancelled, 1: left by the receiver, 2: out of time
  const CallContext call =
      fate == 2 ? CallContext::Make(absl::Now() + absl::Milliseconds(draw(400))) : CallContext::Make();
  if (draw(8) == 0) {
    const auto scores = model->ScoreTokens(request.prompt, "Nothing happened at all.", call);
    return tally->Count(scores.ok() ? "scored" : std::string(absl::StatusCodeToString(scores.status().code())));
  }
  int pieces = 0;
  const auto result = model->Generate(request, call, [&](std::string_view) {
    ++pieces;
    if (fate == 0 && pieces == 3) call.Cancel();
    return !(fate == 1 && pieces == 3);
  });
  if (!result.ok()) return tally->Count(std::string(absl::StatusCodeToString(result.status().code())));
  tally->Count("answered");
  if (result->completion_tokens > 1) {
    tally->Times(result->prefill_time, result->decode_time / static_cast<double>(result->completion_tokens - 1));
  }
}

struct Series {
  const char* title;
  const char* key;
  const char* color;
};
constexpr Series kSeries[] = {{"resident memory, MiB", "rss_mib", "#1f6feb"},
                              {"open handles", "handles", "#8250df"},
                              {"first token, median, ms", "first_token_ms_p50", "#cf222e"},
                              {"a token, median, ms", "token_ms_p50", "#1a7f37"}};

std::string Picture(const json& samples) {
  constexpr int kWidth = 720, kHeight = 110, kLeft = 60, kTop = 26;
  std::string svg = absl::StrCat("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"", kWidth + kLeft + 20,
                                 "\" height=\"", 4 * (kHeight + kTop + 10) + 20,
                                 "\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" "
                                 "height=\"100%\" fill=\"white\"/>\n");
  int y = 10;
  for (const Series& series : kSeries) {
    double most = 1e-9;
    for (const json& s : samples) most = std::max(most, s[series.key].get<double>());
    absl::StrAppend(&svg, "<text x=\"", kLeft, "\" y=\"", y + 14, "\">", series.title, ", at most ",
                    absl::SixDigits(most), "</text>\n<polyline fill=\"none\" stroke=\"", series.color,
                    "\" stroke-width=\"1.5\" points=\"");
    const double last = std::max(1.0, samples.back()["seconds"].get<double>());
    for (const json& s : samples) {
      absl::StrAppend(&svg, static_cast<int>(kLeft + kWidth * s["seconds"].get<double>() / last), ",",
                      static_cast<int>(y + kTop + kHeight * (1 - s[series.key].get<double>() / most)), " ");
    }
    const int bottom = y + kTop + kHeight;
    absl::StrAppend(&svg, "\"/>\n<line x1=\"", kLeft, "\" y1=\"", bottom, "\" x2=\"", kLeft + kWidth, "\" y2=\"",
                    bottom, "\" stroke=\"#888\"/>\n<text x=\"10\" y=\"", bottom, "\">0</text>\n");
    y = bottom + 10;
  }
  absl::StrAppend(&svg, "<text x=\"", kLeft, "\" y=\"", y + 10, "\">",
                  absl::SixDigits(samples.back()["seconds"].get<double>()), " seconds</text>\n</svg>\n");
  return svg;
}

// The most of `key` in [from, to) of all samples, as shares.
double MostOf(const json& samples, const char* key, double from, double to) {
  double most = 0;
  for (size_t i = static_cast<size_t>(from * static_cast<double>(samples.size()));
       i < static_cast<size_t>(to * static_cast<double>(samples.size())); ++i) {
    most = std::max(most, samples[i][key].get<double>());
  }
  return most;
}

int Main(int argc, char** argv) {
  if (argc < 3 || argc > 5) {
    std::fprintf(stderr, "usage: soak OUT MODEL [SECONDS=600] [ENCODER_FOLDER]\n");
    return 2;
  }
  const std::string out = argv[1], path = argv[2];
  const double seconds = argc > 3 ? std::atof(argv[3]) : 600;
  // Little room for keys and values: it is full after a minute, and pages come and go from then on.
  const LoadOptions options = {.kv_budget_bytes = 96 << 20, .max_sequences = 4, .queue_limit = kQueue};
  const auto loaded = LoadLanguageModel(path, options);
  if (!loaded.ok()) {
    std::fprintf(stderr, "%s\n", std::string(loaded.status().message()).c_str());
    return 1;
  }
  LanguageModel* model = loaded->get();
  std::shared_ptr<Embedder> embedder;
  if (argc > 4) {
    auto encoder = LoadEmbedder(argv[4], {});
    if (!encoder.ok()) {
      std::fprintf(stderr, "%s\n", std::string(encoder.status().message()).c_str());
      return 1;
    }
    embedder = *encoder;
  }
  std::mt19937 random(1);
  std::vector<std::string> contexts;
  for (int i = 0; i < kContexts; ++i) contexts.push_back(Context(&random, 5 + 6 * i));

  Tally tally;
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < kClients; ++i) {
    threads.emplace_back([&, i] {
      std::mt19937 own(static_cast<unsigned>(100 + i));
      while (!stop) OneCall(model, contexts, &own, &tally);
    });
  }
  threads.emplace_back([&] {  // bursts, and a model that comes and goes
    std::mt19937 own(7);
    for (int round = 0; !stop; ++round) {
      std::vector<std::thread> burst;
      for (int i = 0; i < kBurst; ++i) {
        burst.emplace_back([&, seed = own()] {
          std::mt19937 each(seed);
          OneCall(model, contexts, &each, &tally);
        });
      }
      for (std::thread& t : burst) t.join();
      auto second = LoadLanguageModel(path, {.kv_budget_bytes = 64 << 20});
      tally.Count(second.ok() ? "loaded" : "not loaded");
      if (second.ok()) OneCall(second->get(), contexts, &own, &tally);
      for (int i = 0; i < 50 && !stop; ++i) absl::SleepFor(absl::Milliseconds(100));
    }
  });
  if (embedder != nullptr) {
    threads.emplace_back([&] {
      std::mt19937 own(9);
      while (!stop) {
        const std::string texts[] = {Context(&own, 1), Context(&own, 10), "short"};
        const std::string_view views[] = {texts[0], texts[1], texts[2]};
        const auto vectors = embedder->Embed(views, {}, CallContext::Make());
        tally.Count(vectors.ok() ? "embedded" : std::string(absl::StatusCodeToString(vectors.status().code())));
        absl::SleepFor(absl::Milliseconds(200));
      }
    });
  }

  json samples = json::array();
  const absl::Time begin = absl::Now();
  std::map<std::string, int> outcomes;
  while (absl::ToDoubleSeconds(absl::Now() - begin) < seconds) {
    absl::SleepFor(std::min(kInterval, absl::Seconds(seconds)));
    json sample = tally.Take();
    sample["seconds"] = absl::ToDoubleSeconds(absl::Now() - begin);
    sample["rss_mib"] = StatusValue("VmRSS:") / 1024;
    sample["handles"] = OpenHandles();
    sample["threads"] = StatusValue("Threads:");
    for (const auto& [what, count] : sample["outcomes"].items()) outcomes[what] += count.get<int>();
    std::printf("%s\n", sample.dump().c_str());
    std::fflush(stdout);
    samples.push_back(std::move(sample));
  }
  stop = true;
  for (std::thread& t : threads) t.join();

  // Expected: refused past the queue, cancelled, out of time. Everything else is a fault.
  int faults = 0;
  for (const auto& [what, count] : outcomes) {
    if (what == "INTERNAL" || what == "UNKNOWN" || what == "INVALID_ARGUMENT" || what == "FAILED_PRECONDITION" ||
        what == "not loaded") {
      faults += count;
    }
  }
  // The first third fills caches; from then on nothing may grow.
  const double early = MostOf(samples, "rss_mib", 1.0 / 3, 2.0 / 3), late = MostOf(samples, "rss_mib", 2.0 / 3, 1);
  const double handles = MostOf(samples, "handles", 0, 1.0 / 3), handles_late = MostOf(samples, "handles", 2.0 / 3, 1);
  const bool flat = late <= 1.05 * early && handles_late <= handles + 2;
  const json result = {{"model", model->info().name}, {"outcomes", outcomes}, {"faults", faults},
                       {"rss_mib_middle", early},     {"rss_mib_end", late},  {"flat", flat}};
  std::ofstream(out + ".json") << json{{"result", result}, {"samples", samples}}.dump(1) << "\n";
  std::ofstream(out + ".svg") << Picture(samples);
  std::printf("%s\n", result.dump().c_str());
  return flat && faults == 0 && outcomes["answered"] > 0 ? 0 : 1;
}

}  // namespace
}  // namespace precis::engine

int main(int argc, char** argv) { return precis::engine::Main(argc, argv); }
