// Which instruction sets this CPU has, and which of them the kernels use.
//
// Every kernel exists for three levels and gives the same bits on each: the level is a matter of speed only, except
// where a numeric mode says otherwise. Levels are chosen at run time, never by -march.
#pragma once

#include <string_view>
#include <vector>

namespace precis::engine::cpu {

// What the CPU can do and the operating system saves (XGETBV). A flag implies the ones that its level needs.
struct CpuFeatures {
  bool avx2 = false;         // AVX2, FMA, F16C
  bool avx_vnni = false;     // vpdpbusd on 256-bit registers, VEX encoded
  bool avx512 = false;       // AVX-512 F, BW, VL, DQ
  bool avx512_vnni = false;  // vpdpbusd on 512-bit registers
  bool avx512_bf16 = false;  // vdpbf16ps
  bool avx512_vbmi = false;  // byte permutes across a register
};

// Asked once, then remembered. Thread-safe.
const CpuFeatures& HostFeatures();

// In increasing order of speed; kScalar needs nothing beyond x86-64.
enum class IsaLevel { kScalar = 0, kAvx2 = 1, kAvx512 = 2 };

// The best level of this CPU, and all of its levels from kScalar up: tests run each.
IsaLevel BestIsaLevel();
std::vector<IsaLevel> AvailableIsaLevels();

inline bool IsAvailable(IsaLevel level) { return level <= BestIsaLevel(); }

// "scalar", "avx2", "avx512".
std::string_view IsaLevelName(IsaLevel level);

}  // namespace precis::engine::cpu
