// Sixteen float lanes, the unit in which every float kernel is written.
//
// A kernel is one template over the lane type; the three lane types do the same operations in the same order, with the
// same fusing, so the instruction set cannot change a bit of the result (design, promise 7). Each type lives in its
// own header:
//   vec16_scalar.h  Vec16Scalar  the reference
//   vec16_avx2.h    Vec16Avx2    two 256-bit registers
//   vec16_avx512.h  Vec16Avx512  one 512-bit register
// What each offers (V is the type itself):
//   static V Load(p), LoadPartial(p, n) (0 <= n <= 16; the other lanes are zero), Set(x), Zero()
//   Store(p), StorePartial(p, n)
//   + - * /, Fma(a, b, c) = a * b + c rounded once
//   Max(a, b), Min(a, b): b when one of them is NaN, as the x86 instructions do
//   SelectLess(a, b, x, y): lane by lane a < b ? x : y
//   Pow2(z): for z = 1.5 * 2^23 + n (n a whole number in -126 .. 127) the float 2^n
//   ReduceAdd(), ReduceMax(): lane i with i + 8, then i + 4, i + 2, i + 1: the one tree for all
//
// The files float_kernels_avx2.cc and float_kernels_avx512.cc are compiled with -mavx2 and so on (see CMakeLists.txt).
// The linker keeps one copy of an inline function for the whole program, so those files must not use inline functions
// that other files use too: no standard library beyond types, builtins instead of <cmath>. Everything in the -inl.h
// headers is a template over the lane type, which makes its name the file's own.
#pragma once

#include <cstdint>

namespace precis::engine::cpu {

inline constexpr int kLanes = 16;

// Lanes, rounded up.
inline constexpr int64_t PadToLanes(int64_t n) { return (n + kLanes - 1) / kLanes * kLanes; }

}  // namespace precis::engine::cpu
