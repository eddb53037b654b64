// A fixed set of threads that share the work of one operation at a time.
//
// Work is split by OUTPUT ranges only, never along a sum, so results do not depend on the number of threads (design,
// promise 7).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace precis::engine::cpu {

// Thread-safe: calls from several threads take turns, one operation at a time. Idle threads wait awake for a
// fraction of a millisecond (the next operation of a layer follows at once), then sleep.
class ThreadPool {
 public:
  // `threads` counts the caller of ParallelFor: a pool of one starts no thread. 0: one for each core. At most 256.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // The pool of that size that the whole process shares, so that several models do not use more threads than there are
  // cores. It lives as long as somebody holds it.
  static std::shared_ptr<ThreadPool> Shared(int threads);

  int threads() const { return threads_; }

  // Calls fn(begin, end) for disjoint ranges that cover [0, n), on the caller and on the pool's threads, and returns
  // when all are done. Borders are multiples of `grain` (>= 1), which is also the least work worth a thread. `fn` may
  // not throw. Called from inside fn it runs on the calling thread alone. Allocates nothing.
  template <typename Fn>
  void ParallelFor(int64_t n, int64_t grain, Fn&& fn) {
    using Plain = std::remove_reference_t<Fn>;
    Run(
        n, grain, [](void* context, int64_t begin, int64_t end) { (*static_cast<Plain*>(context))(begin, end); },
        const_cast<std::remove_const_t<Plain>*>(std::addressof(fn)));
  }

 private:
  using RangeFn = void (*)(void* context, int64_t begin, int64_t end);

  struct Job {
    RangeFn fn = nullptr;
    void* context = nullptr;
    int64_t n = 0;
    int64_t chunk = 0;  // size of a range
  };

  // The ranges that one thread does unless others are done before it, and the job they are of: what a thread needs to
  // begin lies in one cache line of its own.
  struct alignas(64) Share {
    // Index of the next range in the low half, of the end in the high half. Ranges are taken by compare-and-swap.
    std::atomic<uint64_t> ranges{0};
    // Written by the holder of turn_ while no range of any share is unfinished; read only after a range was taken, and
    // until that range is done the job cannot end.
    Job job;
  };

  void Run(int64_t n, int64_t grain, RangeFn fn, void* context);
  // Does ranges of `own` while there are any, then those of the others; returns how many it did.
  uint32_t Work(size_t own);
  static uint32_t WorkOn(Share* share);
  void Finished(uint32_t ranges);
  bool HasWork(size_t own) const;
  void WorkerLoop(size_t own);

  const int threads_;  // known before the first worker starts
  std::vector<std::thread> workers_;
  std::unique_ptr<Share[]> shares_;  // one for each thread; the caller's is the first
  std::mutex turn_;                  // held by the caller whose job is running

  // Each on its own cache line: they are written by different threads at the same time.
  alignas(64) std::atomic<uint32_t> unfinished_{0};  // ranges not done yet
  alignas(64) std::atomic<uint32_t> generation_{0};  // counts jobs; idle threads sleep on it
  std::atomic<bool> stop_{false};
};

}  // namespace precis::engine::cpu
