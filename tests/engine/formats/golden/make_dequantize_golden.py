#!/usr/bin/env python3
"""Writes dequantize.bin: quantised blocks and what the reference makes of them.

Needs: pip install gguf==0.19.0 numpy. Run in this folder; the output is the same every time.

File: repeated records of
  u32 type number | u32 kind (0: dequantise, 1: quantise) | u32 stored bytes | u32 values | stored | values as f32
"""
import struct

import gguf
import numpy as np
from gguf import quants
from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType as T

BLOCKS = 24
DEQUANTIZE, QUANTIZE = 0, 1
rng = np.random.default_rng(20261124)
out = open("dequantize.bin", "wb")


def record(qtype, kind, stored, values):
    stored = np.ascontiguousarray(stored).tobytes()
    values = np.ascontiguousarray(values, dtype=np.float32)
    out.write(struct.pack("<4I", int(qtype), kind, len(stored), values.size))
    out.write(stored)
    out.write(values.tobytes())


def halves(n):
    """Scales of all sizes, subnormal halves included, no NaN or infinity."""
    value = rng.standard_normal(n) * np.exp2(rng.integers(-24, 12, n))
    return value.astype(np.float16).view(np.uint8).reshape(n, 2)


# Where the half-precision scales lie in each block; all other bytes are random.
scales = {
    T.Q4_0: [0], T.Q4_1: [0, 2], T.Q5_0: [0], T.Q5_1: [0, 2], T.Q8_0: [0],
    T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208],
}
for qtype, places in scales.items():
    elements, size = GGML_QUANT_SIZES[qtype]
    n = BLOCKS if elements == 32 else 6
    blocks = rng.integers(0, 256, (n, size), dtype=np.uint8)
    for place in places:
        blocks[:, place:place + 2] = halves(n)
    values = quants.dequantize(blocks, qtype)
    assert values.size == n * elements and np.isfinite(values).all()
    record(qtype, DEQUANTIZE, blocks, values)

# Every half, the NaNs apart: two NaNs need not be equal in their bits.
every = np.arange(65536, dtype=np.uint16)
every = every[~np.isnan(every.view(np.float16))][::4].copy()
record(T.F16, DEQUANTIZE, every, quants.dequantize(every.view(np.uint8), T.F16))
some = rng.standard_normal(512).astype(np.float32)
record(T.F32, DEQUANTIZE, some, some)
bf16 = quants.quantize(some, T.BF16)
record(T.BF16, DEQUANTIZE, bf16, quants.dequantize(bf16, T.BF16))

# Weight-like values, a block of zeros, and one that is constant.
for qtype in (T.Q4_0, T.Q4_1, T.Q8_0, T.F16, T.BF16):
    weights = (rng.standard_normal((64, 32)) * np.exp2(rng.integers(-12, 4, (64, 1)))).astype(np.float32)
    weights[0] = 0
    weights[1] = -0.375
    record(qtype, QUANTIZE, quants.quantize(weights.reshape(1, -1), qtype), weights)

# Rounding at every size of number: subnormals, ties, overflow to infinity.
bits = rng.integers(0, 2**32, 4096, dtype=np.uint64).astype(np.uint32)
bits[:2048] = (bits[:2048] & 0x80001fff) | (rng.integers(0x33000000 >> 13, 0x47800000 >> 13, 2048).astype(np.uint32) << 13)
bits[:1024] = (bits[:1024] & 0xffffe000) | 0x1000
hard = bits.view(np.float32)
hard = hard[~np.isnan(hard)]
with np.errstate(over="ignore"):
    record(T.F16, QUANTIZE, quants.quantize(hard.reshape(1, -1), T.F16), hard)
record(T.BF16, QUANTIZE, quants.quantize(hard.reshape(1, -1), T.BF16), hard)
