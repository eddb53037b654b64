#include "src/cut.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "precis/base/status_macros.h"
#include "precis/base/utf8.h"
#include "precis/text/sentences.h"

namespace precis::split {
namespace {

constexpr int kMaxNamedCuts = 3;

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// A unit of white space says nothing. Most have a printable ASCII character; for the rest the splitter of sentences
// knows Unicode's white space.
bool IsBlank(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; }) &&
         text::SplitSentences(text).empty();
}

// Where to cut `part` so that about `target` tokens stand before the cut: behind the last white space among them, else
// at the last token that begins between characters, else behind the first character. Greater than 0.
size_t CutOffset(std::string_view part, const std::vector<engine::Token>& tokens, size_t target) {
  const int64_t limit = target < tokens.size() ? tokens[target].bytes.begin : static_cast<int64_t>(part.size());
  size_t hard = FloorToCharBoundary(part, static_cast<size_t>(std::clamp<int64_t>(limit, 0, part.size())));
  for (size_t i = hard; i > hard / 2; --i) {
    if (IsSpace(part[i - 1])) return i;
  }
  return hard > 0 ? hard : static_cast<size_t>(DecodeUtf8(part, 0).length);
}

class Cutter {
 public:
  Cutter(std::string_view text, const SplitOptions& options, std::vector<std::string>* warnings)
      : text_(text), options_(options), warnings_(warnings) {}

  absl::Status Cut(const Unit& unit, std::vector<Unit>* out) {
    Unit rest = unit;
    const auto max = static_cast<size_t>(options_.max_tokens);
    while (!rest.range.empty()) {
      const std::string_view bytes = Slice(text_, rest.range);
      PRECIS_ASSIGN_OR_RETURN(const auto tokens, options_.tokenizer->EncodeWithOffsets(bytes, {}));
      if (tokens.size() <= max) {
        rest.tokens = static_cast<int>(tokens.size());
        out->push_back(rest);
        return absl::OkStatus();
      }
      // A prefix may have more tokens on its own than it had as a part of the whole, so each try is counted.
      size_t cut = 0, count = 0;
      for (size_t target = max;; target -= std::min(target - 1, std::max<size_t>(count - max, target / 16 + 1))) {
        cut = CutOffset(bytes, tokens, target);
        PRECIS_ASSIGN_OR_RETURN(const int64_t counted, options_.tokenizer->CountTokens(bytes.substr(0, cut)));
        count = static_cast<size_t>(counted);
        if (count <= max || target == 1) break;
      }
      if (count > max) {
        cut = static_cast<size_t>(DecodeUtf8(bytes, 0).length);
        PRECIS_ASSIGN_OR_RETURN(const int64_t counted, options_.tokenizer->CountTokens(bytes.substr(0, cut)));
        count = static_cast<size_t>(counted);
        if (count > max) {
          return absl::InvalidArgumentError(absl::StrCat("the character at byte ", rest.range.begin, " has ", count,
                                                         " tokens and a piece may have ", max, ": raise max_tokens"));
        }
      }
      Unit head = rest;
      head.range.end = rest.range.begin + static_cast<int64_t>(cut);
      head.tokens = static_cast<int>(count);
      head.whole = false;
      out->push_back(head);
      if (!IsSpace(bytes[cut - 1]) && !IsSpace(bytes[cut])) NoteCutWord(head.range.end);
      rest.range.begin = head.range.end;
      rest.border = Border::kInside;
      rest.whole = false;
    }
    return absl::OkStatus();
  }

  void Finish() {
    if (cut_words_ > kMaxNamedCuts) {
      warnings_->push_back(
          absl::StrCat(cut_words_ - kMaxNamedCuts, " more words longer than a piece were cut inside."));
    }
  }

 private:
  void NoteCutWord(int64_t place) {
    if (++cut_words_ > kMaxNamedCuts) return;
    warnings_->push_back(absl::StrCat("A word longer than a piece (", options_.max_tokens,
                                      " tokens) was cut inside, at byte ", place, "."));
  }

  std::string_view text_;
  const SplitOptions& options_;
  std::vector<std::string>* warnings_;
  int64_t cut_words_ = 0;
};

}  // namespace

absl::Status CountAndCut(std::string_view text, const SplitOptions& options, const CallContext& call,
                         std::vector<Unit>* units, std::vector<std::string>* warnings) {
  std::vector<Unit> counted;
  counted.reserve(units->size());
  Cutter cutter(text, options, warnings);
  for (size_t i = 0; i < units->size(); ++i) {
    if (i % 64 == 0) PRECIS_RETURN_IF_ERROR(call.Check());
    Unit& unit = (*units)[i];
    PRECIS_ASSIGN_OR_RETURN(const int64_t tokens, options.tokenizer->CountTokens(Slice(text, unit.range)));
    if (tokens <= options.max_tokens) {
      unit.tokens = static_cast<int>(tokens);
      counted.push_back(unit);
    } else {
      PRECIS_RETURN_IF_ERROR(cutter.Cut(unit, &counted));
    }
  }
  cutter.Finish();
  std::erase_if(counted, [&](const Unit& unit) { return IsBlank(Slice(text, unit.range)); });
  *units = std::move(counted);
  return absl::OkStatus();
}

}  // namespace precis::split
