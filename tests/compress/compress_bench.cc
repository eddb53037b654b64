// How fast a method compresses a text with real models, in this process.
//
//   compress_bench ENCODER|- DECODER|- TEXT_FILE RATIO METHOD[:KEY=VALUE,...] [QUERY]
//
// The text's paragraphs (empty lines part them) are the passages; RATIO of their tokens, counted by the decoder's or
// else the encoder's tokenizer, is the budget. For every line of standard input one round, and one JSON line: {"words":
// N, "tokens_in": N, "tokens_out": N, "seconds": S}.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "precis/compress/compressor.h"
#include "precis/engine/load.h"

int main(int argc, char** argv) {
  namespace compress = precis::compress;
  namespace engine = precis::engine;
  if (argc < 6 || argc > 7) {
    std::fprintf(stderr, "usage: compress_bench ENCODER|- DECODER|- TEXT_FILE RATIO METHOD[:KEY=VALUE,...] [QUERY]\n");
    return 2;
  }
  const auto fail = [](const absl::Status& status) {
    std::fprintf(stderr, "%s\n", status.ToString().c_str());
    return 1;
  };
  compress::Resources resources;
  const engine::Tokenizer* tokenizer = nullptr;
  if (std::string(argv[1]) != "-") {
    auto embedder = engine::LoadEmbedder(argv[1], {});
    if (!embedder.ok()) return fail(embedder.status());
    resources.embedder = *embedder;
    tokenizer = &(*embedder)->tokenizer();
  }
  if (std::string(argv[2]) != "-") {
    auto model = engine::LoadLanguageModel(argv[2], {});
    if (!model.ok()) return fail(model.status());
    resources.generator = *model;
    resources.scorer = *model;
    resources.segment_scorer = *model;
    const engine::Generator& generator = **model;
    resources.scorer_info = generator.info();
    tokenizer = &generator.tokenizer();
  }
  if (tokenizer == nullptr) return fail(absl::InvalidArgumentError("neither an encoder nor a decoder: who counts?"));
  std::ifstream file(argv[3]);
  std::stringstream text;
  text << file.rdbuf();
  const std::string content = text.str();
  compress::Request request;
  int64_t words = 0, tokens = 0;
  for (absl::string_view paragraph : absl::StrSplit(content, "\n\n", absl::SkipWhitespace())) {
    compress::Passage passage;
    passage.text = std::string(absl::StripAsciiWhitespace(paragraph));
    words += static_cast<int64_t>(
        std::vector<absl::string_view>(absl::StrSplit(passage.text, absl::ByAnyChar(" \n"), absl::SkipEmpty())).size());
    tokens += *tokenizer->CountTokens(passage.text);
    request.passages.push_back(std::move(passage));
  }
  if (argc == 7) request.query = argv[6];
  const std::pair<std::string, std::string> spec = absl::StrSplit(argv[5], absl::MaxSplits(':', 1));
  compress::Step step = {spec.first, {}};
  for (absl::string_view assignment : absl::StrSplit(spec.second, ',', absl::SkipEmpty())) {
    const std::pair<std::string, std::string> pair = absl::StrSplit(assignment, absl::MaxSplits('=', 1));
    step.parameters[pair.first] = pair.second;
  }
  request.steps = {step};
  request.budget.tokenizer = tokenizer;
  request.budget.max_tokens = static_cast<int64_t>(static_cast<double>(tokens) * std::atof(argv[4]));
  request.fallback_policy = compress::FallbackPolicy::kFail;
  const auto compressor = compress::Compressor::Make(resources);
  for (std::string line; std::getline(std::cin, line);) {
    const auto begin = std::chrono::steady_clock::now();
    const auto context = compressor->Compress(request, {});
    if (!context.ok()) return fail(context.status());
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    std::printf("{\"words\": %lld, \"tokens_in\": %lld, \"tokens_out\": %lld, \"budget\": %lld, \"seconds\": %.4f}\n",
                static_cast<long long>(words), static_cast<long long>(context->receipt.tokens_in),
                static_cast<long long>(context->receipt.tokens_out), static_cast<long long>(request.budget.max_tokens),
                seconds);
    std::fflush(stdout);
    if (line == "show") std::printf("%s\n", context->text.c_str());
  }
  return 0;
}
