#include "eval/needles.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "precis/base/file.h"
#include "precis/base/hash.h"
#include "precis/base/status_macros.h"
#include "precis/base/utf8.h"
#include "precis/text/sentences.h"

namespace precis::eval {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr int64_t kMaxHaystackBytes = 64 << 20;
constexpr const char* kPlaces[] = {"Harrow",    "Linden",  "Quill",   "Marlowe", "Osprey",   "Tamarind",
                                   "Verdigris", "Calder",  "Fenwick", "Juniper", "Larkspur", "Pemberton",
                                   "Saffron",   "Wexford", "Yarrow",  "Brindle"};

// A fact and a question that shares only the name with it.
struct Needle {
  std::string sentence, question, answer;
};

Needle MakeNeedle(const std::string& key) {
  const std::string hex = Sha256Hex(key);
  const auto draw = [&](size_t at, int below) {
    return static_cast<int>(std::stoul(hex.substr(at, 6), nullptr, 16)) % below;
  };
  const std::string place = kPlaces[draw(0, static_cast<int>(std::size(kPlaces)))];
  const std::string number = absl::StrFormat("%d", 10000 + draw(6, 90000));
  switch (draw(12, 3)) {
    case 0:
      return {absl::StrCat("Whoever enters the ", place, " archive types ", number, " at its door."),
              absl::StrCat("Which code unlocks the records room at ", place, "?"), number};
    case 1:
      return {absl::StrCat("The ", place, " workshop turned out ", number, " lanterns last winter."),
              absl::StrCat("How many lamps were produced at ", place, "?"), number};
    default:
      return {absl::StrCat("For repairs to its bridge the town of ", place, " set aside ", number, " crowns."),
              absl::StrCat("What sum did ", place, " budget to fix the crossing?"), number};
  }
}

absl::StatusOr<std::vector<std::string>> ReadSentences(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string extension = at->path().extension().string();
    if (at->is_regular_file() && (extension == ".txt" || extension == ".md")) files.push_back(at->path().string());
  }
  if (error) return absl::NotFoundError(absl::StrCat("cannot read the folder ", folder, ": ", error.message()));
  std::sort(files.begin(), files.end());
  std::vector<std::string> sentences;
  int64_t bytes = 0;
  for (const std::string& file : files) {
    PRECIS_ASSIGN_OR_RETURN(std::string text, ReadFile(file, kMaxHaystackBytes - bytes));
    bytes += static_cast<int64_t>(text.size());
    text = ReplaceInvalidUtf8(text);
    for (const ByteRange& range : text::SplitSentences(text)) {
      std::string sentence =
          text.substr(static_cast<size_t>(range.begin), static_cast<size_t>(range.end - range.begin));
      std::replace_if(
          sentence.begin(), sentence.end(), [](unsigned char c) { return c < ' '; }, ' ');
      sentences.push_back(std::move(sentence));
    }
  }
  if (sentences.empty()) return absl::NotFoundError(absl::StrCat(folder, " has no .txt or .md file with text"));
  return sentences;
}

absl::Status CheckPlan(const NeedlePlan& plan) {
  for (int64_t length : plan.lengths) {
    if (length < 100 || length > 200'000) {
      return absl::InvalidArgumentError(absl::StrCat("length ", length, ": 100 to 200,000 tokens are allowed"));
    }
  }
  for (int64_t depth : plan.depths) {
    if (depth < 0 || depth > 100) {
      return absl::InvalidArgumentError(absl::StrCat("depth ", depth, ": 0 to 100 percent are allowed"));
    }
  }
  if (plan.lengths.empty() || plan.depths.empty()) return absl::InvalidArgumentError("no lengths or no depths");
  if (plan.lengths.size() * plan.depths.size() * static_cast<size_t>(plan.repeats) > 10'000) {
    return absl::InvalidArgumentError("more than 10,000 needles: fewer lengths, depths or repeats");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status MakeNeedles(const NeedlePlan& plan, const std::string& folder,
                         const std::function<absl::StatusOr<int64_t>(const std::string&)>& count) {
  PRECIS_RETURN_IF_ERROR(CheckPlan(plan));
  PRECIS_ASSIGN_OR_RETURN(const std::vector<std::string> sentences, ReadSentences(plan.haystack));
  std::vector<int64_t> tokens(sentences.size(), -1);
  std::string documents, questions;
  size_t next = 0;  // haystacks take up where the last one ended, and begin anew at the end of the text
  for (int64_t length : plan.lengths) {
    for (int64_t depth : plan.depths) {
      for (int repeat = 0; repeat < plan.repeats; ++repeat) {
        const std::string id = absl::StrFormat("needle-%d-%d-%d", length, depth, repeat);
        const Needle needle = MakeNeedle(absl::StrCat(plan.seed, "/", id));
        std::vector<std::string> stack;
        std::vector<int64_t> sizes;
        int64_t total = 0;
        while (total < length) {
          if (stack.size() == sentences.size()) {
            return absl::InvalidArgumentError(absl::StrCat("the haystack has ", total, " tokens, less than the length ",
                                                           length, ": more text or a smaller length"));
          }
          const size_t i = next++ % sentences.size();
          if (tokens[i] < 0) {
            PRECIS_ASSIGN_OR_RETURN(tokens[i], count(sentences[i]));
          }
          stack.push_back(sentences[i]);
          sizes.push_back(tokens[i]);
          total += tokens[i];
        }
        // The needle stands before the first sentence at or behind its depth; at 100 % it is the last one.
        size_t place = 0;
        for (int64_t before = 0; place < stack.size() && before * 100 < depth * total; ++place) before += sizes[place];
        PRECIS_ASSIGN_OR_RETURN(const int64_t needle_tokens, count(needle.sentence));
        stack.insert(stack.begin() + static_cast<int64_t>(place), needle.sentence);
        sizes.insert(sizes.begin() + static_cast<int64_t>(place), needle_tokens);

        ordered_json question{{"id", id},
                              {"question", needle.question},
                              {"answers", {needle.answer}},
                              {"answerable", true},
                              {"overlap", "low"},
                              {"split", "heldout"},
                              {"group", id},
                              {"length", length},
                              {"depth", depth}};
        ordered_json passages = ordered_json::array();
        std::string text, holder;
        int64_t in_passage = 0;
        for (size_t i = 0; i < stack.size(); ++i) {
          if (!text.empty()) text += ' ';
          const int64_t begin = static_cast<int64_t>(text.size());
          text += stack[i];
          in_passage += sizes[i];
          const std::string document = absl::StrCat(id, "-p", passages.size());
          if (i == place) {
            holder = document;
            question["gold_documents"] = {document};
            question["evidence"] = {
                {{"document", document}, {"begin", begin}, {"end", begin + static_cast<int64_t>(stack[i].size())}}};
          }
          if (in_passage < plan.passage_tokens && i + 1 < stack.size()) continue;
          documents +=
              ordered_json{{"id", document}, {"uri", document}, {"text", text}, {"corpus", "haystack"}}.dump() + "\n";
          passages.push_back(document);
          text.clear();
          in_passage = 0;
        }
        question["passages"] = passages;
        questions += question.dump() + "\n";
        if (repeat % 2 == 0) {
          // The same haystack without the passage that holds the needle.
          question["id"] = id + "-without";
          question["answers"] = ordered_json::array();
          question["answerable"] = false;
          question["exclude_documents"] = {holder};
          question.erase("evidence");
          questions += question.dump() + "\n";
        }
      }
    }
  }
  PRECIS_RETURN_IF_ERROR(MakeFolders(folder));
  const ordered_json head{{"format", 1},
                          {"name", "needles"},
                          {"task", "needle"},
                          {"seed", plan.seed},
                          {"description", "made-up facts at given depths of " + plan.haystack}};
  PRECIS_RETURN_IF_ERROR(WriteFileDurably(folder + "/set.json", head.dump(1) + "\n"));
  PRECIS_RETURN_IF_ERROR(WriteFileDurably(folder + "/documents.jsonl", documents));
  return WriteFileDurably(folder + "/questions.jsonl", questions);
}

}  // namespace precis::eval
