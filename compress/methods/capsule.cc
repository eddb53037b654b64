#include "methods/capsule.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "assemble.h"
#include "boundaries.h"
#include "fidelity.h"
#include "methods/answer_probe.h"
#include "methods/summary_tree.h"
#include "methods/summary_writer.h"
#include "methods/written_draft.h"
#include "vectors.h"

namespace precis::compress {
namespace {

// Mark of the context.
constexpr int64_t kMarkTokens = 4;
// Bytes of text by which the words of a token are estimated.
constexpr size_t kSampleBytes = 64 << 10;

class CapsuleRun {
 public:
  explicit CapsuleRun(const MethodInput& input) : input_(input) {}

  absl::StatusOr<Draft> Run() {
    absl::Time start = absl::Now();
    PRECIS_ASSIGN_OR_RETURN(probes_, ParseProbes(input_.parameters.values().at("probe_questions")));
    PRECIS_RETURN_IF_ERROR(Plan());
    PRECIS_RETURN_IF_ERROR(GatherSources());
    PRECIS_RETURN_IF_ERROR(WriteCandidates());
    input_.notes.timings.push_back({"summarise", absl::Now() - start});
    start = absl::Now();
    PRECIS_RETURN_IF_ERROR(MeasureLikeness());
    input_.notes.timings.push_back({"fidelity", absl::Now() - start});
    start = absl::Now();
    PRECIS_RETURN_IF_ERROR(MeasureAgreement());
    if (!probes_.empty()) input_.notes.timings.push_back({"probe", absl::Now() - start});
    return Choose();
  }

 private:
  struct Candidate {
    Draft draft;
    std::string text;  // as it stands in the context
    std::vector<Span> spans;
    double likeness = 0;
    std::optional<double> agreement;
    double score() const { return likeness * agreement.value_or(1); }
  };

  // Words that the budget has room for, beside what is protected.
  absl::Status Plan() {
    int64_t left = input_.fitter.budget() - kMarkTokens;
    if (!input_.required.empty()) {
      PRECIS_ASSIGN_OR_RETURN(const int64_t required, input_.fitter.Cost(input_.required));
      left = input_.fitter.budget() - required;
    }
    std::string sample;
    for (int i = 0; i < input_.table.size() && sample.size() < kSampleBytes; ++i) {
      const std::string_view text = input_.table.text(i);
      sample.append(text.substr(
          0, static_cast<size_t>(FloorToWordEnd(text, 0, static_cast<int64_t>(std::min(text.size(), kSampleBytes))))));
      sample.push_back('\n');
    }
    PRECIS_ASSIGN_OR_RETURN(const int64_t tokens, input_.request.budget.tokenizer->CountTokens(sample));
    const double words_of_token =
        static_cast<double>(CountWords(sample)) / static_cast<double>(std::max<int64_t>(1, tokens));
    words_ = std::max<int64_t>(5, static_cast<int64_t>(static_cast<double>(left) * std::min(1.0, words_of_token)));
    const int64_t window = input_.resources.generator->info().max_tokens;
    answer_tokens_ = std::min<int64_t>(2 * words_ + 32, 2048);
    if (window > 0) answer_tokens_ = std::min(answer_tokens_, std::max<int64_t>(1, window / 6));
    return absl::OkStatus();
  }

  // The passages, or where they are longer than what is read at once, summaries of their parts.
  absl::Status GatherSources() {
    PRECIS_ASSIGN_OR_RETURN(const int64_t room, RoomForTexts(input_, answer_tokens_));
    const engine::Tokenizer& tokenizer = input_.resources.generator->tokenizer();
    int64_t left = room, bytes = 0;
    std::set<std::string_view> known;  // what is sent twice is read once
    for (int i = 0; i < input_.table.size() && left >= 0; ++i) {
      const std::string_view text = input_.table.text(i);
      if (!known.insert(text).second) continue;
      bytes += static_cast<int64_t>(text.size());
      if (bytes > room * 32) left = -1;  // no token has more
      if (left < 0) break;
      PRECIS_ASSIGN_OR_RETURN(const int64_t tokens, tokenizer.CountTokens(text));
      left -= tokens + 1;
      const Piece& piece = input_.table.piece(i);
      sources_.push_back({text, piece.verbatim() ? std::vector<int>{piece.passage} : piece.cited, {}});
    }
    if (left >= 0) return absl::OkStatus();
    TreeOptions options;
    options.part_tokens = room;
    options.summary_tokens = 192;
    options.goal_tokens = room * 3 / 4;  // counted by another tokenizer
    PRECIS_ASSIGN_OR_RETURN(tree_, SummariseText(input_, options));
    sources_.clear();
    for (const auto& summary : tree_.summaries) {
      for (const SummarySentence& sentence : summary)
        sources_.push_back({sentence.text, sentence.cited, sentence.parts});
    }
    input_.notes.warnings.push_back(absl::StrCat(
        "the passages are longer than what is read at once: the candidates were written from summaries of ",
        tree_.parts.size(), " parts"));
    const std::string omitted = Omissions(tree_, Flat(tree_));
    if (!omitted.empty()) {
      input_.notes.warnings.push_back(absl::StrCat("these places of the text are not in any of them: ", omitted));
    }
    return absl::OkStatus();
  }

  static std::vector<SummarySentence> Flat(const SummaryTree& tree) {
    std::vector<SummarySentence> all;
    for (const auto& summary : tree.summaries) all.insert(all.end(), summary.begin(), summary.end());
    return all;
  }

  absl::Status WriteCandidates() {
    const auto count = input_.parameters.Int("candidates");
    GeneratedNotes(input_).candidates = static_cast<int>(count);
    for (int64_t i = 0; i < count; ++i) {
      if (input_.progress) input_.progress("summarise", i, count);
      SummaryTask task;
      task.keep = "Keep names and numbers. Do not repeat the texts.";
      task.words = words_;
      task.max_tokens = answer_tokens_;
      if (i > 0) {  // the first is the model's best guess
        task.sampling.temperature = static_cast<float>(input_.parameters.Double("temperature"));
        task.sampling.seed = static_cast<uint64_t>(input_.parameters.Int("seed") + i);
      }
      PRECIS_ASSIGN_OR_RETURN(const WrittenSummary written, WriteSummary(input_, sources_, task));
      CheckedSummary checked = CheckSummary(sources_, "", written.text);
      GeneratedNotes(input_).unsupported += checked.unsupported;
      if (checked.sentences.empty()) continue;
      PRECIS_ASSIGN_OR_RETURN(std::optional<Candidate> candidate, Truncated(std::move(checked.sentences)));
      const bool known = candidate && std::any_of(candidates_.begin(), candidates_.end(), [&](const Candidate& other) {
                           return other.text == candidate->text;
                         });
      if (candidate && !known) candidates_.push_back(*std::move(candidate));
    }
    if (candidates_.empty()) {
      return absl::FailedPreconditionError(
          absl::StrCat("none of ", count, " candidates has a word that fits the budget of ", input_.fitter.budget(),
                       " tokens and a sentence that the passages support: raise the budget or choose another method"));
    }
    return absl::OkStatus();
  }

  // The paper's hard cut-off: what stands beyond the budget earns nothing. At a sentence's end; where not even the
  // first one fits, at a word's.
  absl::StatusOr<std::optional<Candidate>> Truncated(std::vector<SummarySentence> sentences) {
    std::vector<WrittenBlock> blocks(1);
    blocks[0].sentences = std::move(sentences);
    blocks[0].blocks = ProtectedBlocks(input_);
    PRECIS_ASSIGN_OR_RETURN(const std::unique_ptr<WrittenDraft> written, WrittenDraft::Make(input_, blocks));
    const std::vector<Unit>& units = written->sentences()[0];
    const MethodInput& inner = written->input();
    const auto first = [&](int64_t last) {
      std::vector<Unit> kept = inner.required;
      kept.insert(kept.end(), units.begin(), units.begin() + last + 1);
      return kept;
    };
    const auto count = static_cast<int64_t>(units.size());
    PRECIS_ASSIGN_OR_RETURN(const int64_t last,
                            LargestFitting(count, count - 1, [&](int64_t i) { return inner.fitter.Fits(first(i)); }));
    Candidate candidate;
    if (last >= 0) {
      candidate.draft = Restrict(inner.table, Normalize(first(last), inner.table));
    } else {
      absl::StatusOr<Draft> cut = written->Fill({units[0]});
      if (absl::IsFailedPrecondition(cut.status())) return std::optional<Candidate>();
      PRECIS_RETURN_IF_ERROR(cut.status());
      candidate.draft = *std::move(cut);
    }
    Layout layout = Assemble(candidate.draft, input_.request.format);
    candidate.text = std::move(layout.text);
    candidate.spans = std::move(layout.spans);
    return std::optional<Candidate>(std::move(candidate));
  }

  absl::Status MeasureLikeness() {
    if (input_.resources.embedder == nullptr) {
      input_.notes.warnings.push_back("no encoder is loaded: candidates are compared with the passages by their words");
      return LexicalLikeness();
    }
    PRECIS_ASSIGN_OR_RETURN(const FidelityMeter meter,
                            FidelityMeter::Make(input_.request, *input_.resources.embedder, input_.call));
    for (Candidate& candidate : candidates_) {
      PRECIS_ASSIGN_OR_RETURN(const auto likeness, meter.Of(candidate.text, candidate.spans));
      candidate.likeness = likeness.value_or(0);
    }
    return absl::OkStatus();
  }

  absl::Status LexicalLikeness() {
    std::string joined;
    for (const SourceText& source : sources_) absl::StrAppend(&joined, std::string(source.text), "\n");
    std::vector<std::string_view> texts = {joined};
    for (const Candidate& candidate : candidates_) texts.push_back(candidate.text);
    const auto vectors = LexicalVectors(texts);
    for (size_t i = 0; i < candidates_.size(); ++i) candidates_[i].likeness = CosineOf(vectors[0], vectors[i + 1]);
    return absl::OkStatus();
  }

  absl::Status MeasureAgreement() {
    if (const auto wanted = static_cast<int>(input_.parameters.Int("make_probes")); wanted > 0) {
      PRECIS_ASSIGN_OR_RETURN(const std::vector<std::string> made, MakeProbes(input_, sources_, wanted));
      if (made.empty()) input_.notes.warnings.push_back("the generator wrote no question to choose by");
      probes_.insert(probes_.end(), made.begin(), made.end());
    }
    GeneratedNotes(input_).probes = static_cast<int>(probes_.size());
    if (probes_.empty()) return absl::OkStatus();
    const auto total = static_cast<int64_t>(probes_.size() * (candidates_.size() + 1));
    int64_t done = 0;
    std::vector<int> agreed(candidates_.size(), 0);
    for (const std::string& probe : probes_) {
      if (input_.progress) input_.progress("probe", done, total);
      PRECIS_ASSIGN_OR_RETURN(const std::string wanted, AnswerProbe(input_, sources_, probe));
      for (size_t c = 0; c < candidates_.size(); ++c) {
        PRECIS_ASSIGN_OR_RETURN(const std::string answer, AnswerProbe(input_, {{candidates_[c].text, {}, {}}}, probe));
        agreed[c] += SameAnswer(wanted, answer);
      }
      done += static_cast<int64_t>(candidates_.size()) + 1;
    }
    for (size_t c = 0; c < candidates_.size(); ++c) {
      candidates_[c].agreement = static_cast<double>(agreed[c]) / static_cast<double>(probes_.size());
    }
    return absl::OkStatus();
  }

  // The greatest product; of equal ones the most alike, then the first.
  Draft Choose() {
    size_t best = 0;
    for (size_t c = 1; c < candidates_.size(); ++c) {
      const Candidate &a = candidates_[c], &b = candidates_[best];
      if (a.score() > b.score() || (a.score() == b.score() && a.likeness > b.likeness)) best = c;
    }
    const Candidate& chosen = candidates_[best];
    if (input_.resources.embedder != nullptr) input_.notes.fidelity = chosen.likeness;
    GeneratedNotes(input_).agreement = chosen.agreement;
    double worst = chosen.likeness;
    for (const Candidate& candidate : candidates_) worst = std::min(worst, candidate.likeness);
    input_.notes.warnings.push_back(
        absl::StrFormat("the capsule is the best of %d different candidates: likeness %.3f%s", candidates_.size(),
                        chosen.likeness, candidates_.size() > 1 ? absl::StrFormat(", the worst has %.3f", worst) : ""));
    return chosen.draft;
  }

  const MethodInput& input_;
  int64_t words_ = 0, answer_tokens_ = 0;
  std::vector<std::string> probes_;
  SummaryTree tree_;  // whose sentences sources_ may view
  std::vector<SourceText> sources_;
  std::vector<Candidate> candidates_;
};

class Capsule final : public Method {
 public:
  MethodInfo info() const override {
    MethodInfo info;
    info.name = "capsule";
    info.description =
        "The best of several short texts by the generator: most like the passages, and with the same answers to "
        "probes.";
    info.verbatim = false;
    info.needs_generator = true;
    info.uses_generator = true;
    info.gentler = "extractive";
    info.parameters = {
        {"candidates", "int", "8", "1..64", "Texts that are written; the first greedily, the others sampled."},
        {"temperature", "double", "0.7", "0.1..2", "Of the sampled ones."},
        {"seed", "int", "1", "0..2147483647", "Of the sampled ones."},
        {"probe_questions", "string", "", "",
         "Questions, one a line: candidates that answer them as the passages do are preferred."},
        {"make_probes", "int", "0", "0..20", "Questions that the generator is asked to make from the passages."},
    };
    return info;
  }

  absl::StatusOr<Draft> Run(const MethodInput& input) const override { return CapsuleRun(input).Run(); }
};

}  // namespace

std::unique_ptr<Method> MakeCapsule() { return std::make_unique<Capsule>(); }

}  // namespace precis::compress
