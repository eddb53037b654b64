#include "precis/cache/caching_embedder.h"

#include <cmath>
#include <cstring>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "precis/base/hash.h"
#include "precis/base/status_macros.h"
#include "record.h"

namespace precis::cache {
namespace {

// Goes up when the key's fields or the value's layout change.
constexpr int64_t kSchema = 1;

std::string Encode(const engine::Embedding& embedding) {
  std::string value;
  value.reserve(17 + embedding.vector.size() * sizeof(float));
  AppendU64(static_cast<uint64_t>(embedding.tokens_total), &value);
  AppendU64(static_cast<uint64_t>(embedding.tokens_used), &value);
  value.push_back(embedding.truncated ? 1 : 0);
  value.append(reinterpret_cast<const char*>(embedding.vector.data()), embedding.vector.size() * sizeof(float));
  return value;
}

bool Decode(std::string_view value, int dimensions, engine::Embedding* embedding) {
  uint64_t total, used;
  if (!ReadU64(&value, &total) || !ReadU64(&value, &used)) return false;
  if (value.size() != 1 + static_cast<size_t>(dimensions) * sizeof(float)) return false;
  embedding->tokens_total = static_cast<int64_t>(total);
  embedding->tokens_used = static_cast<int64_t>(used);
  embedding->truncated = value[0] != 0;
  embedding->vector.resize(static_cast<size_t>(dimensions));
  std::memcpy(embedding->vector.data(), value.data() + 1, value.size() - 1);
  embedding->cache_hit = true;
  return true;
}

class CachingEmbedderImpl final : public CachingEmbedder {
 public:
  CachingEmbedderImpl(std::shared_ptr<engine::Embedder> inner, std::shared_ptr<TaggedCache> cache)
      : inner_(std::move(inner)), cache_(std::move(cache)) {}

  const engine::ModelInfo& info() const override { return inner_->info(); }
  const engine::Tokenizer& tokenizer() const override { return inner_->tokenizer(); }

  absl::StatusOr<std::vector<engine::Embedding>> Embed(std::span<const std::string_view> texts,
                                                       const engine::EmbedOptions& options,
                                                       const CallContext& call) override {
    return Run(texts, options, call, true);
  }
  absl::StatusOr<std::vector<engine::Embedding>> Refresh(std::span<const std::string_view> texts,
                                                         const engine::EmbedOptions& options,
                                                         const CallContext& call) override {
    return Run(texts, options, call, false);
  }

 private:
  absl::StatusOr<std::vector<engine::Embedding>> Run(std::span<const std::string_view> texts,
                                                     const engine::EmbedOptions& options, const CallContext& call,
                                                     bool look_up) {
    const bool tagged = !options.tags.empty();
    if (tagged && options.tags.size() != texts.size()) {
      return absl::InvalidArgumentError(absl::StrCat("the call has ", texts.size(), " texts but ", options.tags.size(),
                                                     " cache tags: give none, or one for each text"));
    }
    std::vector<engine::Embedding> result(texts.size());
    std::vector<std::string> keys(tagged ? texts.size() : 0);
    // The texts that the inner embedder is asked for, each once, and for every text its place among them.
    std::vector<std::string_view> missing;
    std::vector<engine::CacheTag> missing_tags;
    std::vector<int64_t> place(texts.size(), -1);
    std::unordered_map<std::string_view, int64_t> place_of_text;
    for (size_t i = 0; i < texts.size(); ++i) {
      if (tagged) {
        keys[i] = Key(options.tags[i].tenant, options, texts[i]);
        if (look_up) {
          const auto value = cache_->Get(keys[i]);
          if (value && Decode(*value, info().dimensions, &result[i])) continue;
        }
      }
      const auto [it, added] = place_of_text.emplace(texts[i], static_cast<int64_t>(missing.size()));
      if (added) {
        missing.push_back(texts[i]);
        if (tagged) missing_tags.push_back(options.tags[i]);
      }
      place[i] = it->second;
    }
    if (missing.empty()) return result;

    engine::EmbedOptions inner_options = options;
    inner_options.tags = missing_tags;
    auto computed = inner_->Embed(missing, inner_options, call);
    if (absl::IsInvalidArgument(computed.status()) && missing.size() != texts.size()) {
      // The message names a text by its index, which must be the caller's.
      return inner_->Embed(texts, options, call);
    }
    PRECIS_RETURN_IF_ERROR(computed.status());
    if (computed->size() != missing.size()) {
      return absl::InternalError(absl::StrCat("model '", info().name, "' gave ", computed->size(), " embeddings for ",
                                              missing.size(), " texts"));
    }
    std::unordered_map<std::string_view, bool> stored;
    for (size_t i = 0; i < texts.size(); ++i) {
      if (place[i] < 0) continue;
      result[i] = (*computed)[static_cast<size_t>(place[i])];
      if (tagged && !stored[keys[i]]) stored[keys[i]] = Store(keys[i], result[i], options.tags[i]);
    }
    return result;
  }

  std::string Key(std::string_view tenant, const engine::EmbedOptions& options, std::string_view text) const {
    Hasher hasher;
    hasher.Field("precis embedding").Field(kSchema).Field(tenant).Field(info().fingerprint);
    hasher.Field(static_cast<int64_t>(options.role)).Field(static_cast<int64_t>(options.long_input));
    hasher.Field(Sha256Hex(text));
    const Digest digest = hasher.Finish();
    return std::string(reinterpret_cast<const char*>(digest.data()), digest.size());
  }

  // One live owner is enough: the text is still that document's when others that spell it are gone. An error of the
  // cache is no error of the embedding.
  bool Store(const std::string& key, const engine::Embedding& embedding, const engine::CacheTag& tag) {
    std::vector<Owner> owners;
    if (!tag.owner.empty()) owners.push_back({tag.tenant, tag.owner, tag.read_epoch});
    const auto stored = cache_->Put(key, Encode(embedding), owners);
    return stored.ok() && *stored;
  }

  const std::shared_ptr<engine::Embedder> inner_;
  const std::shared_ptr<TaggedCache> cache_;
};

}  // namespace

std::shared_ptr<CachingEmbedder> MakeCachingEmbedder(std::shared_ptr<engine::Embedder> inner,
                                                     std::shared_ptr<TaggedCache> cache) {
  return std::make_shared<CachingEmbedderImpl>(std::move(inner), std::move(cache));
}

}  // namespace precis::cache
