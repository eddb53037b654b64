// Options that several commands share, and their way into requests.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "precis/v1/common.pb.h"
#include "precis/v1/compression.pb.h"
#include "precis/v1/retrieval.pb.h"

namespace precis::cli {

// --top-k --mode --where --min-score --mmr --rerank --rerank-candidates --rerank-weight
struct SearchFlags {
  int top_k = 0;
  std::string mode;
  std::vector<std::string> where;
  double min_score = 0, mmr = 0;
  bool has_min_score = false, has_mmr = false;
  std::string rerank;  // METHOD[:MODEL]
  int rerank_candidates = 0;
  double rerank_weight = 1;

  void Add(CLI::App* command);
  absl::Status Fill(v1::SearchOptions* options) const;
};

// --budget --method --protect --keep --min-fidelity --no-cache
struct CompressionFlags {
  int budget = 0;
  std::vector<std::string> methods;
  std::vector<std::string> protect, keep;
  double min_fidelity = 0;
  std::string target_model;

  void Add(CLI::App* command);
  absl::Status Fill(v1::CompressionOptions* options) const;
};

// "topic=networking", "year>=2020", "lang!=de", "path^=/usr", "reviewed" (exists), all of them together.
absl::Status ParseWhere(const std::vector<std::string>& conditions, v1::Filter* filter);
// "key=value" into metadata: true/false, whole numbers, decimal numbers, else text.
absl::Status ParseMeta(const std::string& assignment, std::string* key, v1::MetadataValue* value);

}  // namespace precis::cli
