#include "precis/compress/compressor.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/time/clock.h"
#include "cache_key.h"
#include "chain.h"
#include "context_codec.h"
#include "validate.h"

namespace precis::compress {
namespace {

class CachedCompressor final : public Compressor {
 public:
  explicit CachedCompressor(Resources resources) : resources_(std::move(resources)) {}

  absl::StatusOr<Context> Compress(const Request& request, const CallContext& call,
                                   const ProgressSink& progress) override {
    PRECIS_RETURN_IF_ERROR(call.Check());
    PRECIS_RETURN_IF_ERROR(ValidateRequest(request));
    PRECIS_ASSIGN_OR_RETURN(const std::vector<CheckedStep> steps, CheckSteps(MethodTable(), request, resources_));

    const absl::Time start = absl::Now();
    const bool may_store = resources_.cache != nullptr && request.cache != CachePolicy::kBypass && HasEpochs(request);
    const bool may_look = may_store && request.cache == CachePolicy::kUse;
    const std::string key = may_store ? ContextCacheKey(request, steps, resources_) : "";
    if (may_look) {
      if (const auto value = resources_.cache->Get(key)) {
        if (auto context = DecodeContext(*value, request)) {
          context->receipt.cache = CacheOutcome::kHit;
          context->receipt.timings.push_back({"cache", absl::Now() - start});
          return *std::move(context);
        }
      }
    }
    const absl::Duration lookup = absl::Now() - start;
    PRECIS_ASSIGN_OR_RETURN(ChainResult result, RunChain(MethodTable(), request, steps, resources_, call, progress));
    Receipt& receipt = result.context.receipt;
    if (may_look) receipt.timings.insert(receipt.timings.begin(), {"cache", lookup});
    receipt.cache = resources_.cache == nullptr ? CacheOutcome::kNone
                    : may_look                  ? CacheOutcome::kMiss
                                                : CacheOutcome::kBypassed;
    if (may_store && result.cacheable) {
      // A cache that cannot store does not fail the call; it counts its errors itself.
      (void)resources_.cache->Put(key, EncodeContext(result.context), OwnersOf(request));
    }
    return std::move(result.context);
  }

  std::vector<MethodInfo> ListMethods() const override {
    std::vector<MethodInfo> infos = {DescribeMethod(DescribeAuto(), resources_)};
    for (const auto& method : MethodTable()) infos.push_back(DescribeMethod(method->info(), resources_));
    std::sort(infos.begin(), infos.end(), [](const MethodInfo& a, const MethodInfo& b) { return a.name < b.name; });
    return infos;
  }

 private:
  // What was made from a document can be erased only if it is known when the document was read.
  static bool HasEpochs(const Request& request) {
    return request.read_epoch != 0 || std::all_of(request.passages.begin(), request.passages.end(),
                                                  [](const Passage& p) { return p.document_id.empty(); });
  }

  static std::vector<cache::Owner> OwnersOf(const Request& request) {
    std::set<std::string> documents;
    for (const Passage& passage : request.passages) {
      if (!passage.document_id.empty()) documents.insert(passage.document_id);
    }
    std::vector<cache::Owner> owners;
    for (const std::string& document : documents) owners.push_back({request.tenant, document, request.read_epoch});
    return owners;
  }

  const Resources resources_;
};

}  // namespace

std::unique_ptr<Compressor> Compressor::Make(Resources resources) {
  return std::make_unique<CachedCompressor>(std::move(resources));
}

}  // namespace precis::compress
