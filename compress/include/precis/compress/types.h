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
  std::string text;  // valid UTF-8
  std::string document_id, version_id;
  std::string uri, title;
  std::vector<std::string> heading_path;  // outermost first
  ByteRange document_range;               // of `text` in the document's stored text
  double score = 0;                       // relevance, finite, higher is better; equal: order counts
};

// Of the finished context: delimiters and citation marks included, counted as one string.
struct Budget {
  int64_t max_tokens = 0;                        // >= 1
  const engine::Tokenizer* tokenizer = nullptr;  // the target model's; not owned, outlives the call
  // The text that stands directly around the context in the prompt, if known: the context is counted in its place, so
  // that tokens that merge across the border cannot break the budget. tokens_out is the greater of tokens(context) and
  // tokens(before + context + after) - tokens(before + after).
  std::string before, after;
  bool estimated = false;  // the tokenizer stands in for one that cannot be had; said again in the receipt
};

enum class ProtectedKind { kNumber, kNegation, kIdentifier, kQuotation, kLiteral };
inline constexpr int kProtectedKinds = 5;

// What must survive. The receipt counts all kinds, asked for or not.
struct Protection {
  bool numbers = false;               // with their units; dates, versions
  bool negations = false;             // with the word that they negate
  bool identifiers = false;           // of code; paths, URLs, flags, error codes
  bool quotations = false;            // between quotation marks or backticks
  std::vector<std::string> literals;  // every occurrence, by bytes; at most 1,000 of 1 to 1,024 bytes
};

enum class CitationStyle {
  kNone,           // no marks
  kBracketNumber,  // "[1] " before each passage, numbered by their order in the context
};

// How the context is laid out: [mark][source line]text, separator, [mark][source line]text, ... All of it counts.
struct ContextFormat {
  CitationStyle citation_style = CitationStyle::kBracketNumber;
  std::string passage_separator = "\n\n";  // at most 256 bytes
  // Between two kept pieces of a passage; at most 32 bytes. Where a line of the passage ends between them and the mark
  // has no line break, one follows it instead of the mark's trailing blanks.
  std::string omission_mark = " ";
  bool include_source_line = false;  // title or URI, then headings, on a line of their own before the text
  // Strings by which the caller's prompt delimits the context ("</context>"). Where a passage spells one, or spells a
  // mark of ours where a mark could stand, a backslash is put before it, in a span of kind kDelimiter: what is around
  // it stays verbatim, and no passage can pose as another or end the context. At most 16 of 1 to 64 bytes.
  std::vector<std::string> reserved;
};

// What happens when a method cannot run or misses min_fidelity.
enum class FallbackPolicy {
  kGentler,  // a gentler method runs, the receipt says so
  kFail,     // FailedPrecondition
};

// One method of a chain with its parameters, all as text: {"extractive", {{"mmr_lambda", "0.7"}}}.
struct Step {
  std::string method;
  std::map<std::string, std::string> parameters;
};

// As in CachePolicy of the contract.
enum class CachePolicy { kUse, kBypass, kRefresh };

struct Request {
  std::string tenant;
  std::string query;              // empty: none
  std::vector<Passage> passages;  // any number; at most kMaxInputBytes of text together
  std::vector<Step> steps;        // empty: "auto"
  Budget budget;
  Protection protection;
  ContextFormat format;
  uint64_t read_epoch = 0;  // at which the passages were read; 0: passages with a document are not cached
  double min_fidelity = 0;  // [0, 1]; 0: off
  FallbackPolicy fallback_policy = FallbackPolicy::kGentler;
  CachePolicy cache = CachePolicy::kUse;
};

inline constexpr int64_t kMaxInputBytes = int64_t{64} << 20;

enum class SpanKind {
  kVerbatim,   // the very bytes of its source
  kRewritten,  // written anew from the cited passages
  kDelimiter,  // marks, separators, source lines, omission marks, backslashes
};

// A piece of the finished context and where it came from.
struct Span {
  ByteRange output;  // in Context::text
  SpanKind kind = SpanKind::kDelimiter;
  int passage = -1;  // index into Request::passages; -1: a separator, or made from several
  int number = 0;    // n of the mark "[n]" that it is or stands under; 0: a separator, or the context has no marks
  ByteRange source;  // in that passage's text; verbatim spans only
  std::vector<int> cited_passages;  // of rewritten spans: at least one, increasing; else empty

  bool verbatim() const { return kind == SpanKind::kVerbatim; }
};

struct StageTiming {
  std::string stage;  // "cache", "count", "split", "embed", "score", "select", "assemble"
  absl::Duration duration;
};

struct PassageReceipt {
  int64_t bytes_in = 0, bytes_kept = 0;  // kept: verbatim in the context
  bool used = false;                     // something of it, verbatim or rewritten, is in the context
};

struct ProtectedReceipt {
  ProtectedKind kind = ProtectedKind::kNumber;
  int64_t found = 0, kept = 0;
  bool required = false;  // then kept == found
};

// What one method of the chain did.
struct StepReceipt {
  std::string method;  // the one that ran
  int algorithm_version = 0;
  int64_t tokens_in = 0, tokens_out = 0;
  absl::Duration duration;
  std::string reason;  // why "auto" picked it, one sentence; else empty
};

struct Fallback {
  std::string from, to, reason;
};

// What a generator wrote for a context: its lengths against their targets, and how a capsule was chosen.
struct GeneratedReceipt {
  int texts = 0;                    // that were asked for with a target length; hit rate = within_target / texts
  int within_target = 0;            // of them, no longer than their target in words
  int asked_again = 0;              // requests to make one of them shorter
  double mean_length = 0;           // mean of their words over those of their target
  int cached = 0;                   // of them, from the cache
  int unsupported = 0;              // sentences left out for a name or number that their source lacks
  int candidates = 0;               // of a capsule
  int probes = 0;                   // questions by which it was chosen
  std::optional<double> agreement;  // of its answers with those from the sources, [0, 1]; where there were probes
};

enum class CacheOutcome {
  kNone,      // there is no cache
  kHit,       // `steps` and all but `timings` tell of the run that filled it
  kMiss,      // computed, and stored unless a source was deleted meanwhile
  kBypassed,  // not looked up: by policy, or a passage has a document but the request has no read_epoch
};

struct Receipt {
  int64_t tokens_in = 0;   // of all passages whole, in the same layout
  int64_t tokens_out = 0;  // <= budget_tokens, always
  int64_t budget_tokens = 0;
  int passages_in = 0, passages_kept = 0;
  int64_t sentences_in = 0, sentences_kept = 0;  // kept: wholly in the context, byte for byte
  std::vector<PassageReceipt> passages;          // one for each passage of the request
  std::vector<ProtectedReceipt> protection;      // one for each kind, in its order
  // Cosine of the mean sentence vectors of what went in and what came out, [0, 1]; absent without an encoder.
  std::optional<double> fidelity;
  std::vector<StageTiming> timings;
  CacheOutcome cache = CacheOutcome::kNone;
  std::vector<StepReceipt> steps;
  std::vector<Fallback> fallbacks;
  std::optional<GeneratedReceipt> generated;  // where a generator wrote something
  std::vector<std::string> warnings;          // sentences
  bool count_estimated = false;               // Budget::estimated
  std::string tokenizer_fingerprint;
  std::string plan;  // why these methods (auto), or by what one keeps; may be empty
};

struct Context {
  std::string text;
  std::vector<Span> spans;  // cover `text` in order and without gaps; none is empty
  Receipt receipt;
};

}  // namespace precis::compress
