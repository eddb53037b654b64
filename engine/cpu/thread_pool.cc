#include "cpu/thread_pool.h"

#include <algorithm>
#include <map>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace precis::engine::cpu {
namespace {

// How long a thread waits awake, some 150 microseconds on current CPUs: longer than the gap between two operations and
// than the last range of one. It does not yield meanwhile: on a busy machine the core would go to somebody else for
// milliseconds, and so it does when the thread sleeps.
constexpr int kSpins = 8000;
// More ranges than threads, so that a thread which was descheduled, or is slower, holds the others up by a fraction of
// the work. Ranges of one's own share cost next to nothing.
constexpr int64_t kChunksPerThread = 16;
constexpr int kMaxThreads = 256;

thread_local bool inside_job = false;

void Pause() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

// Calls `done` until it is true or the time awake is over; returns its last value.
template <typename Done>
bool WaitAwake(Done&& done) {
  for (int i = 0; i < kSpins; ++i) {
    if (done()) return true;
    Pause();
  }
  return done();
}

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

int ThreadCount(int requested) {
  const int cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  return std::clamp(requested > 0 ? requested : cores, 1, kMaxThreads);
}

constexpr uint64_t Ranges(uint64_t next, uint64_t end) { return end << 32 | next; }
constexpr uint64_t Next(uint64_t ranges) { return ranges & 0xffffffffu; }
constexpr uint64_t End(uint64_t ranges) { return ranges >> 32; }

}  // namespace

ThreadPool::ThreadPool(int threads) : threads_(ThreadCount(threads)) {
  const size_t count = static_cast<size_t>(threads_);
  shares_ = std::make_unique<Share[]>(count);
  workers_.reserve(count - 1);
  for (size_t i = 1; i < count; ++i) workers_.emplace_back([this, i] { WorkerLoop(i); });
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
  const uint64_t chunks = static_cast<uint64_t>(CeilDiv(grains, grains_per_chunk));
  const Job job{fn, context, n, grains_per_chunk * grain};
  unfinished_.store(static_cast<uint32_t>(chunks), std::memory_order_relaxed);
  const uint64_t count = static_cast<uint64_t>(threads());
  // The others first: they begin while the caller is still here.
  for (uint64_t t = count; t-- > 0;) {
    shares_[t].job = job;
    shares_[t].ranges.store(Ranges(chunks * t / count, chunks * (t + 1) / count), std::memory_order_release);
  }
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();

  Finished(Work(0));
  WaitAwake([&] { return unfinished_.load(std::memory_order_acquire) == 0; });
  while (const uint32_t left = unfinished_.load(std::memory_order_acquire)) {
    unfinished_.wait(left, std::memory_order_acquire);
  }
}

uint32_t ThreadPool::WorkOn(Share* share) {
  uint32_t done = 0;
  uint64_t ranges = share->ranges.load(std::memory_order_relaxed);
  while (Next(ranges) < End(ranges)) {
    // Whoever takes a range sees the job that it is of: the store of `ranges` published it.
    if (!share->ranges.compare_exchange_weak(ranges, ranges + 1, std::memory_order_acquire,
                                             std::memory_order_relaxed)) {
      continue;
    }
    const Job& job = share->job;
    const int64_t begin = static_cast<int64_t>(Next(ranges)) * job.chunk;
    job.fn(job.context, begin, std::min(job.n, begin + job.chunk));
    ++done;
    ranges = share->ranges.load(std::memory_order_relaxed);
  }
  return done;
}

uint32_t ThreadPool::Work(size_t own) {
  const size_t count = static_cast<size_t>(threads());
  inside_job = true;
  uint32_t done = 0;
  for (size_t i = 0; i < count; ++i) done += WorkOn(&shares_[(own + i) % count]);
  inside_job = false;
  return done;
}

void ThreadPool::Finished(uint32_t ranges) {
  if (ranges > 0 && unfinished_.fetch_sub(ranges, std::memory_order_acq_rel) == ranges) unfinished_.notify_all();
}

bool ThreadPool::HasWork(size_t own) const {
  const uint64_t ranges = shares_[own].ranges.load(std::memory_order_relaxed);
  return Next(ranges) < End(ranges);
}

void ThreadPool::WorkerLoop(size_t own) {
  while (true) {
    const uint32_t seen = generation_.load(std::memory_order_acquire);
    if (stop_.load(std::memory_order_relaxed)) return;
    Finished(Work(own));
    const bool woken = WaitAwake([&] { return HasWork(own) || generation_.load(std::memory_order_relaxed) != seen; });
    if (!woken) generation_.wait(seen, std::memory_order_acquire);
  }
}

}  // namespace precis::engine::cpu
