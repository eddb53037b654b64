// Our half of compare_tokenizing.py: how fast one thread tokenizes the texts on standard input.
//   tokenize_bench MODEL [--offsets] [--ids FILE] < texts
// Each text: its length in ASCII, '\n', its bytes. Prints one JSON object: MB/s of the first pass of this process and
// of the second one, tokens, and the seconds that loading took. --offsets measures EncodeWithOffsets. --ids writes, for
// each text, how many ids it has and the ids, all 32 bits wide.
#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "precis/engine/load.h"

namespace {

using Clock = std::chrono::steady_clock;

double Seconds(Clock::time_point from) { return std::chrono::duration<double>(Clock::now() - from).count(); }

std::vector<std::string> ReadTexts() {
  std::string input;
  char block[1 << 16];
  for (size_t size; (size = std::fread(block, 1, sizeof block, stdin)) > 0;) input.append(block, size);
  std::vector<std::string> texts;
  for (size_t at = 0; at < input.size();) {
    const size_t line = input.find('\n', at);
    const size_t size = std::stoul(input.substr(at, line - at));
    texts.push_back(input.substr(line + 1, size));
    at = line + 1 + size;
  }
  return texts;
}

bool WriteIds(const precis::engine::Tokenizer& tokenizer, const std::vector<std::string>& texts, const char* path) {
  std::FILE* file = std::fopen(path, "wb");
  if (file == nullptr) return false;
  bool good = true;
  for (const std::string& text : texts) {
    const auto ids = tokenizer.Encode(text, {});
    if (!ids.ok()) return false;
    const auto count = static_cast<int32_t>(ids->size());
    good = good && std::fwrite(&count, sizeof count, 1, file) == 1 &&
           std::fwrite(ids->data(), sizeof(int32_t), ids->size(), file) == ids->size();
  }
  return std::fclose(file) == 0 && good;
}

}  // namespace

int main(int argc, char** argv) {
  bool offsets = false;
  const char* ids_path = nullptr;
  for (int i = 2; i < argc; ++i) {
    if (std::strcmp(argv[i], "--offsets") == 0) {
      offsets = true;
    } else if (std::strcmp(argv[i], "--ids") == 0 && i + 1 < argc) {
      ids_path = argv[++i];
    } else {
      argc = 0;
    }
  }
  if (argc < 2) {
    std::fprintf(stderr, "usage: tokenize_bench MODEL [--offsets] [--ids FILE] < texts\n");
    return 2;
  }
  const auto loading = Clock::now();
  const auto tokenizer = precis::engine::LoadTokenizer(argv[1]);
  if (!tokenizer.ok()) {
    std::fprintf(stderr, "%s\n", tokenizer.status().ToString().c_str());
    return 1;
  }
  const double load_seconds = Seconds(loading);
  const std::vector<std::string> texts = ReadTexts();
  if (ids_path != nullptr) return WriteIds(**tokenizer, texts, ids_path) ? 0 : 1;

  double rate[2];
  size_t tokens = 0;
  for (double& pass : rate) {
    size_t bytes = 0;
    tokens = 0;
    const auto start = Clock::now();
    for (const std::string& text : texts) {
      bytes += text.size();
      tokens += offsets ? (*tokenizer)->EncodeWithOffsets(text, {})->size() : (*tokenizer)->Encode(text, {})->size();
    }
    pass = static_cast<double>(bytes) / Seconds(start) / 1e6;
  }
  std::printf("{\"first_mb_s\": %.2f, \"mb_s\": %.2f, \"tokens\": %zu, \"load_s\": %.3f}\n", rate[0], rate[1], tokens,
              load_seconds);
  return 0;
}
