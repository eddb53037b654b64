// The models that tests use where behaviour depends on real weights.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "source_file.h"

namespace precis::engine {

// The GGUF file of a model, empty when it is not there.
inline std::string FindModel(const std::string& name) {
  const char* folder = std::getenv("PRECIS_TEST_MODELS");
  const char* home = std::getenv("HOME");
  const std::string base = folder != nullptr && *folder != '\0'
                               ? std::string(folder)
                               : std::string(home == nullptr ? "" : home) + "/.local/share/precis/models";
  const std::string path = base + "/" + name + "/model.gguf";
  return std::filesystem::exists(path) ? path : "";
}

inline nlohmann::json ReadGolden(const std::string& name) {
  std::ifstream in(SourceFile("tests/engine/decoder/golden/") + name + ".json");
  return nlohmann::json::parse(in);
}

}  // namespace precis::engine
