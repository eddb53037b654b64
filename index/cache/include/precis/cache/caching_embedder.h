// An Embedder in front of another one, with a TaggedCache between: equal text, tenant, role and model give the stored
// vector, bit by bit.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "precis/cache/tagged_cache.h"
#include "precis/engine/embedder.h"

namespace precis::cache {

// A text is looked up and stored only with a tag (EmbedOptions::tags); a tag without owner (a query) is cached under
// its tenant alone. A cache that fails never fails the call. Thread-safe.
class CachingEmbedder : public engine::Embedder {
 public:
  // As Embed, but nothing is looked up: all is computed anew and replaces what was stored.
  virtual absl::StatusOr<std::vector<engine::Embedding>> Refresh(std::span<const std::string_view> texts,
                                                                 const engine::EmbedOptions& options,
                                                                 const CallContext& call) = 0;
};

std::shared_ptr<CachingEmbedder> MakeCachingEmbedder(std::shared_ptr<engine::Embedder> inner,
                                                     std::shared_ptr<TaggedCache> cache);

}  // namespace precis::cache
