// A server for tests of the harness: words are tokens, and a model knows an answer exactly when it reads it.
#pragma once

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "eval/backend.h"
#include "eval/baselines.h"
#include "eval/layout.h"
#include "eval/settings.h"

namespace precis::eval {

class FakeBackend : public Backend {
 public:
  explicit FakeBackend(const QuestionSet* set) : set_(set) {}

  int calls_left = -1;         // after so many calls the server is gone; -1: never
  bool exceed_budget = false;  // contexts of the server's methods are whole
  bool bend_source = false;    // a verbatim span's bytes are not its source's
  bool cache_differs = false;  // the cache gives another context
  std::string failing_method;  // its compressions fail
  int compressions = 0, scored = 0, generated = 0, ingested = 0, dropped = 0;

  absl::StatusOr<ModelIdentity> LoadGenerator(const std::string& name) override {
    return ModelIdentity{name, "fp-" + name, "words", 4096};
  }
  absl::StatusOr<std::map<std::string, int>> Methods() override {
    return std::map<std::string, int>{{"auto", 1}, {"truncate", 2}, {"extractive", 3}};
  }
  absl::StatusOr<std::string> EncoderFingerprint() override { return "encoder"; }
  absl::Status Ingest(const std::string&, const QuestionSet& set, const std::function<void(int)>& progress) override {
    ++ingested;
    progress(static_cast<int>(set.documents.size()));
    return absl::OkStatus();
  }
  absl::Status DropCollection(const std::string&) override {
    ++dropped;
    return absl::OkStatus();
  }
  absl::StatusOr<Search> Find(const std::string&, const QuestionSet& set, const Question& question, int top_k,
                              const std::string&) override {
    if (Gone()) return absl::UnavailableError("gone");
    Search search;
    for (size_t i = 0; i < set.documents.size() && static_cast<int>(search.passages.size()) < top_k; ++i) {
      if (question.exclude_documents == std::vector<int>{static_cast<int>(i)}) continue;
      Passage passage;
      passage.document = static_cast<int>(i);
      passage.text = set.documents[i].text;
      search.passages.push_back(passage);
    }
    return search;
  }
  absl::StatusOr<int64_t> CountTokens(const std::string&, const std::string& text) override {
    return static_cast<int64_t>(
        std::vector<std::string>(absl::StrSplit(text, absl::ByAnyChar(" \n"), absl::SkipEmpty())).size());
  }
  // auto keeps the best sentences, all others what comes first.
  absl::StatusOr<Compression> Compress(const CompressCall& call) override {
    if (Gone()) return absl::UnavailableError("gone");
    if (call.method == failing_method) return absl::FailedPreconditionError("this method cannot");
    ++compressions;
    const Count count = [&](const std::string& text) { return CountTokens("", text); };
    const int64_t budget = exceed_budget ? 100'000 : call.budget;
    Compression out;
    if (call.method == "auto") {
      auto context = MakeBaseline(kBm25Fill, *call.passages, call.query, budget, 1, count);
      if (!context.ok()) return context.status();
      out.context = *std::move(context);
    } else {
      const std::vector<Word> words = WordsOf(*call.passages);
      std::vector<bool> kept(words.size());
      for (size_t i = 0; i < words.size(); ++i) {
        kept[i] = true;
        Context next = LayOut(*call.passages, words, kept);
        if (*count(next.text) > budget) break;
        out.context = std::move(next);
      }
    }
    if (bend_source) out.context.text.back() ^= 1;
    out.cache_hit = last_tenant_ == call.tenant;
    if (out.cache_hit && cache_differs) out.context.text += "!";
    last_tenant_ = call.tenant;
    out.steps = call.method;
    out.fidelity = 0.5;
    out.protected_found = 4;
    out.protected_kept = 1;
    out.wall_ms = out.cache_hit ? 1 : 10;
    return out;
  }
  absl::StatusOr<Generation> Generate(const std::string&, const std::string&, const std::string&,
                                      const std::string& user, int max_tokens) override {
    if (Gone()) return absl::UnavailableError("gone");
    ++generated;
    Generation out;
    out.prompt_tokens = *CountTokens("", user);
    out.first_token_ms = static_cast<double>(out.prompt_tokens);
    out.text = "I don't know.";
    for (const Question& question : set_->questions) {
      if (!absl::EndsWith(user, question.question)) continue;
      for (const std::string& answer : question.answers) {
        if (absl::StrContains(user, answer)) out.text = answer + " [1]";
      }
    }
    out.completion_tokens = std::min<int64_t>(max_tokens, 3);
    return out;
  }
  absl::StatusOr<std::vector<float>> Score(const std::string&, const std::string& context,
                                           const std::string& text) override {
    if (Gone()) return absl::UnavailableError("gone");
    ++scored;
    return absl::StrContains(context, text.substr(1)) ? std::vector<float>{-0.25f, -0.25f} : std::vector<float>{-2, -4};
  }

 private:
  bool Gone() { return calls_left >= 0 && calls_left-- == 0; }

  const QuestionSet* set_;
  std::string last_tenant_;
};

}  // namespace precis::eval
