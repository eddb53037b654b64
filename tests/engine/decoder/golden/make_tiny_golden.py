"""Writes tiny.json: logits of the made-up models of tiny_model.h under reference_decoder.py.

    pip install numpy gguf==0.19.0
    python make_tiny_golden.py
"""

import json
import os

import numpy as np

from reference_decoder import Decoder

U64 = (1 << 64) - 1


def values(name, n):
    x = 0xCBF29CE484222325
    for c in name.encode():
        x = (x ^ c) * 0x100000001B3 & U64
    i = np.arange(1, n + 1, dtype=np.uint64)
    with np.errstate(over="ignore"):
        x = np.uint64(x) + i * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
    return ((x >> np.uint64(40)).astype(np.float64) * 2.0**-23 - 1.0).astype(np.float32)


def tiny(arch, linear):
    d = Decoder.__new__(Decoder)
    d.arch, d.layers, d.hidden, d.heads, d.kv_heads, d.dim = arch, 7, 64, 4, 2, 16
    d.eps, d.base, d.linear = np.float32(1e-5), 5000.0, linear
    d.gemma = arch == "gemma3"
    d.window = 16 if d.gemma else 0
    d.t = {}

    def add(name, shape, middle, spread):
        v = np.float32(middle) + np.float32(spread) * values(name, int(np.prod(shape)))
        d.t[name] = v.astype(np.float32).reshape(shape)

    ffn, vocabulary, q, kv = 96, 272, 64, 32
    add("token_embd.weight", (vocabulary, 64), 0, 1.0)
    add("output_norm.weight", (64,), 1, 0.3)
    if arch == "qwen2":
        add("output.weight", (vocabulary, 64), 0, 0.5)
    for i in range(d.layers):
        p = f"blk.{i}."
        for norm in ["attn_norm", "ffn_norm"] + (["post_attention_norm", "post_ffw_norm"] if d.gemma else []):
            add(p + norm + ".weight", (64,), 1, 0.3)
        for name, shape in {
            "attn_q": (q, 64), "attn_k": (kv, 64), "attn_v": (kv, 64), "attn_output": (64, q),
            "ffn_gate": (ffn, 64), "ffn_up": (ffn, 64), "ffn_down": (64, ffn),
        }.items():
            add(p + name + ".weight", shape, 0, 0.3)
        if arch == "qwen2":
            for name, size in {"attn_q": q, "attn_k": kv, "attn_v": kv}.items():
                add(p + name + ".bias", (size,), 0, 0.5)
        if d.gemma:
            add(p + "attn_q_norm.weight", (16,), 1, 0.3)
            add(p + "attn_k_norm.weight", (16,), 1, 0.3)
    return d


def main():
    ids = [(i * 37 + i * i * 11 + 5) % 272 for i in range(80)]
    golden = []
    for arch, linear in [("llama", 1.0), ("qwen2", 1.0), ("gemma3", 1.0), ("llama", 4.0), ("gemma3", 8.0)]:
        logits = tiny(arch, linear).forward(ids)
        golden.append({
            "arch": arch,
            "linear": linear,
            "logits": {str(p): [round(float(v), 5) for v in logits[p]] for p in (0, 15, 16, 40, 79)},
        })
        print(arch, linear, logits[79][:4], np.abs(logits).max())
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "tiny.json"), "w") as f:
        json.dump(golden, f, separators=(",", ":"))
        f.write("\n")


if __name__ == "__main__":
    main()
