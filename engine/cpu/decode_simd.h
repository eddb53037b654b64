// How a file of the decoder's kernels says for which instruction set it is compiled.
//
// decode_scalar.cc, decode_avx2.cc and decode_avx512.cc include the same `-inl.h` files between these two marks, each
// in its own namespace: no code made for a newer CPU can be picked by the linker for an older one. Headers of the
// standard library and of intrinsics stand before the first mark.
#pragma once

#define PRECIS_SIMD_STRING_(x) #x
#define PRECIS_SIMD_PRAGMA_(x) _Pragma(PRECIS_SIMD_STRING_(x))
#if defined(__clang__)
#define PRECIS_SIMD_BEGIN(features) \
  PRECIS_SIMD_PRAGMA_(clang attribute push(__attribute__((target(features))), apply_to = function))
#define PRECIS_SIMD_END _Pragma("clang attribute pop")
#else
#define PRECIS_SIMD_BEGIN(features) _Pragma("GCC push_options") PRECIS_SIMD_PRAGMA_(GCC target(features))
#define PRECIS_SIMD_END _Pragma("GCC pop_options")
#endif

#define PRECIS_SIMD_INLINE inline __attribute__((always_inline))
