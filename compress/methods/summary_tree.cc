#include "methods/summary_tree.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "boundaries.h"
#include "methods/summary_writer.h"
#include "precis/text/sentences.h"

namespace precis::compress {
namespace {

// A longer summary is no summary, and small models do not write it.
constexpr int64_t kMostSummaryTokens = 512;
constexpr int64_t kLeastSummaryTokens = 16;
// Mark and separator of a summary in the context.
constexpr int64_t kBlockTokens = 6;
// Beyond these places a list helps nobody.
constexpr size_t kMostOmissions = 8;

struct Part {
  std::vector<SourceText> sources;
  ByteRange bytes;
};

using Sentences = std::vector<SummarySentence>;

std::string Paragraph(const Sentences& sentences) {
  std::string text;
  for (const SummarySentence& sentence : sentences) absl::StrAppend(&text, text.empty() ? "" : " ", sentence.text);
  return text;
}

// Each sentence as a source of its own, for what is made from it.
void AddSources(const Sentences& sentences, std::vector<SourceText>* sources) {
  for (const SummarySentence& sentence : sentences) {
    sources->push_back({sentence.text, sentence.cited, sentence.parts});
  }
}

class TreeRun {
 public:
  TreeRun(const MethodInput& input, const TreeOptions& options) : input_(input), options_(options) {}

  absl::StatusOr<SummaryTree> Run() {
    PRECIS_RETURN_IF_ERROR(Plan());
    PRECIS_ASSIGN_OR_RETURN(const std::vector<Part> parts, Split());
    for (const Part& part : parts) tree_.parts.push_back(part.bytes);
    if (options_.incremental) {
      PRECIS_RETURN_IF_ERROR(Update(parts));
    } else {
      PRECIS_RETURN_IF_ERROR(SummariseParts(parts));
      PRECIS_RETURN_IF_ERROR(Merge());
    }
    if (tree_.summaries.empty()) {
      return absl::FailedPreconditionError(
          "nothing that the generator wrote is supported by the text: choose another method or a larger model");
    }
    return std::move(tree_);
  }

 private:
  // Sizes that leave room for two summaries beside what came before.
  absl::Status Plan() {
    const int64_t window = input_.resources.generator->info().max_tokens;
    const int64_t goal = options_.goal_tokens - kBlockTokens;
    summary_tokens_ = std::clamp(options_.incremental ? goal : std::min(goal, options_.summary_tokens),
                                 kLeastSummaryTokens, kMostSummaryTokens);
    if (window > 0) summary_tokens_ = std::min(summary_tokens_, std::max(kLeastSummaryTokens, window / 8));
    PRECIS_ASSIGN_OR_RETURN(room_, RoomForTexts(input_, summary_tokens_));
    room_ -= summary_tokens_;  // what came before
    if (room_ < 2 * summary_tokens_) {
      return absl::FailedPreconditionError(absl::StrCat("the generator's window of ", window,
                                                        " tokens is too small for summaries of ", summary_tokens_));
    }
    part_tokens_ = std::min(options_.part_tokens, room_);
    return absl::OkStatus();
  }

  // Of each of `count` summaries that fill the budget together: the prompt, what came before and the answer fit the
  // window.
  int64_t TokensFor(int64_t count) const {
    const int64_t window = input_.resources.generator->info().max_tokens;
    int64_t most = std::min(kMostSummaryTokens, room_ / 2);
    if (window > 0) most = std::min(most, (window - room_ - kPromptTokens) / 2);
    return std::max(summary_tokens_, std::min(options_.goal_tokens / count - kBlockTokens, most));
  }

  // Runs of sentences of at most part_tokens_; short passages share a part.
  absl::StatusOr<std::vector<Part>> Split() {
    const engine::Tokenizer& tokenizer = input_.resources.generator->tokenizer();
    std::vector<Part> parts;
    int64_t left = 0;
    for (int i = 0; i < input_.table.size(); ++i) {
      const std::string_view text = input_.table.text(i);
      const Piece& piece = input_.table.piece(i);
      const std::vector<int> passages = piece.verbatim() ? std::vector<int>{piece.passage} : piece.cited;
      bool runs_on = false;  // the last source is of this piece
      // No sentence may exceed a part, and no token is shorter than a byte.
      for (const ByteRange& range : text::SplitSentences(text, std::min<int64_t>(2000, part_tokens_))) {
        PRECIS_RETURN_IF_ERROR(input_.call.Check());
        PRECIS_ASSIGN_OR_RETURN(const int64_t tokens, tokenizer.CountTokens(Slice(text, range)));
        if (parts.empty() || tokens > left) {
          parts.push_back({{}, {tree_.bytes + range.begin, tree_.bytes + range.end}});
          left = part_tokens_;
          runs_on = false;
        }
        left -= tokens + 1;
        Part& part = parts.back();
        if (runs_on) {
          const auto begin = part.sources.back().text.data() - text.data();
          part.sources.back().text = Slice(text, {begin, range.end});
        } else {
          part.sources.push_back({Slice(text, range), passages, {static_cast<int>(parts.size()) - 1}});
          runs_on = true;
        }
        part.bytes.end = tree_.bytes + range.end;
      }
      tree_.bytes += static_cast<int64_t>(text.size());
    }
    return parts;
  }

  // One call. `checked` are the sources by which its sentences are judged, `read` what the generator sees.
  absl::StatusOr<Sentences> Write(const std::vector<SourceText>& read, const std::vector<SourceText>& checked,
                                  const char* what, const std::string& before, int64_t tokens, bool may_grow) {
    int64_t words = std::max<int64_t>(10, tokens * 2 / 3);
    if (!may_grow) {
      int64_t had = 0;
      for (const SourceText& source : read) had += CountWords(source.text);
      words = std::min(words, std::max<int64_t>(10, had / 2));
    }
    SummaryTask task;
    task.texts = what;
    task.keep = "Keep names, numbers and what happens.";
    task.before = before;
    task.words = words;
    task.max_tokens = tokens;
    PRECIS_ASSIGN_OR_RETURN(const WrittenSummary written, WriteSummary(input_, read, task));
    CheckedSummary result = CheckSummary(checked, before, written.text);
    GeneratedNotes(input_).unsupported += result.unsupported;
    if (may_grow) return std::move(result.sentences);  // it is to say again what came before
    std::set<std::string> said;
    for (const ByteRange& range : text::SplitSentences(before)) said.insert(CollapseSpace(Slice(before, range)));
    Sentences kept;
    for (SummarySentence& sentence : result.sentences) {
      if (said.count(CollapseSpace(sentence.text)) == 0) kept.push_back(std::move(sentence));
    }
    return kept;
  }

  void Report(const char* stage, size_t done, size_t total) const {
    if (input_.progress) input_.progress(stage, static_cast<int64_t>(done), static_cast<int64_t>(total));
  }

  absl::Status SummariseParts(const std::vector<Part>& parts) {
    const int64_t tokens = TokensFor(static_cast<int64_t>(std::max<size_t>(1, parts.size())));
    std::string before;
    for (size_t i = 0; i < parts.size(); ++i) {
      Report("summarise", i, parts.size());
      PRECIS_ASSIGN_OR_RETURN(Sentences sentences, Write(parts[i].sources, parts[i].sources,
                                                         parts.size() == 1 ? "this text" : "this part of a longer text",
                                                         before, tokens, false));
      if (options_.carry && !sentences.empty()) before = Paragraph(sentences);
      if (!sentences.empty()) tree_.summaries.push_back(std::move(sentences));
    }
    tree_.levels = 1;
    return absl::OkStatus();
  }

  // Of the target model, as they would stand in the context.
  absl::StatusOr<int64_t> Cost() const {
    int64_t cost = 0;
    for (const Sentences& summary : tree_.summaries) {
      PRECIS_ASSIGN_OR_RETURN(const int64_t tokens, input_.request.budget.tokenizer->CountTokens(Paragraph(summary)));
      cost += tokens + kBlockTokens;
    }
    return cost;
  }

  absl::Status Merge() {
    const engine::Tokenizer& tokenizer = input_.resources.generator->tokenizer();
    while (tree_.summaries.size() > 1) {
      PRECIS_ASSIGN_OR_RETURN(const int64_t cost, Cost());
      if (cost <= options_.goal_tokens) break;
      // As many groups as have room together, each of which may then fill its share.
      const auto count = static_cast<int64_t>(tree_.summaries.size());
      const int64_t groups =
          std::clamp<int64_t>(count * std::max<int64_t>(0, options_.goal_tokens) / cost, 1, count - 1);
      const auto wanted = static_cast<size_t>((count + groups - 1) / groups);
      const int64_t tokens = TokensFor(groups);
      std::vector<Sentences> next;
      std::string before;
      for (size_t begin = 0; begin < tree_.summaries.size();) {
        Report("merge", begin, tree_.summaries.size());
        std::vector<std::string> paragraphs;
        size_t end = begin;
        for (int64_t left = room_; end < tree_.summaries.size() && end - begin < wanted; ++end) {
          paragraphs.push_back(Paragraph(tree_.summaries[end]));
          PRECIS_ASSIGN_OR_RETURN(const int64_t own, tokenizer.CountTokens(paragraphs.back()));
          left -= own + 1;
          if (left < 0 && end - begin >= 2) {
            paragraphs.pop_back();
            break;
          }
        }
        if (end - begin == 1) {  // one is left over: it is as short as the others will be
          next.push_back(std::move(tree_.summaries[begin]));
          break;
        }
        std::vector<SourceText> read, checked;
        for (size_t i = begin; i < end; ++i) {
          read.push_back({paragraphs[i - begin], {}, {}});
          AddSources(tree_.summaries[i], &checked);
          for (const SummarySentence& sentence : tree_.summaries[i]) {
            read.back().passages.insert(read.back().passages.end(), sentence.cited.begin(), sentence.cited.end());
          }
        }
        PRECIS_ASSIGN_OR_RETURN(Sentences merged,
                                Write(read, checked, "these summaries of parts of one text", before, tokens, false));
        if (options_.carry && !merged.empty()) before = Paragraph(merged);
        if (!merged.empty()) next.push_back(std::move(merged));
        begin = end;
      }
      tree_.summaries = std::move(next);
      ++tree_.levels;
    }
    return absl::OkStatus();
  }

  absl::Status Update(const std::vector<Part>& parts) {
    Sentences summary;
    for (size_t i = 0; i < parts.size(); ++i) {
      Report("update", i, parts.size());
      const std::string before = Paragraph(summary);
      std::vector<SourceText> checked;
      AddSources(summary, &checked);
      checked.insert(checked.end(), parts[i].sources.begin(), parts[i].sources.end());
      PRECIS_ASSIGN_OR_RETURN(
          Sentences updated,
          Write(parts[i].sources, checked,
                before.empty() ? "this part of a longer text" : "together what came before and this part of a text",
                before, summary_tokens_, !before.empty()));
      // An answer without support must not take away what is known.
      if (!updated.empty()) summary = std::move(updated);
    }
    if (!summary.empty()) tree_.summaries.push_back(std::move(summary));
    tree_.levels = 1;
    return absl::OkStatus();
  }

  const MethodInput& input_;
  const TreeOptions& options_;
  int64_t summary_tokens_ = 0, part_tokens_ = 0, room_ = 0;
  SummaryTree tree_;
};

}  // namespace

absl::StatusOr<SummaryTree> SummariseText(const MethodInput& input, const TreeOptions& options) {
  return TreeRun(input, options).Run();
}

std::string Omissions(const SummaryTree& tree, const std::vector<SummarySentence>& kept) {
  std::vector<bool> told(tree.parts.size(), false);
  for (const SummarySentence& sentence : kept) {
    for (const int part : sentence.parts) told[static_cast<size_t>(part)] = true;
  }
  std::string list;
  size_t places = 0;
  for (size_t i = 0; i < told.size();) {
    if (told[i]) {
      ++i;
      continue;
    }
    const size_t first = i;
    while (i < told.size() && !told[i]) ++i;
    if (++places > kMostOmissions) continue;
    const auto percent = [&](int64_t at) {
      return std::llround(100.0 * static_cast<double>(at) / static_cast<double>(std::max<int64_t>(1, tree.bytes)));
    };
    absl::StrAppend(&list, list.empty() ? "" : ", ", percent(tree.parts[first].begin), " to ",
                    percent(tree.parts[i - 1].end), " %");
  }
  if (places > kMostOmissions) absl::StrAppend(&list, " and ", places - kMostOmissions, " more places");
  return list;
}

}  // namespace precis::compress
