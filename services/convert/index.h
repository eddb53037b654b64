// Messages of collection.proto, document.proto and retrieval.proto <-> the index's types.
#pragma once

#include "absl/status/statusor.h"
#include "precis/index/index.h"
#include "precis/v1/collection.pb.h"
#include "precis/v1/document.pb.h"
#include "precis/v1/retrieval.pb.h"

namespace precis::services {

index::CollectionOptions FromProto(const v1::CreateCollectionRequest& request);
void ToProto(const index::CollectionInfo& info, v1::Collection* out);

void ToProto(const index::DocumentInfo& info, v1::Document* out);
void ToProto(const index::IngestResult& result, v1::IngestResult* out);

// `options` may be the default message. InvalidArgument: a value out of its bounds, a filter that means nothing.
absl::StatusOr<index::SearchRequest> MakeSearch(const std::string& tenant, const std::string& collection,
                                                const std::string& query, const v1::SearchOptions& options);
void ToProto(const index::SearchReport& report, v1::SearchReport* out);
void ToProto(const index::SearchResult& result, bool include_text, v1::SearchResponse* out);
void ToProto(const index::PassageExplanation& explanation, bool include_text, v1::PassageExplanation* out);

}  // namespace precis::services
