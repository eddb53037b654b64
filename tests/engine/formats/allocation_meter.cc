#include "engine/formats/allocation_meter.h"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace precis::engine {
namespace {

std::atomic<int64_t> held{0};
std::atomic<int64_t> peak{0};
std::atomic<int64_t> start{0};

void* Take(size_t size) {
  void* bytes = std::malloc(size == 0 ? 1 : size);
  if (bytes == nullptr) throw std::bad_alloc();
  const int64_t now = held += static_cast<int64_t>(malloc_usable_size(bytes));
  if (now > peak) peak = now;
  return bytes;
}

void Give(void* bytes) {
  if (bytes != nullptr) held -= static_cast<int64_t>(malloc_usable_size(bytes));
  std::free(bytes);
}

}  // namespace

void StartAllocationMeter() {
  start = held.load();
  peak = held.load();
}

int64_t PeakAllocatedBytes() { return peak - start; }

}  // namespace precis::engine

// The whole binary allocates through these.
void* operator new(size_t size) { return precis::engine::Take(size); }
void* operator new[](size_t size) { return precis::engine::Take(size); }
void operator delete(void* bytes) noexcept { precis::engine::Give(bytes); }
void operator delete[](void* bytes) noexcept { precis::engine::Give(bytes); }
void operator delete(void* bytes, size_t) noexcept { precis::engine::Give(bytes); }
void operator delete[](void* bytes, size_t) noexcept { precis::engine::Give(bytes); }
