// An Embedder in front of another one, with a TaggedCache between: equal text, tenant, role and model give the stored
// vector, bit by bit.
#pragma once

#include <memory>

#include "precis/cache/tagged_cache.h"
#include "precis/engine/embedder.h"

namespace precis::cache {

// A text is looked up and stored only with a tag (EmbedOptions::tags); a tag without owner (a query) is cached under
// its tenant alone. A cache that fails never fails the call. Thread-safe.
std::shared_ptr<engine::Embedder> MakeCachingEmbedder(std::shared_ptr<engine::Embedder> inner,
                                                      std::shared_ptr<TaggedCache> cache);

}  // namespace precis::cache
