#include "gateway/ask_events.h"

#include <algorithm>
#include <string>

#include "convert/common.h"
#include "gateway/citation_location.h"

namespace precis::services {

bool NamesItsMethods(const v1::CompressionOptions& options) {
  return !options.steps().empty() && std::none_of(options.steps().begin(), options.steps().end(),
                                                  [](const auto& step) { return step.method() == "auto"; });
}

v1::AskResponse PlanEvent(const v1::AskRequest& request, const v1::Model& model, const v1::Collection& collection,
                          const WindowPlan& window, const v1::Receipt* receipt) {
  v1::AskResponse event;
  v1::AskPlan* plan = event.mutable_plan();
  plan->set_generator_model(model.name());
  plan->set_encoder_model(collection.encoder_model());
  v1::SearchOptions* search = plan->mutable_search();
  *search = request.search();
  if (search->top_k() == 0) search->set_top_k(10);
  if (search->mode() == v1::SEARCH_MODE_UNSPECIFIED) search->set_mode(v1::SEARCH_MODE_HYBRID);
  if (search->dense_candidates() == 0) search->set_dense_candidates(std::max(50, 4 * search->top_k()));
  if (search->keyword_candidates() == 0) search->set_keyword_candidates(std::max(50, 4 * search->top_k()));
  if (NamesItsMethods(request.compression())) {
    *plan->mutable_steps() = request.compression().steps();
  } else if (receipt != nullptr) {
    for (const v1::StepReceipt& step : receipt->steps()) plan->add_steps()->set_method(step.method());
  }
  plan->set_budget_tokens(window.budget);
  plan->set_window_tokens(model.max_tokens());
  plan->set_max_answer_tokens(static_cast<int32_t>(window.max_answer));
  if (receipt != nullptr && !receipt->plan().empty()) plan->add_reasons(receipt->plan());
  for (const std::string& note : window.notes) plan->add_reasons(note);
  return event;
}

v1::AskResponse RetrievedEvent(const v1::AskRequest& request, const v1::SearchResponse& found) {
  v1::AskResponse event;
  *event.mutable_retrieved()->mutable_passages() = found.passages();
  *event.mutable_retrieved()->mutable_report() = found.report();
  if (!request.search().include_text()) {
    for (v1::Passage& passage : *event.mutable_retrieved()->mutable_passages()) passage.clear_text();
  }
  return event;
}

v1::AskResponse CitationEvent(int question, const compress::Citation& citation, const v1::SearchResponse& found) {
  v1::AskResponse event;
  if (citation.support == compress::SupportKind::kUnsupported) {
    event.mutable_unsupported()->set_question_index(question);
    ToProto(citation.answer, event.mutable_unsupported()->mutable_answer_range());
    return event;
  }
  const v1::Passage& passage = found.passages(citation.passage);
  v1::Citation* out = event.mutable_citation();
  out->set_question_index(question);
  ToProto(citation.answer, out->mutable_answer_range());
  out->set_passage_index(citation.passage);
  out->set_document_id(passage.document_id());
  out->set_version_id(passage.version_id());
  out->set_uri(passage.uri());
  ToProto(citation.document_range, out->mutable_document_range());
  if (passage.has_location()) *out->mutable_location() = LocationInPassage(passage, citation.source);
  out->set_support_kind(citation.support == compress::SupportKind::kMarker ? v1::SUPPORT_KIND_MARKER
                                                                           : v1::SUPPORT_KIND_SUPPORT_TEST);
  out->set_support_score(citation.score);
  return event;
}

}  // namespace precis::services
