// Shared by the encoder's tests: random numbers that are the same everywhere, contexts for each instruction set.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "cpu/isa.h"
#include "cpu/thread_pool.h"
#include "ops/context.h"

namespace precis::engine {

// Uniform in [-1, 1), the same sequence on every machine.
class TestRandom {
 public:
  explicit TestRandom(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 1) {}
  uint64_t Next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }
  float Uniform() { return static_cast<float>(Next() >> 40) / 8388608.0f - 1.0f; }
  std::vector<float> Vector(int64_t n, float scale = 1.0f) {
    std::vector<float> v(static_cast<size_t>(n));
    for (float& x : v) x = scale * Uniform();
    return v;
  }

 private:
  uint64_t state_;
};

// NaN-proof equality of every bit.
inline bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

// Calls f(context) for every instruction set of this CPU, with one thread and with three.
template <typename F>
void ForEachContext(const F& f) {
  for (const int threads : {1, 3}) {
    const auto pool = cpu::ThreadPool::Shared(threads);
    for (const cpu::IsaLevel level : cpu::AvailableIsaLevels()) f(OpContext{pool.get(), level});
  }
}

inline std::string Name(const OpContext& context) {
  return std::string(cpu::IsaLevelName(context.isa)) + ", " + std::to_string(context.pool->threads()) + " threads";
}

}  // namespace precis::engine
