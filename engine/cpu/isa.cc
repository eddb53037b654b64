#include "cpu/isa.h"

#include <cpuid.h>

#include <cstdint>

namespace precis::engine::cpu {
namespace {

struct CpuidResult {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

CpuidResult Cpuid(uint32_t leaf, uint32_t subleaf) {
  CpuidResult r;
  __get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx);  // leaves zeros when the leaf does not exist
  return r;
}

bool Bit(uint32_t word, int bit) { return ((word >> bit) & 1) != 0; }

// XCR0: which register states the operating system saves. Assembly, because the intrinsic would need a target
// attribute.
uint64_t Xcr0() {
  uint32_t low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<uint64_t>(high) << 32) | low;
}

CpuFeatures Detect() {
  CpuFeatures f;
  const CpuidResult leaf1 = Cpuid(1, 0);
  if (!Bit(leaf1.ecx, 27)) return f;  // OSXSAVE: without it xgetbv is an invalid instruction
  const uint64_t xcr0 = Xcr0();
  constexpr uint64_t kYmmState = 0x6;   // SSE and upper halves of YMM
  constexpr uint64_t kZmmState = 0xe6;  // and mask registers, upper halves of ZMM0-15, ZMM16-31
  const CpuidResult leaf7 = Cpuid(7, 0);
  const CpuidResult leaf7_1 = leaf7.eax >= 1 ? Cpuid(7, 1) : CpuidResult{};
  const bool fma = Bit(leaf1.ecx, 12), f16c = Bit(leaf1.ecx, 29), avx = Bit(leaf1.ecx, 28);
  f.avx2 = (xcr0 & kYmmState) == kYmmState && avx && fma && f16c && Bit(leaf7.ebx, 5);
  f.avx_vnni = f.avx2 && Bit(leaf7_1.eax, 4);
  f.avx512 = f.avx2 && (xcr0 & kZmmState) == kZmmState && Bit(leaf7.ebx, 16) && Bit(leaf7.ebx, 17) &&
             Bit(leaf7.ebx, 30) && Bit(leaf7.ebx, 31);
  f.avx512_vnni = f.avx512 && Bit(leaf7.ecx, 11);
  f.avx512_vbmi = f.avx512 && Bit(leaf7.ecx, 1);
  f.avx512_bf16 = f.avx512 && Bit(leaf7_1.eax, 5);
  return f;
}

}  // namespace

const CpuFeatures& HostFeatures() {
  static const CpuFeatures features = Detect();
  return features;
}

IsaLevel BestIsaLevel() {
  const CpuFeatures& f = HostFeatures();
  if (f.avx512) return IsaLevel::kAvx512;
  return f.avx2 ? IsaLevel::kAvx2 : IsaLevel::kScalar;
}

std::vector<IsaLevel> AvailableIsaLevels() {
  std::vector<IsaLevel> levels;
  for (const IsaLevel level : {IsaLevel::kScalar, IsaLevel::kAvx2, IsaLevel::kAvx512}) {
    if (IsAvailable(level)) levels.push_back(level);
  }
  return levels;
}

std::string_view IsaLevelName(IsaLevel level) {
  switch (level) {
    case IsaLevel::kScalar:
      return "scalar";
    case IsaLevel::kAvx2:
      return "avx2";
    case IsaLevel::kAvx512:
      return "avx512";
  }
  return "unknown";
}

}  // namespace precis::engine::cpu
