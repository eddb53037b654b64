#include "methods/cluster_summary.h"

#include <algorithm>
#include <string_view>

#include "boundaries.h"
#include "methods/summary_writer.h"

namespace precis::compress {
namespace {

// A token has at most some 32 bytes: counting megabytes only to see that they do not fit would be a waste.
constexpr int64_t kBytesOfToken = 32;

// The texts that have room, best first; the first one is cut at a word where even it has none.
absl::StatusOr<std::vector<SourceText>> Read(const MethodInput& input, const std::vector<int>& blocks, int64_t room,
                                             const std::vector<int>& first_piece) {
  const engine::Tokenizer& tokenizer = input.resources.generator->tokenizer();
  const int64_t most_bytes = room * kBytesOfToken;
  std::vector<SourceText> sources;
  for (const int block : blocks) {
    for (int i = first_piece[static_cast<size_t>(block)]; i < first_piece[static_cast<size_t>(block) + 1]; ++i) {
      const Piece& piece = input.table.piece(i);
      std::string_view text = input.table.text(i);
      text = text.substr(0, static_cast<size_t>(FloorToWordEnd(
                                text, 0, std::min<int64_t>(static_cast<int64_t>(text.size()), most_bytes))));
      PRECIS_ASSIGN_OR_RETURN(int64_t tokens, tokenizer.CountTokens(text));
      const bool full = tokens > room;
      if (full) {
        if (!sources.empty()) return sources;
        while (tokens > room && !text.empty()) {
          const auto size = static_cast<int64_t>(text.size());
          text = text.substr(0, static_cast<size_t>(FloorToWordEnd(text, 0, std::min(size - 1, size * room / tokens))));
          PRECIS_ASSIGN_OR_RETURN(tokens, tokenizer.CountTokens(text));
        }
        if (text.empty()) return sources;
      }
      room -= tokens;
      sources.push_back({text, piece.verbatim() ? std::vector<int>{piece.passage} : piece.cited, {}});
      if (full) return sources;
    }
  }
  return sources;
}

}  // namespace

absl::StatusOr<ClusterSummary> SummariseCluster(const MethodInput& input, const std::vector<int>& blocks,
                                                int64_t summary_tokens) {
  std::vector<int> first_piece(input.table.draft().blocks.size() + 1, 0);
  for (int i = 0; i < input.table.size(); ++i) first_piece[static_cast<size_t>(input.table.block(i)) + 1] = i + 1;
  PRECIS_ASSIGN_OR_RETURN(const int64_t room, RoomForTexts(input, summary_tokens));
  PRECIS_ASSIGN_OR_RETURN(const std::vector<SourceText> sources, Read(input, blocks, room, first_piece));
  ClusterSummary summary;
  if (sources.empty()) return summary;
  std::vector<int> read;
  for (const SourceText& source : sources) read.insert(read.end(), source.passages.begin(), source.passages.end());
  std::sort(read.begin(), read.end());
  summary.passages_read = static_cast<int>(std::unique(read.begin(), read.end()) - read.begin());

  SummaryTask task;
  task.keep = "Keep names, numbers and opinions, also those that few of the texts have.";
  task.words = std::max<int64_t>(10, summary_tokens * 2 / 3);
  task.max_tokens = summary_tokens;
  PRECIS_ASSIGN_OR_RETURN(const WrittenSummary written, WriteSummary(input, sources, task));
  CheckedSummary checked = CheckSummary(sources, "", written.text);
  GeneratedNotes(input).unsupported += checked.unsupported;
  summary.sentences = std::move(checked.sentences);
  summary.unsupported = checked.unsupported;
  summary.from_cache = written.from_cache;
  return summary;
}

}  // namespace precis::compress
