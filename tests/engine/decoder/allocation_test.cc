// Steady decoding allocates nothing for a token.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "runtime/scheduler.h"
#include "tiny_model.h"

namespace {
std::atomic<int64_t> allocations{0};

void* Take(size_t size) {
  ++allocations;
  void* bytes = std::malloc(size == 0 ? 1 : size);
  if (bytes == nullptr) throw std::bad_alloc();
  return bytes;
}
}  // namespace

// The whole binary allocates through these.
void* operator new(size_t size) { return Take(size); }
void* operator new[](size_t size) { return Take(size); }
void operator delete(void* bytes) noexcept { std::free(bytes); }
void operator delete[](void* bytes) noexcept { std::free(bytes); }
void operator delete(void* bytes, size_t) noexcept { std::free(bytes); }
void operator delete[](void* bytes, size_t) noexcept { std::free(bytes); }

namespace precis::engine {
namespace {

TEST(Allocations, NoneForATokenAndAFewForAPage) {
  for (const bool lookup : {false, true}) {
    for (const float temperature : {0.0f, 0.7f}) {
      auto decoder = LoadTiny({}, false).value();
      const int64_t budget = 16 * decoder->kv_layout().page_bytes();
      SpeculationOptions speculation;
      speculation.lookup = lookup;
      // A number of its own: how many drafts pay follows measured times, and the counts would follow them too.
      speculation.fixed_drafts = 4;
      speculation.vocabulary = decoder->config().vocabulary;
      Scheduler scheduler(std::move(decoder), {.model = "tiny", .kv_budget_bytes = budget}, std::move(speculation));
      SequenceJob job;
      job.tokens = TinyPrompt(64);
      job.max_tokens = 400;
      job.sampling = {.temperature = temperature, .top_p = 0.9f, .seed = 3};
      int64_t tokens = 0, page = 0, at_page = 0, most_in_page = 0, before = 0, with_any = 0;
      job.on_token = [&](TokenId) {
        const int64_t now = allocations;
        // The first page also grows what is kept between steps.
        if (++tokens > 64 && now != before) ++with_any;
        before = now;
        if (tokens / 64 != page) {
          if (page > 0) most_in_page = std::max(most_in_page, now - at_page);
          page = tokens / 64;
          at_page = now;
        }
        return true;
      };
      ASSERT_TRUE(scheduler.Run(&job).ok());
      // Of 336 tokens, those that begin or end one of six pages: its record, its entries in the tables (with
      // drafts once more for each time that wrong ones filled it).
      EXPECT_LE(with_any, 4 * 6) << lookup << " " << temperature;
      EXPECT_LE(most_in_page, 16) << lookup << " " << temperature;
    }
  }
}

}  // namespace
}  // namespace precis::engine
