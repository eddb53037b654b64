// A made-up decoder with a tokenizer, as a file: for tests of what LoadLanguageModel gives.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tiny_model.h"

namespace precis::engine {

inline constexpr TokenId kTinyEnd = 256;  // <|endoftext|>; the ids below are the bytes

// Byte-level without merges: a token for every byte, three special ones, and names up to the vocabulary's size.
// `renamed`: this token is another byte string than usual; -1: none.
inline void WriteTinyTokenizer(int64_t vocabulary, TokenId renamed, GgufWriter* writer) {
  std::vector<std::string> tokens;
  std::vector<int32_t> types;
  int extra = 256;
  for (int byte = 0; byte < 256; ++byte) {
    // GPT-2's alphabet: what is printable stands for itself, the rest for code points from 256 on.
    const bool printable = (byte > 32 && byte < 127) || (byte > 160 && byte != 173);
    const int c = printable ? byte : extra++;
    if (c < 128) {
      tokens.push_back(std::string(1, static_cast<char>(c)));
    } else {
      tokens.push_back({static_cast<char>(0xc0 | c >> 6), static_cast<char>(0x80 | (c & 63))});
    }
    types.push_back(1);
  }
  for (const char* name : {"<|endoftext|>", "<|im_start|>", "<|im_end|>"}) {
    tokens.push_back(name);
    types.push_back(3);
  }
  while (static_cast<int64_t>(tokens.size()) < vocabulary) {
    tokens.push_back("unused" + std::to_string(tokens.size()));
    types.push_back(1);
  }
  if (renamed >= 0) tokens[static_cast<size_t>(renamed)] = "renamed";
  writer->Add("tokenizer.ggml.model", "gpt2");
  writer->Add("tokenizer.ggml.pre", "gpt-2");
  writer->Add("tokenizer.ggml.tokens", tokens);
  writer->Add("tokenizer.ggml.token_type", types);
  writer->Add("tokenizer.ggml.merges", std::vector<std::string>());
  writer->Add("tokenizer.ggml.eos_token_id", static_cast<uint32_t>(kTinyEnd));
  writer->Add("tokenizer.chat_template",
              "<|im_start|> <|im_end|> You are a helpful AI assistant named SmolLM, trained by Hugging Face");
}

// A folder of its own that goes with it.
class TinyFile {
 public:
  explicit TinyFile(const TinyModel& model, TokenId renamed = -1) {
    static int count = 0;
    folder_ = std::filesystem::temp_directory_path() /
              ("precis-tiny-" + std::to_string(::getpid()) + "-" + std::to_string(count++));
    std::filesystem::create_directories(folder_);
    GgufWriter writer;
    WriteTinyModel(model, &writer);
    WriteTinyTokenizer(model.vocabulary, renamed, &writer);
    std::ofstream(path(), std::ios::binary) << writer.Finish();
  }
  ~TinyFile() { std::filesystem::remove_all(folder_); }
  TinyFile(const TinyFile&) = delete;
  TinyFile& operator=(const TinyFile&) = delete;

  std::string path() const { return folder_ / "tiny.gguf"; }

 private:
  std::filesystem::path folder_;
};

}  // namespace precis::engine
