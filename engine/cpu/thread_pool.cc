#include "cpu/thread_pool.h"

#include <algorithm>
#include <map>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace precis::engine::cpu {
namespace {

// About 10 microseconds on current CPUs: longer than the gap between two operations, shorter than a sleep and a wake.
constexpr int kSpins = 300;
// More ranges than threads, so that a thread which was descheduled holds the others up by a fraction of the work.
constexpr int64_t kChunksPerThread = 4;
constexpr int kMaxThreads = 256;

thread_local bool inside_job = false;

void Pause() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

int ThreadCount(int requested) {
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  return std::clamp(requested > 0 ? requested : cores, 1, kMaxThreads);
}

}  // namespace

ThreadPool::ThreadPool(int threads) {
  const int count = ThreadCount(threads);
  workers_.reserve(count - 1);
  for (int i = 1; i < count; ++i) workers_.emplace_back([this] { WorkerLoop(); });
}

ThreadPool::~ThreadPool() {
  stop_.store(true, std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

std::shared_ptr<ThreadPool> ThreadPool::Shared(int threads) {
  static std::mutex mutex;
  static auto* pools = new std::map<int, std::weak_ptr<ThreadPool>>;  // never destroyed: models may outlive main
  const int count = ThreadCount(threads);
  std::lock_guard lock(mutex);
  std::weak_ptr<ThreadPool>& slot = (*pools)[count];
  std::shared_ptr<ThreadPool> pool = slot.lock();
  if (!pool) slot = pool = std::make_shared<ThreadPool>(count);
  return pool;
}

void ThreadPool::Run(int64_t n, int64_t grain, RangeFn fn, void* context) {
  if (n <= 0) return;
  grain = std::max<int64_t>(grain, 1);
  const int64_t grains = CeilDiv(n, grain);
  if (grains == 1 || workers_.empty() || inside_job) {
    fn(context, 0, n);
    return;
  }
  std::lock_guard turn(turn_);
  const int64_t grains_per_chunk = CeilDiv(grains, std::min(grains, threads() * kChunksPerThread));
  const int64_t chunks = CeilDiv(grains, grains_per_chunk);
  job_ = {fn, context, n, grains_per_chunk * grain, chunks};
  unfinished_.store(static_cast<uint32_t>(chunks), std::memory_order_relaxed);
  unclaimed_.store(chunks, std::memory_order_release);  // publishes job_ and unfinished_
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();

  while (RunOneChunk()) {
  }
  for (int spin = 0; spin < kSpins && unfinished_.load(std::memory_order_acquire) != 0; ++spin) Pause();
  while (const uint32_t left = unfinished_.load(std::memory_order_acquire)) {
    unfinished_.wait(left, std::memory_order_acquire);
  }
}

bool ThreadPool::RunOneChunk() {
  // A look first: late comers must not run the counter down for ever.
  if (unclaimed_.load(std::memory_order_relaxed) <= 0) return false;
  const int64_t left = unclaimed_.fetch_sub(1, std::memory_order_acquire);
  if (left <= 0) return false;
  const int64_t begin = (job_.chunks - left) * job_.chunk;
  inside_job = true;
  job_.fn(job_.context, begin, std::min(job_.n, begin + job_.chunk));
  inside_job = false;
  if (unfinished_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    unfinished_.notify_all();
    return false;
  }
  return true;
}

void ThreadPool::WorkerLoop() {
  while (true) {
    const uint32_t seen = generation_.load(std::memory_order_acquire);
    if (stop_.load(std::memory_order_relaxed)) return;
    while (RunOneChunk()) {
    }
    bool changed = false;
    for (int spin = 0; spin < kSpins && !changed; ++spin) {
      Pause();
      changed = generation_.load(std::memory_order_relaxed) != seen;
    }
    if (!changed) generation_.wait(seen, std::memory_order_acquire);
  }
}

}  // namespace precis::engine::cpu
