#include "cache_key.h"

#include <algorithm>

#include "assemble.h"
#include "context_codec.h"
#include "precis/base/hash.h"
#include "protect.h"

namespace precis::compress {

std::string ContextCacheKey(const Request& request, const std::vector<CheckedStep>& steps, const Resources& resources) {
  Hasher hasher;
  hasher.Field("precis context").Field(int64_t{kContextSchema}).Field(request.tenant);
  bool uses_query = false;
  hasher.Field(static_cast<int64_t>(steps.size()));
  for (const CheckedStep& step : steps) {
    uses_query |= step.info.uses_query;
    hasher.Field(step.info.name).Field(int64_t{step.info.algorithm_version});
    hasher.Field(static_cast<int64_t>(step.parameters.values().size()));
    for (const auto& [name, value] : step.parameters.values()) hasher.Field(name).Field(value);
  }
  // A fallback may bring in any method of the table.
  for (const auto& method : MethodTable()) {
    const MethodInfo info = method->info();
    hasher.Field(info.name).Field(int64_t{info.algorithm_version});
  }
  hasher.Field(request.min_fidelity).Field(static_cast<int64_t>(request.fallback_policy));

  const Protection& protection = request.protection;
  hasher.Field(int64_t{kProtectionVersion});
  hasher.Field(int64_t{protection.numbers}).Field(int64_t{protection.negations});
  hasher.Field(int64_t{protection.identifiers}).Field(int64_t{protection.quotations});
  std::vector<std::string> literals = protection.literals;
  std::sort(literals.begin(), literals.end());
  hasher.Field(static_cast<int64_t>(literals.size()));
  for (const std::string& literal : literals) hasher.Field(literal);

  const ContextFormat& format = request.format;
  hasher.Field(int64_t{kLayoutVersion}).Field(static_cast<int64_t>(format.citation_style));
  hasher.Field(format.passage_separator).Field(format.omission_mark).Field(int64_t{format.include_source_line});
  hasher.Field(static_cast<int64_t>(format.reserved.size()));
  for (const std::string& reserved : format.reserved) hasher.Field(reserved);

  hasher.Field(request.budget.max_tokens).Field(request.budget.tokenizer->fingerprint());
  hasher.Field(request.budget.before).Field(request.budget.after).Field(int64_t{request.budget.estimated});
  hasher.Field(int64_t{uses_query}).Field(uses_query ? request.query : "");

  hasher.Field(static_cast<int64_t>(request.passages.size()));
  for (const Passage& passage : request.passages) {
    hasher.Field(passage.document_id).Field(passage.version_id);
    hasher.Field(passage.document_range.begin).Field(passage.document_range.end);
    hasher.Field(Sha256Hex(passage.text)).Field(passage.score);
    if (format.include_source_line) hasher.Field(SourceLine(passage));
  }

  hasher.Field(resources.embedder ? resources.embedder->info().fingerprint : "");
  hasher.Field(resources.generator ? resources.generator->info().fingerprint : "");
  hasher.Field(int64_t{resources.scorer != nullptr} + 2 * int64_t{resources.segment_scorer != nullptr});
  hasher.Field(resources.scorer_info.fingerprint);
  const Digest digest = hasher.Finish();
  return std::string(reinterpret_cast<const char*>(digest.data()), digest.size());
}

}  // namespace precis::compress
