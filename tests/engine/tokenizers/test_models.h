// Tokenizers for the tests: the committed tiny ones, and those of real models where they are installed.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "precis/engine/load.h"
#include "source_file.h"

namespace precis::engine {

inline std::string GoldenFolder() { return SourceFile("tests/engine/tokenizers/golden"); }

// The folder of a model; empty when it is not installed.
inline std::string ModelFolder(const std::string& name) {
  if (name.starts_with("tiny-")) return GoldenFolder() + "/" + name;
  const char* models = std::getenv("PRECIS_TEST_MODELS");
  std::string folder = models != nullptr ? models : "";
  if (folder.empty()) {
    const char* home = std::getenv("HOME");
    folder = std::string(home != nullptr ? home : "") + "/.local/share/precis/models";
  }
  folder += "/" + name;
  return std::filesystem::is_directory(folder) ? folder : std::string();
}

// Null when the model is not installed; a test failure when it does not load.
inline std::shared_ptr<const Tokenizer> LoadForTest(const std::string& name) {
  const std::string folder = ModelFolder(name);
  if (folder.empty()) return nullptr;
  auto tokenizer = LoadTokenizer(folder);
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
  return tokenizer.ok() ? *tokenizer : nullptr;
}

}  // namespace precis::engine
