// What the harness asks of a server. The command line implements it over gRPC; tests bring their own.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eval/question_set.h"

namespace precis::eval {

// A candidate for a context.
struct Passage {
  int document = -1;  // index into QuestionSet::documents
  int64_t begin = 0;  // where its text begins in the document's
  std::string text;
  std::string document_id, version_id;  // of the server; empty for a fixed candidate
  double score = 0;
};

// A piece of a context and where it came from.
struct Span {
  int64_t begin, end;  // in Context::text
  bool verbatim, delimiter;
  int passage;                       // index into the candidates; -1: none
  int64_t source_begin, source_end;  // in that passage's text, where verbatim
  std::vector<int> cited;            // what a rewritten span was made from
  int mark;                          // the n of the "[n]" that it is or stands under; 0: none
};

struct Context {
  std::string text;
  std::vector<Span> spans;
};

struct Search {
  std::vector<Passage> passages;  // best first
  uint64_t read_epoch = 0;
};

struct CompressCall {
  std::string tenant;
  const std::vector<Passage>* passages;
  std::string query, method, target_model;
  int64_t budget;
  uint64_t read_epoch;
  std::vector<std::string> protect;
};

struct Compression {
  Context context;
  std::optional<double> fidelity;
  int64_t protected_found = 0, protected_kept = 0;
  int64_t required_found = 0, required_kept = 0;  // of the kinds that the call protected
  bool cache_hit = false;
  std::string steps;  // "extractive | lingua", with "auto" resolved and fallbacks named
  double wall_ms = 0;
};

struct Generation {
  std::string text;
  int64_t prompt_tokens = 0, completion_tokens = 0;
  bool cut = false;           // at the most tokens allowed
  double first_token_ms = 0;  // from the request's arrival at the server
};

// What decides a model's results.
struct ModelIdentity {
  std::string name, fingerprint, tokenizer_fingerprint;
  int64_t window = 0;
};

// One call at a time. Errors: Cancelled (interrupted) and Unavailable (the server is gone) end a run, others belong to
// the row that they happened in.
class Backend {
 public:
  virtual ~Backend() = default;
  // Loads the generator; "" is the server's default.
  virtual absl::StatusOr<ModelIdentity> LoadGenerator(const std::string& name) = 0;
  // The methods that the server can run now, with the versions of their algorithms.
  virtual absl::StatusOr<std::map<std::string, int>> Methods() = 0;
  // Of the server's default encoder; "" where it has none.
  virtual absl::StatusOr<std::string> EncoderFingerprint() = 0;
  // Makes the collection and puts the documents with text in; nothing is done where they are in it already. `progress`
  // gets the documents done.
  virtual absl::Status Ingest(const std::string& collection, const QuestionSet& set,
                              const std::function<void(int)>& progress) = 0;
  virtual absl::Status DropCollection(const std::string& collection) = 0;
  virtual absl::StatusOr<Search> Find(const std::string& collection, const QuestionSet& set, const Question& question,
                                      int top_k, const std::string& mode) = 0;
  virtual absl::StatusOr<int64_t> CountTokens(const std::string& model, const std::string& text) = 0;
  virtual absl::StatusOr<Compression> Compress(const CompressCall& call) = 0;
  virtual absl::StatusOr<Generation> Generate(const std::string& model, const std::string& tenant,
                                              const std::string& system, const std::string& user, int max_tokens) = 0;
  // Natural logarithms of the probabilities of the text's tokens after the context.
  virtual absl::StatusOr<std::vector<float>> Score(const std::string& model, const std::string& context,
                                                   const std::string& text) = 0;
};

}  // namespace precis::eval
