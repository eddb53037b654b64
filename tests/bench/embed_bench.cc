// Embeds the texts of a file again and again, for comparisons with other engines in interleaved rounds.
//
//   embed_bench MODEL [--threads N] [--isa auto|scalar|avx2|avx512] [--numeric-mode fp32|int8-v1] [--max-tokens N]
//               [--vectors OUT] < FILE_NAMES
//
// Standard input names one file a line, each with one text a line. For every line of input one JSON line comes back:
// {"texts": 512, "tokens": 6144, "seconds": 0.41}. The time covers tokenising, the model and pooling.
// With --vectors the vectors of the last file are left in OUT, as plain floats.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "precis/engine/load.h"

namespace {

std::vector<std::string> ReadLines(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

// All vectors one after the other, floats as this machine has them.
void WriteVectors(const std::string& path, const std::vector<precis::engine::Embedding>& embeddings) {
  std::ofstream file(path, std::ios::binary);
  for (const auto& embedding : embeddings) {
    file.write(reinterpret_cast<const char*>(embedding.vector.data()),
               static_cast<std::streamsize>(embedding.vector.size() * sizeof(float)));
  }
}

bool ParseArguments(int argc, char** argv, precis::engine::LoadOptions* options, std::string* vectors) {
  using precis::engine::Isa;
  if (argc < 2 || argc % 2 != 0) return false;
  for (int i = 2; i < argc; i += 2) {
    const std::string_view key = argv[i], value = argv[i + 1];
    if (key == "--threads") {
      options->threads = std::atoi(argv[i + 1]);
    } else if (key == "--isa" && (value == "auto" || value == "scalar" || value == "avx2" || value == "avx512")) {
      options->isa = value == "auto"     ? Isa::kAuto
                     : value == "scalar" ? Isa::kScalar
                     : value == "avx2"   ? Isa::kAvx2
                                         : Isa::kAvx512;
    } else if (key == "--numeric-mode") {
      options->numeric_mode = value;
    } else if (key == "--max-tokens") {
      options->max_tokens = std::atoi(argv[i + 1]);
    } else if (key == "--vectors") {
      *vectors = value;
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  precis::engine::LoadOptions options;
  std::string vectors;
  if (!ParseArguments(argc, argv, &options, &vectors)) {
    std::fprintf(stderr,
                 "usage: embed_bench MODEL [--threads N] [--isa auto|scalar|avx2|avx512] "
                 "[--numeric-mode fp32|int8-v1] [--max-tokens N] [--vectors OUT] < FILE_NAMES\n");
    return 2;
  }
  const auto embedder = precis::engine::LoadEmbedder(argv[1], options);
  if (!embedder.ok()) {
    std::fprintf(stderr, "%s\n", embedder.status().ToString().c_str());
    return 1;
  }
  for (std::string path; std::getline(std::cin, path);) {
    const std::vector<std::string> lines = ReadLines(path);
    const std::vector<std::string_view> texts(lines.begin(), lines.end());
    const auto begin = std::chrono::steady_clock::now();
    const auto embeddings = (*embedder)->Embed(texts, {.long_input = precis::engine::LongInput::kTruncate}, {});
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    if (!embeddings.ok()) {
      std::fprintf(stderr, "%s\n", embeddings.status().ToString().c_str());
      return 1;
    }
    if (!vectors.empty()) WriteVectors(vectors, *embeddings);
    int64_t tokens = 0;
    for (const auto& embedding : *embeddings) tokens += embedding.tokens_used;
    std::printf("{\"texts\": %zu, \"tokens\": %lld, \"seconds\": %.6f}\n", texts.size(), static_cast<long long>(tokens),
                seconds.count());
    std::fflush(stdout);
  }
  return 0;
}
