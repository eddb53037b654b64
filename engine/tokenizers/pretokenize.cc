#include "tokenizers/pretokenize.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "tokenizers/char_class.h"
#include "tokenizers/cutter.h"

namespace precis::engine {
namespace {

// Cuts at characters of `flags`: dropped, one word each, or kept together as a run.
enum class At { kDrop, kEach, kRun };

template <typename Emit>
void CutAt(std::string_view word, uint16_t flags, At what, const Emit& emit) {
  const CharClasses classes;
  for (size_t begin = 0; begin < word.size();) {
    const size_t hit = classes.SkipNone(word, begin, flags);
    emit(begin, hit);
    if (hit == word.size()) return;
    begin =
        what == At::kRun ? classes.SkipAny(word, hit, flags) : hit + static_cast<size_t>(classes.At(word, hit).length);
    if (what != At::kDrop) emit(hit, begin);
  }
}

// A pre-tokenizer that rewrites each word: `rewrite(word, rewriter)` writes all of its bytes.
template <typename Rewrite>
void RewriteWords(AlignedText* text, std::vector<TextRange>* words, const Rewrite& rewrite) {
  TextRewriter rewriter(text);
  for (TextRange& word : *words) {
    const uint32_t begin = rewriter.size();
    rewrite(word, &rewriter);
    word = {begin, rewriter.size()};
  }
  rewriter.Finish();
}

class PrefixSpace final : public PreTokenizer {
 public:
  void Apply(AlignedText* text, std::vector<TextRange>* words, std::vector<TextRange>*) const override {
    RewriteWords(text, words, [](const TextRange& word, TextRewriter* rewriter) {
      if (rewriter->bytes()[word.begin] != ' ') rewriter->Replace(word.begin, word.begin, " ");
      rewriter->Keep(word.begin, word.end);
    });
  }
  std::string Description() const override { return "prefix-space"; }
};

class Metaspace final : public PreTokenizer {
 public:
  explicit Metaspace(const MetaspaceOptions& options)
      : options_(options), split_(MakeStringSplit(options.replacement, SplitBehavior::kMergedWithNext)) {}

  void Apply(AlignedText* text, std::vector<TextRange>* words, std::vector<TextRange>* spare) const override {
    // The first word of the source, not of what follows a special token.
    const uint32_t first = text->source_begin() == 0 ? 0 : UINT32_MAX;
    RewriteWords(text, words, [&](const TextRange& word, TextRewriter* rewriter) {
      const std::string_view bytes = rewriter->bytes();
      const bool wanted = options_.prepend == MetaspaceOptions::Prepend::kAlways ||
                          (options_.prepend == MetaspaceOptions::Prepend::kFirst && word.begin == first);
      const std::string_view own = bytes.substr(word.begin, word.size());
      if (wanted && !own.starts_with(' ') && !own.starts_with(options_.replacement)) {
        rewriter->Replace(word.begin, word.begin, options_.replacement);
      }
      rewriter->KeepReplacing(word.begin, word.end, ' ', options_.replacement);
    });
    if (options_.split) split_->Apply(text, words, spare);
  }

  std::string Description() const override {
    return absl::StrCat("metaspace ", static_cast<int>(options_.prepend), options_.split, " ", options_.replacement);
  }

 private:
  MetaspaceOptions options_;
  std::unique_ptr<PreTokenizer> split_;
};

}  // namespace

std::unique_ptr<PreTokenizer> MakeWhitespaceSplit() {
  return MakeCutter("whitespace-split",
                    [](std::string_view word, const auto& emit) { CutAt(word, kSpace, At::kDrop, emit); });
}

std::unique_ptr<PreTokenizer> MakeWhitespace() {
  return MakeCutter("whitespace", [](std::string_view word, const auto& emit) {
    CutAt(word, kSpace, At::kDrop, [&](size_t begin, size_t end) {
      CutAt(word.substr(begin, end - begin), kWordChar, At::kRun,
            [&](size_t from, size_t to) { emit(begin + from, begin + to); });
    });
  });
}

std::unique_ptr<PreTokenizer> MakePunctuation() {
  return MakeCutter("punctuation",
                    [](std::string_view word, const auto& emit) { CutAt(word, kBertPunct, At::kEach, emit); });
}

bool ParseSplitBehavior(std::string_view name, SplitBehavior* behavior) {
  static constexpr std::pair<std::string_view, SplitBehavior> kNames[] = {
      {"Removed", SplitBehavior::kRemoved},
      {"Isolated", SplitBehavior::kIsolated},
      {"MergedWithPrevious", SplitBehavior::kMergedWithPrevious},
      {"MergedWithNext", SplitBehavior::kMergedWithNext},
  };
  for (const auto& [known, value] : kNames) {
    if (known == name) {
      *behavior = value;
      return true;
    }
  }
  return false;
}

std::unique_ptr<PreTokenizer> MakeStringSplit(std::string separator, SplitBehavior behavior) {
  std::string description = absl::StrCat("split ", static_cast<int>(behavior), " ", separator);
  return MakeCutter(std::move(description),
                    [separator = std::move(separator), behavior](std::string_view word, const auto& emit) {
                      size_t begin = 0;
                      for (size_t at = word.find(separator); at != std::string_view::npos;) {
                        const size_t next = at + separator.size();
                        const bool with_previous = behavior == SplitBehavior::kMergedWithPrevious;
                        emit(begin, with_previous ? next : at);
                        if (behavior == SplitBehavior::kIsolated) emit(at, next);
                        begin = behavior == SplitBehavior::kMergedWithNext ? at : next;
                        at = word.find(separator, next);
                      }
                      emit(begin, word.size());
                    });
}

std::unique_ptr<PreTokenizer> MakePrefixSpace() { return std::make_unique<PrefixSpace>(); }

std::unique_ptr<PreTokenizer> MakeMetaspace(const MetaspaceOptions& options) {
  return std::make_unique<Metaspace>(options);
}

std::unique_ptr<PreTokenizer> MakeDigits(bool individual) {
  const At what = individual ? At::kEach : At::kRun;
  return MakeCutter(individual ? "digits-each" : "digits-run",
                    [what](std::string_view word, const auto& emit) { CutAt(word, kNumeric, what, emit); });
}

std::unique_ptr<PreTokenizer> MakeBertPreTokenizer() {
  return MakeCutter("bert", [](std::string_view word, const auto& emit) {
    const CharClasses classes;
    for (size_t begin = 0; begin < word.size();) {
      const size_t hit = classes.SkipNone(word, begin, kSpace | kBertPunct);
      emit(begin, hit);
      if (hit == word.size()) return;
      const CharClasses::Char c = classes.At(word, hit);
      begin = hit + static_cast<size_t>(c.length);
      if (!(c.flags & kSpace)) emit(hit, begin);
    }
  });
}

}  // namespace precis::engine
