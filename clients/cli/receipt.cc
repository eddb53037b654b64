#include "cli/receipt.h"

#include <unistd.h>

#include <cstdio>
#include <string>

#include "cli/terminal.h"

namespace precis::cli {
namespace {

const char* KindName(v1::ProtectedKind kind) {
  switch (kind) {
    case v1::PROTECTED_KIND_NUMBER:
      return "numbers";
    case v1::PROTECTED_KIND_NEGATION:
      return "negations";
    case v1::PROTECTED_KIND_IDENTIFIER:
      return "identifiers";
    case v1::PROTECTED_KIND_QUOTATION:
      return "quotations";
    case v1::PROTECTED_KIND_LITERAL:
      return "given texts";
    default:
      return "others";
  }
}

}  // namespace

void PrintReceipt(const v1::Receipt& receipt) {
  const auto bold = [](const std::string& text) { return Styled(text, Style::kBold, STDOUT_FILENO); };
  std::string ratio;
  if (receipt.tokens_out() > 0 && receipt.tokens_in() > receipt.tokens_out()) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, ", %.1fx fewer",
                  static_cast<double>(receipt.tokens_in()) / static_cast<double>(receipt.tokens_out()));
    ratio = buffer;
  }
  std::printf("%s  %s tokens in, %s out (budget %s%s)%s\n", bold("Receipt").c_str(),
              WithThousands(receipt.tokens_in()).c_str(), WithThousands(receipt.tokens_out()).c_str(),
              WithThousands(receipt.budget_tokens()).c_str(),
              receipt.count_mode() == v1::COUNT_MODE_ESTIMATED ? ", estimated" : "", ratio.c_str());
  std::string methods;
  for (const auto& step : receipt.steps()) methods += (methods.empty() ? "" : " | ") + OneLine(step.method(), 60);
  const char* cache = "none";
  if (receipt.cache_outcome() == v1::CACHE_OUTCOME_HIT) cache = "hit";
  if (receipt.cache_outcome() == v1::CACHE_OUTCOME_MISS) cache = "miss";
  if (receipt.cache_outcome() == v1::CACHE_OUTCOME_BYPASSED) cache = "bypassed";
  std::printf("  kept %s of %s passages, %s of %s sentences; method %s; cache %s",
              WithThousands(receipt.passages_kept()).c_str(),
              WithThousands(receipt.passages_kept() + receipt.passages_dropped()).c_str(),
              WithThousands(receipt.sentences_kept()).c_str(),
              WithThousands(receipt.sentences_kept() + receipt.sentences_dropped()).c_str(),
              methods.empty() ? "-" : methods.c_str(), cache);
  if (receipt.has_fidelity()) std::printf("; fidelity %.3f", receipt.fidelity());
  std::printf("\n");
  std::string counts;
  for (const auto& count : receipt.protected_counts()) {
    if (count.found() == 0) continue;
    counts += std::string(counts.empty() ? "" : ", ") + KindName(count.kind()) + " " + std::to_string(count.kept()) +
              " of " + std::to_string(count.found());
  }
  if (!counts.empty()) std::printf("  kept of the input's %s\n", counts.c_str());
  if (receipt.has_generated()) {
    const auto& generated = receipt.generated();
    std::printf("  written: %d of %s within the target length (mean %.2f of it)", generated.within_target_count(),
                Counted(generated.text_count(), "text").c_str(), generated.mean_length());
    if (generated.asked_again_count() > 0) std::printf(", asked again %d times", generated.asked_again_count());
    if (generated.unsupported_sentence_count() > 0) {
      std::printf(", %s without support left out", Counted(generated.unsupported_sentence_count(), "sentence").c_str());
    }
    if (generated.candidate_count() > 0) {
      std::printf("; chosen from %s", Counted(generated.candidate_count(), "candidate").c_str());
    }
    if (generated.has_answer_agreement()) {
      std::printf(", answers agree on %.0f %% of %s", generated.answer_agreement() * 100,
                  Counted(generated.probe_count(), "probe question").c_str());
    }
    std::printf("\n");
  }
  for (const auto& fallback : receipt.fallbacks()) {
    std::printf("  %s %s -> %s: %s\n", Styled("fallback", Style::kYellow, STDOUT_FILENO).c_str(),
                OneLine(fallback.from_method(), 40).c_str(), OneLine(fallback.to_method(), 40).c_str(),
                OneLine(fallback.reason(), 200).c_str());
  }
  for (const auto& warning : receipt.warnings()) {
    std::printf("  %s %s\n", Styled("note", Style::kYellow, STDOUT_FILENO).c_str(), OneLine(warning, 300).c_str());
  }
}

void NoteRerank(const v1::SearchReport& report) {
  if (report.rerank().fallback_reason().empty()) return;
  std::printf("%s not reranked by %s: %s\n", Styled("note", Style::kYellow, STDOUT_FILENO).c_str(),
              OneLine(report.rerank().name(), 80).c_str(), OneLine(report.rerank().fallback_reason(), 300).c_str());
}

}  // namespace precis::cli
