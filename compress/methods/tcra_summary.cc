#include "methods/tcra_summary.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "boundaries.h"
#include "methods/summary_writer.h"
#include "methods/written_draft.h"
#include "precis/base/hash.h"
#include "precis/text/sentences.h"

namespace precis::compress {
namespace {

// The paper's, largest first.
constexpr int kPercents[] = {70, 50, 30};
// A text of fewer words is no shorter in a summary.
constexpr int64_t kLeastWords = 12;

// Tokens of an answer: two for a word, and some for the end.
int64_t AnswerTokens(int64_t words) { return 2 * words + 32; }

class TcraRun {
 public:
  explicit TcraRun(const MethodInput& input) : input_(input) {}

  absl::StatusOr<Draft> Run() {
    const absl::Time start = absl::Now();
    PRECIS_RETURN_IF_ERROR(Plan());
    PRECIS_RETURN_IF_ERROR(Summarise());
    input_.notes.timings.push_back({"summarise", absl::Now() - start});
    const absl::Time fill_start = absl::Now();
    PRECIS_ASSIGN_OR_RETURN(const std::unique_ptr<WrittenDraft> written, WrittenDraft::Make(input_, blocks_));
    std::vector<Unit> order;
    for (const int b : by_score_) {
      const auto& own = written->sentences()[static_cast<size_t>(b)];
      order.insert(order.end(), own.begin(), own.end());
      if (own.empty() && asked_[static_cast<size_t>(b)]) AddOwnSentences(written->input(), b, &order);
    }
    PRECIS_ASSIGN_OR_RETURN(Draft draft, written->Fill(order));
    Tell();
    input_.notes.timings.push_back({"select", absl::Now() - fill_start});
    return draft;
  }

 private:
  absl::Status Plan() {
    const std::string& asked = input_.parameters.values().at("percent");
    if (asked == "auto") {
      // The gentlest whose summaries fit together.
      percent_ = kPercents[2];
      for (const int percent : kPercents) {
        if (input_.tokens.total() * percent <= input_.fitter.budget() * 100) {
          percent_ = percent;
          break;
        }
      }
    } else if (!absl::SimpleAtoi(asked, &percent_)) {
      return absl::InternalError("percent is no number");
    }
    PRECIS_ASSIGN_OR_RETURN(const int64_t room, RoomForTexts(input_, AnswerTokens(kLeastWords)));
    // The answer may be as long as this share of what is read, twice: once more in the request for a shorter one.
    part_tokens_ = std::max<int64_t>(1, room * 100 / (100 + 4 * percent_));
    const Draft& draft = input_.table.draft();
    blocks_.resize(draft.blocks.size());
    asked_.assign(draft.blocks.size(), false);
    for (size_t b = 0; b < blocks_.size(); ++b) {
      blocks_[b].passage = draft.blocks[b].passage;
      blocks_[b].blocks = {static_cast<int>(b)};
      by_score_.push_back(static_cast<int>(b));
    }
    const auto score = [&](int b) {
      const Piece& first = draft.blocks[static_cast<size_t>(b)].pieces.front();
      return input_.request.passages[static_cast<size_t>(first.verbatim() ? first.passage : first.cited.front())].score;
    };
    std::stable_sort(by_score_.begin(), by_score_.end(), [&](int a, int b) { return score(a) > score(b); });
    return absl::OkStatus();
  }

  // Passage by passage, best first, until the budget is full: what has no room is not written.
  absl::Status Summarise() {
    const engine::Tokenizer& counted = *input_.request.budget.tokenizer;
    std::vector<int> first_piece(blocks_.size() + 1, 0);
    for (int i = 0; i < input_.table.size(); ++i) first_piece[static_cast<size_t>(input_.table.block(i)) + 1] = i + 1;
    int64_t left = input_.fitter.budget();
    std::set<std::string> texts;  // digests
    const auto first_of_its_text = [&](size_t b) {
      std::string text;
      for (int i = first_piece[b]; i < first_piece[b + 1]; ++i) absl::StrAppend(&text, Sha256Hex(input_.table.text(i)));
      const bool first = texts.insert(text).second;
      repeated_ += !first;
      return first;
    };
    for (size_t n = 0; n < by_score_.size() && left > 0; ++n) {
      const auto b = static_cast<size_t>(by_score_[n]);
      if (!first_of_its_text(b)) continue;
      if (input_.progress) {
        input_.progress("summarise", static_cast<int64_t>(n), static_cast<int64_t>(by_score_.size()));
      }
      asked_[b] = true;
      left -= input_.tokens.BlockOverhead(static_cast<int>(b));
      for (int i = first_piece[b]; i < first_piece[b + 1] && left > 0; ++i) {
        PRECIS_RETURN_IF_ERROR(SummarisePiece(i, counted, &blocks_[b].sentences, &left));
      }
    }
    not_asked_ = static_cast<int>(std::count(asked_.begin(), asked_.end(), false)) - repeated_;
    return absl::OkStatus();
  }

  // A passage that is longer than the window is summarised in parts.
  absl::Status SummarisePiece(int piece, const engine::Tokenizer& counted, std::vector<SummarySentence>* sentences,
                              int64_t* left) {
    const engine::Tokenizer& tokenizer = input_.resources.generator->tokenizer();
    const std::string_view text = input_.table.text(piece);
    const Piece& from = input_.table.piece(piece);
    const std::vector<int> passages = from.verbatim() ? std::vector<int>{from.passage} : from.cited;
    const std::vector<ByteRange> ranges = text::SplitSentences(text, std::min<int64_t>(2000, part_tokens_));
    for (size_t first = 0; first < ranges.size() && *left > 0;) {
      int64_t room = part_tokens_;
      size_t last = first;
      for (; last < ranges.size(); ++last) {
        PRECIS_RETURN_IF_ERROR(input_.call.Check());
        PRECIS_ASSIGN_OR_RETURN(const int64_t tokens, tokenizer.CountTokens(Slice(text, ranges[last])));
        if (tokens > room && last > first) break;
        room -= tokens + 1;
      }
      const SourceText source = {Slice(text, {ranges[first].begin, ranges[last - 1].end}), passages, {}};
      PRECIS_RETURN_IF_ERROR(SummarisePart(source, counted, sentences, left));
      first = last;
    }
    return absl::OkStatus();
  }

  absl::Status SummarisePart(const SourceText& source, const engine::Tokenizer& counted,
                             std::vector<SummarySentence>* sentences, int64_t* left) {
    SummaryTask task;
    task.texts = "this text";
    task.keep = "Keep names and numbers.";
    task.words = std::max(kLeastWords, CountWords(source.text) * percent_ / 100);
    task.max_tokens = AnswerTokens(task.words);
    task.attempts = static_cast<int>(input_.parameters.Int("attempts"));
    PRECIS_ASSIGN_OR_RETURN(const WrittenSummary written, WriteSummary(input_, {source}, task));
    CheckedSummary checked = CheckSummary({source}, "", written.text);
    GeneratedNotes(input_).unsupported += checked.unsupported;
    for (SummarySentence& sentence : checked.sentences) {
      if (!said_.insert(CollapseSpace(sentence.text)).second) continue;  // by a passage like it
      PRECIS_ASSIGN_OR_RETURN(const int64_t tokens, counted.CountTokens(sentence.text));
      *left -= tokens;
      sentences->push_back(std::move(sentence));
    }
    return absl::OkStatus();
  }

  // Where nothing that was written has support, the passage speaks for itself.
  void AddOwnSentences(const MethodInput& inner, int block, std::vector<Unit>* order) {
    ++own_words_;
    for (int i = 0; i < inner.table.size(); ++i) {
      if (inner.table.block(i) != block || !inner.table.piece(i).verbatim()) continue;
      for (const ByteRange& range : text::SplitSentences(inner.table.text(i))) order->push_back({i, range});
    }
  }

  void Tell() {
    const GeneratedReceipt& generated = GeneratedNotes(input_);
    input_.notes.warnings.push_back(
        absl::StrCat("'", input_.resources.generator->info().name, "' wrote ", generated.texts, " summaries of ",
                     percent_, " % of their texts' words: ", generated.within_target, " are no longer than that"));
    if (own_words_ > 0) {
      input_.notes.warnings.push_back(absl::StrCat(
          own_words_, " passages have no summary that they support, and are shown by their own sentences"));
    }
    if (repeated_ > 0) {
      input_.notes.warnings.push_back(
          absl::StrCat(repeated_, " passages have the text of a better scored one and were left out"));
    }
    if (not_asked_ > 0) {
      input_.notes.warnings.push_back(
          absl::StrCat(not_asked_, " passages have no room for a summary and were left out, the worst scored"));
    }
  }

  const MethodInput& input_;
  int percent_ = 0;
  int64_t part_tokens_ = 0;
  std::vector<WrittenBlock> blocks_;  // one for each of the draft
  std::vector<bool> asked_;           // by block: there was room for it
  std::vector<int> by_score_;
  std::set<std::string> said_;
  int own_words_ = 0, not_asked_ = 0, repeated_ = 0;
};

class TcraSummary final : public Method {
 public:
  MethodInfo info() const override {
    MethodInfo info;
    info.name = "tcra_summary";
    info.description = "Replaces each passage, best first, by a summary of 70, 50 or 30 % of its words.";
    info.verbatim = false;
    info.needs_generator = true;
    info.uses_generator = true;
    info.gentler = "extractive";
    info.parameters = {
        {"percent", "enum", "auto", "auto|70|50|30",
         "Length of a summary in percent of its passage's words; auto: the largest that fits for all passages, else "
         "30."},
        {"attempts", "int", "3", "1..8",
         "Answers at most for one summary: while it is too long a shorter one is asked for."},
    };
    return info;
  }

  absl::StatusOr<Draft> Run(const MethodInput& input) const override { return TcraRun(input).Run(); }
};

}  // namespace

std::unique_ptr<Method> MakeTcraSummary() { return std::make_unique<TcraSummary>(); }

}  // namespace precis::compress
