// Sends files to DocumentService.IngestDocuments and gathers what became of each.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "cli/client.h"
#include "cli/walk.h"

namespace precis::cli {

struct IngestPlan {
  std::string tenant, collection;
  std::vector<FoundFile> files;
  std::map<std::string, v1::MetadataValue> metadata;
  int64_t max_file_bytes = 64 << 20;
  // How often a broken stream is taken up again; what was not acknowledged is sent anew, which is safe.
  int retries = 5;
};

// Called on the sending side's own threads, one call at a time.
using ResultSink = std::function<void(const FoundFile& file, const v1::IngestResult& result)>;

// OK when every file got a result (failed ones included: they are results). Files that cannot be read get a result of
// the client's own with outcome FAILED. The status is that of the stream when it broke more often than `retries`.
grpc::Status IngestFiles(Client& client, const IngestPlan& plan, const ResultSink& sink);

}  // namespace precis::cli
