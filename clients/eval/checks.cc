#include "eval/checks.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "absl/strings/str_cat.h"
#include "eval/metrics.h"

namespace precis::eval {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

bool IsGold(int document, const Question& question) {
  return std::find(question.gold_documents.begin(), question.gold_documents.end(), document) !=
         question.gold_documents.end();
}

// Which bytes of each document the context has verbatim from there.
using KeptBytes = std::map<int, std::vector<bool>>;

KeptBytes Kept(const Context& context, const std::vector<Passage>& passages, const QuestionSet& set) {
  KeptBytes kept;
  for (const Span& span : context.spans) {
    if (!span.verbatim) continue;
    const Passage& passage = passages[span.passage];
    auto& bytes = kept[passage.document];
    bytes.resize(set.documents[passage.document].text.size(), false);
    const int64_t end = std::min(static_cast<int64_t>(bytes.size()), passage.begin + span.source_end);
    for (int64_t i = passage.begin + span.source_begin; i < end; ++i) bytes[static_cast<size_t>(i)] = true;
  }
  return kept;
}

struct Part {
  int64_t kept = 0, all = 0;
  Part& operator+=(const Part& other) {
    kept += other.kept;
    all += other.all;
    return *this;
  }
};

// White space does not count: methods join words with blanks of their own.
Part PartOf(const KeptBytes& kept, const QuestionSet& set, int document, int64_t begin, int64_t end) {
  const auto found = kept.find(document);
  Part part;
  for (int64_t i = begin; i < end; ++i) {
    if (static_cast<unsigned char>(set.documents[document].text[static_cast<size_t>(i)]) <= ' ') continue;
    ++part.all;
    part.kept += found != kept.end() && found->second[static_cast<size_t>(i)];
  }
  return part;
}

}  // namespace

bool ProvenanceHolds(const Context& context, const std::vector<Passage>& passages, std::string* why) {
  int64_t at = 0;
  for (const Span& span : context.spans) {
    if (span.begin != at || span.end < span.begin || span.end > static_cast<int64_t>(context.text.size())) {
      *why = absl::StrCat("a span ", span.begin, "..", span.end, " follows byte ", at);
      return false;
    }
    at = span.end;
    if (span.verbatim) {
      if (span.passage < 0 || span.passage >= static_cast<int>(passages.size())) {
        *why = absl::StrCat("the span at ", span.begin, " has no passage");
        return false;
      }
      const std::string& source = passages[span.passage].text;
      const int64_t size = span.end - span.begin;
      if (span.source_begin < 0 || span.source_end - span.source_begin != size ||
          span.source_end > static_cast<int64_t>(source.size()) ||
          source.compare(static_cast<size_t>(span.source_begin), static_cast<size_t>(size), context.text,
                         static_cast<size_t>(span.begin), static_cast<size_t>(size)) != 0) {
        *why = absl::StrCat("the verbatim span at ", span.begin, " has not the bytes of its source");
        return false;
      }
    } else if (!span.delimiter && span.cited.empty()) {
      *why = absl::StrCat("the rewritten span at ", span.begin, " cites nothing");
      return false;
    }
  }
  if (at != static_cast<int64_t>(context.text.size())) {
    *why = absl::StrCat("the spans end at byte ", at, " of ", context.text.size());
    return false;
  }
  return true;
}

double EvidenceKept(const Context& context, const std::vector<Passage>& passages, const QuestionSet& set,
                    const Question& question) {
  const KeptBytes kept = Kept(context, passages, set);
  Part sum;
  for (const Evidence& evidence : question.evidence) {
    sum += PartOf(kept, set, evidence.document, evidence.begin, evidence.end);
  }
  return sum.all == 0 ? kNan : static_cast<double>(sum.kept) / static_cast<double>(sum.all);
}

OpinionCheck CheckOpinions(const Context& context, const std::vector<Passage>& passages, const QuestionSet& set,
                           const Question& question) {
  if (std::isnan(question.sentiment)) return {kNan, kNan};
  const KeptBytes kept = Kept(context, passages, set);
  double weight = 0, sum = 0, against = 0;
  for (const auto& [document, bytes] : kept) {
    for (const Opinion& opinion : set.documents[document].sentences) {
      const Part part = PartOf(kept, set, document, opinion.begin, opinion.end);
      if (part.kept == 0) continue;
      const double share = static_cast<double>(part.kept) / static_cast<double>(part.all);
      weight += share;
      sum += share * opinion.sentiment;
      if (opinion.sentiment * question.sentiment < 0) against += share;
    }
  }
  if (weight == 0) return {kNan, kNan};
  return {std::abs(sum / weight - question.sentiment),
          std::isnan(question.minority) ? kNan : std::abs(against / weight - question.minority)};
}

int GoldRank(const std::vector<Passage>& passages, const Question& question) {
  for (size_t i = 0; i < passages.size(); ++i) {
    if (IsGold(passages[i].document, question)) return static_cast<int>(i) + 1;
  }
  return 0;
}

MarkCheck CheckMarks(const std::string& answer, const Context& context, const std::vector<Passage>& passages,
                     const Question& question) {
  const std::vector<int> marks = CitationMarks(answer);
  if (marks.empty()) return {kNan, kNan};
  std::map<int, bool> gold;  // mark -> names a gold document
  for (const Span& span : context.spans) {
    if (span.mark > 0 && span.passage >= 0) gold[span.mark] |= IsGold(passages[span.passage].document, question);
  }
  int valid = 0, right = 0;
  for (int mark : marks) {
    const auto found = gold.find(mark);
    if (found == gold.end()) continue;
    ++valid;
    right += found->second;
  }
  const double all = static_cast<double>(marks.size());
  return {valid / all, question.gold_documents.empty() ? kNan : right / all};
}

}  // namespace precis::eval
