// Tokenizes texts for comparison with a reference: golden/compare.py starts it.
//   tokenize_lines MODEL [special] [parse] [offsets] [decode] [time]
// Standard input: each text as its length in ASCII, '\n', and its bytes. Output: one line of ids for each text; with
// `offsets` as id:begin:end; with `decode` the hexadecimal bytes of the decoded ids, special tokens skipped. `time`
// prints only how many MB/s Encode made over all texts.
#include <chrono>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "precis/base/hash.h"
#include "precis/engine/load.h"

int main(int argc, char** argv) {
  using precis::engine::EncodeOptions;
  if (argc < 2) {
    std::fprintf(stderr, "usage: tokenize_lines MODEL [special] [parse] [offsets] [decode] [time] < texts\n");
    return 2;
  }
  const auto loading = std::chrono::steady_clock::now();
  auto tokenizer = precis::engine::LoadTokenizer(argv[1]);
  if (!tokenizer.ok()) {
    std::fprintf(stderr, "%s\n", tokenizer.status().ToString().c_str());
    return 1;
  }
  const std::chrono::duration<double> load_time = std::chrono::steady_clock::now() - loading;
  const std::set<std::string> flags(argv + 2, argv + argc);
  EncodeOptions options;
  options.add_special = flags.count("special") > 0;
  options.parse_special = flags.count("parse") > 0;

  const std::string input{std::istreambuf_iterator<char>(std::cin), {}};
  std::vector<std::string> texts;
  for (size_t at = 0; at < input.size();) {
    const size_t line = input.find('\n', at);
    const size_t size = std::stoul(input.substr(at, line - at));
    texts.push_back(input.substr(line + 1, size));
    at = line + 1 + size;
  }

  if (flags.count("time")) {
    size_t bytes = 0, tokens = 0;
    const auto start = std::chrono::steady_clock::now();
    for (const std::string& text : texts) {
      bytes += text.size();
      tokens += (*tokenizer)->Encode(text, options)->size();
    }
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    std::printf("%.1f MB/s, %zu tokens, loaded in %.3f s\n", static_cast<double>(bytes) / time.count() / 1e6, tokens,
                load_time.count());
    return 0;
  }
  for (const std::string& text : texts) {
    const auto tokens = (*tokenizer)->EncodeWithOffsets(text, options);
    const auto ids = (*tokenizer)->Encode(text, options);
    if (!tokens.ok() || !ids.ok()) {
      std::printf("error %s\n", tokens.status().ToString().c_str());
      continue;
    }
    bool same = tokens->size() == ids->size();
    for (size_t i = 0; same && i < ids->size(); ++i) same = (*ids)[i] == (*tokens)[i].id;
    if (!same) std::printf("error Encode and EncodeWithOffsets differ ");
    if (flags.count("decode")) {
      std::printf("%s\n", precis::ToHex(*(*tokenizer)->Decode(*ids, true)).c_str());
      continue;
    }
    for (const auto& token : *tokens) {
      if (flags.count("offsets")) {
        std::printf("%d:%ld:%ld ", token.id, static_cast<long>(token.bytes.begin), static_cast<long>(token.bytes.end));
      } else {
        std::printf("%d ", token.id);
      }
    }
    std::printf("\n");
  }
  return 0;
}
