// What goes into a compression and what comes out. One to one with precis/v1 compression.proto.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "precis/base/byte_range.h"
#include "precis/engine/tokenizer.h"

namespace precis::compress {

// A retrieved piece of text. Ids and ranges may be empty for text that comes from nowhere (a caller's own).
struct Passage {
  std::string text;
  std::string document_id, version_id;
  std::string uri, title;
  ByteRange document_range;  // of `text` in the document's stored text
  double score = 0;          // relevance, higher is better; equal: order counts
};

// Of the finished context: delimiters and citation marks included, counted as one string.
struct Budget {
  int64_t max_tokens = 0;                        // >= 1
  const engine::Tokenizer* tokenizer = nullptr;  // the target model's; not owned, outlives the call
  // The prompt around the context, if known: the context is counted in its place, so that tokens that merge across the
  // border cannot break the budget. tokens_out = tokens(before + context + after) - tokens(before + after).
  std::string before, after;
};

enum class ProtectedKind { kNumber, kNegation, kIdentifier, kQuotation, kLiteral };

struct Protection {
  bool numbers = false, negations = false, identifiers = false, quotations = false;
  std::vector<std::string> literals;  // exact strings
};

// One method of a chain with its parameters, all as text: {"method": "extractive", {"mmr_lambda", "0.7"}}.
struct Step {
  std::string method;
  std::map<std::string, std::string> parameters;
};

struct Request {
  std::string tenant;
  std::string query;              // empty: none
  std::vector<Passage> passages;  // any number, any length
  std::vector<Step> steps;        // empty: "auto"
  Budget budget;
  Protection protection;
  uint64_t read_epoch = 0;  // at which the passages were read
  double min_fidelity = 0;  // [0, 1]; below it a gentler method is tried, 0: off
  enum class CachePolicy { kUse, kBypass, kRefresh } cache = CachePolicy::kUse;
};

// A piece of the finished context and where it came from.
struct Span {
  ByteRange output;  // in Context::text
  int passage = -1;  // index into Request::passages; -1: delimiter or mark of ours
  ByteRange source;  // in that passage's text; equal bytes iff `verbatim`
  bool verbatim = false;
  std::vector<int> cited_passages;  // of rewritten text: at least one; empty for verbatim text and for marks
};

struct StageTiming {
  std::string stage;
  absl::Duration duration;
};

struct PassageReceipt {
  int64_t bytes_in = 0, bytes_kept = 0;
  int sentences_in = 0, sentences_kept = 0;
};

struct ProtectedReceipt {
  ProtectedKind kind;
  int64_t found = 0, kept = 0;
};

struct Fallback {
  std::string from, to, reason;
};

struct Receipt {
  int64_t tokens_in = 0;   // of the passages formatted by "none"
  int64_t tokens_out = 0;  // <= budget_tokens, always
  int64_t budget_tokens = 0;
  int passages_in = 0, passages_kept = 0, sentences_in = 0, sentences_kept = 0;
  std::vector<PassageReceipt> passages;  // one for each passage of the request
  std::vector<ProtectedReceipt> protection;
  // Cosine of the embeddings of what went in and what came out (mean of sentence vectors); absent without an encoder.
  std::optional<double> fidelity;
  std::vector<StageTiming> timings;
  enum class CacheOutcome { kHit, kMiss, kBypassed } cache = CacheOutcome::kMiss;
  std::vector<std::string> methods;  // that made the result, in order
  std::vector<Fallback> fallbacks;
  std::vector<std::string> warnings;  // sentences
  bool count_estimated = false;       // the target's tokenizer is not known exactly
  std::string plan;                   // why these methods (auto), one sentence
};

struct Context {
  std::string text;
  std::vector<Span> spans;  // cover `text` without gaps, in order
  Receipt receipt;
};

}  // namespace precis::compress
