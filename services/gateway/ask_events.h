// The events of an answer, from what the roles replied.
#pragma once

#include "gateway/ask_prompt.h"
#include "precis/compress/citations.h"
#include "precis/v1/collection.pb.h"
#include "precis/v1/pipeline.pb.h"
#include "precis/v1/retrieval.pb.h"

namespace precis::services {

// `receipt`: null before the compression, where the caller has named the methods.
v1::AskResponse PlanEvent(const v1::AskRequest& request, const v1::Model& model, const v1::Collection& collection,
                          const WindowPlan& window, const v1::Receipt* receipt);
v1::AskResponse RetrievedEvent(const v1::AskRequest& request, const v1::SearchResponse& found);
// A citation, or that a sentence has none.
v1::AskResponse CitationEvent(int question, const compress::Citation& citation, const v1::SearchResponse& found);

// True if the caller names every method, so that the plan is known before the compression.
bool NamesItsMethods(const v1::CompressionOptions& options);

}  // namespace precis::services
