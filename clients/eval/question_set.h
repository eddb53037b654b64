// Question sets: documents, questions about them and gold answers, as files. README.md has the format.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace precis::eval {

// A sentence and how people judged it: its mean sentiment.
struct Opinion {
  int64_t begin, end;  // bytes of the document's text
  double sentiment;
};

struct Document {
  std::string id, uri, title, text, corpus;
  std::vector<Opinion> sentences;  // opinions only
};

// Bytes of a document's text that hold the answer.
struct Evidence {
  int document;  // index into QuestionSet::documents
  int64_t begin, end;
};

struct Question {
  std::string id, question;
  std::vector<std::string> answers;  // any of them is right; empty where there is none to check
  std::vector<int> gold_documents;   // as Evidence::document, and so are the lists below
  std::vector<Evidence> evidence;
  bool answerable = true;
  std::string overlap;  // of its words with the evidence: "low", "middle", "high", or empty
  std::string split;    // "dev", "heldout", or empty
  std::string corpus, group;
  std::vector<int> passages;           // fixed candidates, best first; empty: they are searched for
  std::vector<int> exclude_documents;  // never candidates of this question
  int64_t length = -1, depth = -1;     // needles: tokens of the haystack, place of the needle in percent
  // Opinions: mean sentiment of the candidates' sentences, and the part of them whose sign is against it; NaN: none.
  double sentiment = std::numeric_limits<double>::quiet_NaN();
  double minority = std::numeric_limits<double>::quiet_NaN();
};

struct QuestionSet {
  std::string name, description, task;
  std::vector<Document> documents;
  std::vector<Question> questions;
  std::string fingerprint;            // of the three files' bytes
  std::string documents_fingerprint;  // of documents.jsonl
};

// Reads set.json, documents.jsonl and questions.jsonl of `folder`. Errors name the file and the line: InvalidArgument
// (no JSON, a missing or mistyped member, an id used twice or not defined, a range outside its document, no question),
// ResourceExhausted (documents above 1 GiB, questions above 256 MiB), NotFound.
absl::StatusOr<QuestionSet> LoadQuestionSet(const std::string& folder);

// Which questions a run asks.
struct QuestionChoice {
  std::string split;    // "" or "all": every one
  std::string overlap;  // "": whatever it is
  bool answerable_only = false;
  int limit = 0;  // at most; 0: all
  uint64_t seed = 1;
};

// Indices in an order drawn by the seed. A smaller limit gives the beginning of what a larger one gives, so that a run
// can be extended.
std::vector<int> ChooseQuestions(const QuestionSet& set, const QuestionChoice& choice);

}  // namespace precis::eval
