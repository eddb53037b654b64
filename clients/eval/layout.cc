#include "eval/layout.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace precis::eval {
namespace {

constexpr char kSeparator[] = "\n\n";

void AddDelimiter(std::string_view text, int passage, int mark, Context* context) {
  const int64_t begin = static_cast<int64_t>(context->text.size());
  context->text += text;
  context->spans.push_back({begin, static_cast<int64_t>(context->text.size()), false, true, passage, 0, 0, {}, mark});
}

}  // namespace

std::vector<Word> WordsOf(const std::vector<Passage>& passages) {
  std::vector<Word> words;
  for (size_t p = 0; p < passages.size(); ++p) {
    const std::string& text = passages[p].text;
    const auto space = [&](size_t i) { return absl::ascii_isspace(static_cast<unsigned char>(text[i])); };
    for (size_t at = 0; at < text.size();) {
      if (space(at)) {
        ++at;
        continue;
      }
      size_t end = at;
      while (end < text.size() && !space(end)) ++end;
      words.push_back({static_cast<int>(p), static_cast<int64_t>(at), static_cast<int64_t>(end)});
      at = end;
    }
  }
  return words;
}

Context LayOut(const std::vector<Passage>& passages, const std::vector<Word>& words, const std::vector<bool>& kept) {
  Context context;
  int mark = 0, last_passage = -1;
  for (size_t i = 0; i < words.size(); ++i) {
    if (!kept[i]) continue;
    const Word& word = words[i];
    if (word.passage == last_passage && i > 0 && kept[i - 1]) {
      // Neighbours: the span grows, with the white space of the source.
      Span& span = context.spans.back();
      const int64_t from = span.source_end;
      context.text.append(passages[word.passage].text, static_cast<size_t>(from), static_cast<size_t>(word.end - from));
      span.source_end = word.end;
      span.end = static_cast<int64_t>(context.text.size());
      continue;
    }
    if (word.passage == last_passage) {
      AddDelimiter(" ", word.passage, mark, &context);
    } else {
      if (mark > 0) AddDelimiter(kSeparator, -1, 0, &context);
      ++mark;
      AddDelimiter(absl::StrCat("[", mark, "] "), word.passage, mark, &context);
      last_passage = word.passage;
    }
    const int64_t begin = static_cast<int64_t>(context.text.size());
    context.text.append(passages[word.passage].text, static_cast<size_t>(word.begin),
                        static_cast<size_t>(word.end - word.begin));
    context.spans.push_back(
        {begin, static_cast<int64_t>(context.text.size()), true, false, word.passage, word.begin, word.end, {}, mark});
  }
  return context;
}

Context LayOutWhole(const std::vector<Passage>& passages) {
  const std::vector<Word> words = WordsOf(passages);
  return LayOut(passages, words, std::vector<bool>(words.size(), true));
}

}  // namespace precis::eval
