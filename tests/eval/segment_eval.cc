// Whether a decoder's segment scores find the sentence with the answer, and how fast: for choosing InfiniRetri's layer
// and XL3M's tokens.
//
//   segment_eval SET MODELS_DIR MODEL QUESTIONS METHOD...
//
// SET is a folder of tests/eval's question sets (documents.jsonl, questions.jsonl); its first QUESTIONS answerable ones
// of the split "dev" with evidence are taken, each over its own passages. METHOD: infini:LAYER, xl3m:TOKENS,
// likelihood, likelihood:published, all over sentences; or run:N:METHOD over runs of sentences of about N bytes. Prints
// how often the evidence is within the best tenth and the best quarter of the text by bytes, its mean reciprocal rank
// among the sentences, and tokens a second.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "precis/engine/load.h"
#include "precis/text/sentences.h"

namespace precis {
namespace {

using engine::SegmentScoreOptions;
using engine::SegmentScoring;

std::vector<nlohmann::json> ReadLines(const std::string& path) {
  std::vector<nlohmann::json> lines;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

struct Segment {
  std::string text;
  bool evidence = false;
};

struct Question {
  std::string text;
  std::vector<Segment> segments;
};

// Runs of sentences of at least `run` bytes (0: each alone); the sentences that touch the evidence are it.
Question Make(const nlohmann::json& question, const std::map<std::string, std::string>& documents, size_t run) {
  Question made{question["question"], {}};
  std::vector<std::string> ids = question["passages"];
  for (const std::string gold : question["gold_documents"]) {
    if (std::find(ids.begin(), ids.end(), gold) == ids.end()) ids.push_back(gold);
  }
  for (const std::string& id : ids) {
    const std::string& text = documents.at(id);
    size_t held = 0;  // bytes of the open run
    for (const ByteRange& sentence : text::SplitSentences(text, 1000)) {
      bool evidence = false;
      for (const auto& e : question["evidence"]) {
        if (e["document"] != id) continue;
        evidence |= e["begin"].get<int64_t>() < sentence.end && sentence.begin < e["end"].get<int64_t>();
      }
      if (held == 0) made.segments.emplace_back();
      Segment& segment = made.segments.back();
      segment.text += std::string(Slice(text, sentence)) + " ";
      segment.evidence |= evidence;
      held += static_cast<size_t>(sentence.size());
      if (held >= run) held = 0;
    }
    made.segments.back().text += "\n\n";
  }
  return made;
}

bool Parse(std::string method, SegmentScoreOptions* options, size_t* run) {
  *run = 0;
  if (method.rfind("run:", 0) == 0) {
    *run = static_cast<size_t>(std::atoi(method.c_str() + 4));
    method = method.substr(method.find(':', 4) + 1);
  }
  const size_t colon = method.find(':');
  const std::string name = method.substr(0, colon), value = colon == std::string::npos ? "" : method.substr(colon + 1);
  if (name == "infini") {
    options->scoring = SegmentScoring::kAttention;
    options->layer = std::atoi(value.c_str());
  } else if (name == "xl3m") {
    options->scoring = SegmentScoring::kEntropy;
    options->entropy_tokens = std::atoi(value.c_str());
  } else if (name == "likelihood") {
    options->scoring = SegmentScoring::kQuestionLikelihood;
    options->published = value == "published";
  } else {
    return false;
  }
  return true;
}

int Main(int argc, char** argv) {
  if (argc < 6) {
    std::fprintf(stderr, "usage: segment_eval SET MODELS_DIR MODEL QUESTIONS METHOD...\n");
    return 2;
  }
  const std::string set = argv[1];
  std::map<std::string, std::string> documents;
  for (const auto& document : ReadLines(set + "/documents.jsonl")) documents[document["id"]] = document["text"];
  const auto model = engine::LoadLanguageModel(std::string(argv[2]) + "/" + argv[3], {});
  if (!model.ok()) {
    std::fprintf(stderr, "%s\n", model.status().ToString().c_str());
    return 1;
  }
  const auto wanted = static_cast<size_t>(std::atoi(argv[4]));
  std::vector<nlohmann::json> questions;
  for (const auto& question : ReadLines(set + "/questions.jsonl")) {
    if (question["answerable"] && question["split"] == "dev" && !question["evidence"].empty())
      questions.push_back(question);
  }
  if (questions.size() > wanted) questions.resize(wanted);
  for (int arg = 5; arg < argc; ++arg) {
    SegmentScoreOptions options;
    size_t run;
    if (!Parse(argv[arg], &options, &run)) {
      std::fprintf(stderr, "'%s' is no method\n", argv[arg]);
      return 2;
    }
    double tenth = 0, quarter = 0, reciprocal = 0, seconds = 0;
    int64_t tokens = 0;
    int count = 0;
    for (const auto& asked : questions) {
      const Question question = Make(asked, documents, run);
      std::vector<std::string_view> texts;
      int64_t bytes = 0;
      for (const Segment& segment : question.segments) {
        texts.push_back(segment.text);
        bytes += static_cast<int64_t>(segment.text.size());
        tokens += (*model)->tokenizer().CountTokens(segment.text).value();
      }
      const absl::Time begin = absl::Now();
      const auto scores = (*model)->ScoreSegments(texts, question.text, options, CallContext::Make());
      seconds += absl::ToDoubleSeconds(absl::Now() - begin);
      if (!scores.ok()) {
        std::fprintf(stderr, "%s\n", scores.status().ToString().c_str());
        return 1;
      }
      std::vector<size_t> order(texts.size());
      std::iota(order.begin(), order.end(), size_t{0});
      std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return (*scores)[a] > (*scores)[b]; });
      int64_t before = 0;  // bytes up to the end of the segment
      for (size_t i = 0; i < order.size(); ++i) {
        before += static_cast<int64_t>(texts[order[i]].size());
        if (!question.segments[order[i]].evidence) continue;
        tenth += before <= bytes / 10;
        quarter += before <= bytes / 4;
        reciprocal += 1.0 / static_cast<double>(i + 1);
        break;
      }
      ++count;
    }
    std::printf("%-28s in a tenth %.3f  in a quarter %.3f  MRR %.3f  %7.0f tokens/s\n", argv[arg], tenth / count,
                quarter / count, reciprocal / count, static_cast<double>(tokens) / seconds);
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace
}  // namespace precis

int main(int argc, char** argv) { return precis::Main(argc, argv); }
