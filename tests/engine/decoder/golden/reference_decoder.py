"""A plain numpy decoder over dequantised GGUF weights: what the engine's `exact` mode must agree with.

Float32 matrix products, everything else in float32 or better; no cache, no tricks. Covers llama, qwen2 and gemma3 as
their Hugging Face implementations define them, with the tensors as GGUF stores them.
"""

import numpy as np
from gguf import GGUFReader, dequantize


class Decoder:
    def __init__(self, path):
        reader = GGUFReader(path)
        self.fields = {k: f.contents() for k, f in reader.fields.items() if not k.startswith("tokenizer.ggml.")}
        self.arch = self.fields["general.architecture"]
        self.t = {}
        for tensor in reader.tensors:
            shape = [int(n) for n in tensor.shape[::-1]]
            self.t[tensor.name] = dequantize(tensor.data, tensor.tensor_type).astype(np.float32).reshape(shape)
        get = lambda key, default=None: self.fields.get(f"{self.arch}.{key}", default)
        self.layers = get("block_count")
        self.hidden = get("embedding_length")
        self.heads = get("attention.head_count")
        self.kv_heads = get("attention.head_count_kv", self.heads)
        self.dim = get("attention.key_length", self.hidden // self.heads)
        self.eps = get("attention.layer_norm_rms_epsilon")
        self.base = get("rope.freq_base", 10000.0)
        self.gemma = self.arch == "gemma3"
        self.window = get("attention.sliding_window", 0) if self.gemma else 0
        self.linear = get("rope.scaling.factor", 1.0) if get("rope.scaling.type", "none") == "linear" else 1.0

    def norm(self, x, w):
        x64 = x.astype(np.float64)
        return (x64 / np.sqrt((x64**2).mean(-1, keepdims=True) + self.eps) * w).astype(np.float32)

    def rope(self, x, positions, base, scale):  # x: [n, heads, dim]
        half = self.dim // 2
        angle = positions[:, None] / scale * base ** (-2.0 * np.arange(half) / self.dim)
        cos, sin = (f(angle)[:, None, :].astype(np.float32) for f in (np.cos, np.sin))
        out = np.empty_like(x)
        if self.arch == "llama":
            a, b = x[..., 0::2], x[..., 1::2]
            out[..., 0::2], out[..., 1::2] = a * cos - b * sin, a * sin + b * cos
        else:
            a, b = x[..., :half], x[..., half:]
            out[..., :half], out[..., half:] = a * cos - b * sin, a * sin + b * cos
        return out

    def new_cache(self):
        empty = lambda: np.zeros((0, self.kv_heads, self.dim), np.float32)
        return [[empty(), empty()] for _ in range(self.layers)]

    def forward(self, ids, cache=None):
        """Logits [n, vocabulary] of `ids`, which follow what is in `cache`."""
        t = self.t
        cache = self.new_cache() if cache is None else cache
        start = len(cache[0][0])
        n = len(ids)
        positions = np.arange(start, start + n)
        x = t["token_embd.weight"][np.asarray(ids)]
        if self.gemma:
            x = x * np.float32(np.sqrt(self.hidden))
        for i in range(self.layers):
            p = f"blk.{i}."
            local = self.window > 0 and i % 6 != 5
            base, scale = (10000.0, 1.0) if local else (self.base, self.linear)
            h = self.norm(x, t[p + "attn_norm.weight"])
            q, k, v = (h @ t[p + f"attn_{c}.weight"].T + t.get(p + f"attn_{c}.bias", 0) for c in "qkv")
            q = q.reshape(n, self.heads, self.dim)
            k = k.reshape(n, self.kv_heads, self.dim)
            v = v.reshape(n, self.kv_heads, self.dim)
            if self.gemma:
                q, k = self.norm(q, t[p + "attn_q_norm.weight"]), self.norm(k, t[p + "attn_k_norm.weight"])
            q, k = self.rope(q, positions, base, scale), self.rope(k, positions, base, scale)
            k, v = np.concatenate([cache[i][0], k]), np.concatenate([cache[i][1], v])
            cache[i] = [k, v]
            group = self.heads // self.kv_heads
            scores = np.einsum("qhd,khd->hqk", q, np.repeat(k, group, 1)) / np.float32(np.sqrt(self.dim))
            at = np.arange(len(k))[None, :]
            hidden = at > positions[:, None]
            if local:
                hidden |= at <= positions[:, None] - self.window
            scores = np.where(hidden[None], -np.inf, scores).astype(np.float64)
            scores = np.exp(scores - scores.max(-1, keepdims=True))
            scores = (scores / scores.sum(-1, keepdims=True)).astype(np.float32)
            o = np.einsum("hqk,khd->qhd", scores, np.repeat(v, group, 1)).reshape(n, -1) @ t[p + "attn_output.weight"].T
            if self.gemma:
                o = self.norm(o, t[p + "post_attention_norm.weight"])
            x = x + o
            h = self.norm(x, t[p + "ffn_norm.weight"])
            gate, up = h @ t[p + "ffn_gate.weight"].T, h @ t[p + "ffn_up.weight"].T
            if self.gemma:
                gate = 0.5 * gate * (1 + np.tanh(np.sqrt(2 / np.pi) * (gate + 0.044715 * gate**3)))
            else:
                gate = gate / (1 + np.exp(-gate.astype(np.float64))).astype(np.float32)
            o = (gate * up) @ t[p + "ffn_down.weight"].T
            if self.gemma:
                o = self.norm(o, t[p + "post_ffw_norm.weight"])
            x = x + o
        x = self.norm(x, t["output_norm.weight"])
        return x @ t.get("output.weight", t["token_embd.weight"]).T

    def greedy(self, ids, count):
        """The next `count` tokens, and by how much each one's logit leads the second best."""
        cache = self.new_cache()
        logits = self.forward(ids, cache)[-1]
        tokens, margins = [], []
        for _ in range(count):
            second, best = np.argpartition(logits, -2)[-2:]
            if logits[second] > logits[best]:
                second, best = best, second
            tokens.append(int(np.flatnonzero(logits == logits[best])[0]))
            margins.append(float(logits[best] - logits[second]))
            logits = self.forward([tokens[-1]], cache)[-1]
        return tokens, margins

    def logprobs(self, ids):
        """Natural log of P(ids[i] | ids[:i]) for i >= 1."""
        logits = self.forward(ids[:-1]).astype(np.float64)
        logits -= logits.max(-1, keepdims=True)
        logits -= np.log(np.exp(logits).sum(-1, keepdims=True))
        return [float(logits[i, ids[i + 1]]) for i in range(len(ids) - 1)]
