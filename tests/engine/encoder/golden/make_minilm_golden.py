#!/usr/bin/env python3
"""Makes minilm_golden.json: token ids and embeddings of all-MiniLM-L6-v2 for texts of many kinds.

The reference is BERT written out in NumPy in double precision, straight from the safetensors file; token ids come from
the `tokenizers` package. Usage: make_minilm_golden.py MODEL_FOLDER > minilm_golden.json
Needs: numpy, safetensors, tokenizers.
"""
import json
import math
import os
import sys

import numpy as np
from safetensors.numpy import load_file
from tokenizers import Tokenizer

MAX_TOKENS = 256

TEXTS = [
    "",
    "a",
    "Hello, world!",
    "What is the capital of France?",
    "Paris is the capital and most populous city of France.",
    "The quick brown fox jumps over the lazy dog.",
    "   leading and trailing white space \t\n",
    "Numbers: 3.14159, 1,000,000, -40, 0x7fff and 6.02e23.",
    "An identifier like max_position_embeddings or std::vector<int64_t>.",
    "def add(a, b):\n    return a + b  # the sum\n",
    "SELECT name, COUNT(*) FROM users WHERE age >= 21 GROUP BY name;",
    "It is not true that the engine never stops.",
    "\u00dcber die Stra\u00dfe l\u00e4uft ein gro\u00dfer \u00c4rger.",
    "L'\u00e9t\u00e9 dernier, No\u00ebl \u00e9tait d\u00e9j\u00e0 oubli\u00e9.",
    "\u041c\u043e\u0441\u043a\u0432\u0430 \u2014 \u0441\u0442\u043e\u043b\u0438\u0446\u0430 \u0420\u043e\u0441\u0441\u0438\u0438.",
    "\u6771\u4eac\u306f\u65e5\u672c\u306e\u9996\u90fd\u3067\u3059\u3002",
    "\u5317\u4eac\u662f\u4e2d\u534e\u4eba\u6c11\u5171\u548c\u56fd\u7684\u9996\u90fd\u3002",
    "\ud55c\uad6d\uc758 \uc218\ub3c4\ub294 \uc11c\uc6b8\uc774\ub2e4.",
    "\u0627\u0644\u0642\u0627\u0647\u0631\u0629 \u0639\u0627\u0635\u0645\u0629 \u0645\u0635\u0631",
    "Emoji: \U0001F600 \U0001F680\U0001F30D and \u2764\ufe0f!",
    "antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis",
    "http://example.org/path?query=1&other=two#fragment",
    "A" * 120,
    "!?!?!?!?... --- ***",
    "one two three four five six seven eight nine ten " * 3,
    "The cat sat on the mat. " * 10,
    "Retrieval finds passages; compression keeps what matters; generation answers. " * 8,
    " ".join("word%d" % i for i in range(60)),
    " ".join(["token"] * 254),
    # Longer than the window: embedded under the policies.
    " ".join("the river %d flows into the sea of number %d ." % (i, i * 7) for i in range(40)),
    "Zebra. " * 700,
]


def erf(x):
    return np.vectorize(math.erf)(x)


class Bert:
    def __init__(self, folder):
        with open(os.path.join(folder, "config.json"), encoding="utf-8") as f:
            self.config = json.load(f)
        weights = load_file(os.path.join(folder, "model.safetensors"))
        self.w = {k: v.astype(np.float64) for k, v in weights.items() if v.dtype.kind == "f"}

    def norm(self, x, name):
        mean = x.mean(-1, keepdims=True)
        var = ((x - mean) ** 2).mean(-1, keepdims=True)
        y = (x - mean) / np.sqrt(var + self.config["layer_norm_eps"])
        return y * self.w[name + ".weight"] + self.w[name + ".bias"]

    def dense(self, x, name):
        return x @ self.w[name + ".weight"].T + self.w[name + ".bias"]

    def hidden(self, ids):
        n, heads = len(ids), self.config["num_attention_heads"]
        e = "embeddings."
        x = (self.w[e + "word_embeddings.weight"][ids] + self.w[e + "position_embeddings.weight"][:n]
             + self.w[e + "token_type_embeddings.weight"][0])
        x = self.norm(x, e + "LayerNorm")
        d = x.shape[1] // heads
        for i in range(self.config["num_hidden_layers"]):
            p = "encoder.layer.%d." % i
            q, k, v = (self.dense(x, p + "attention.self." + t).reshape(n, heads, d).transpose(1, 0, 2)
                       for t in ("query", "key", "value"))
            s = q @ k.transpose(0, 2, 1) / math.sqrt(d)
            s = np.exp(s - s.max(-1, keepdims=True))
            a = (s / s.sum(-1, keepdims=True)) @ v
            a = a.transpose(1, 0, 2).reshape(n, heads * d)
            x = self.norm(self.dense(a, p + "attention.output.dense") + x, p + "attention.output.LayerNorm")
            h = self.dense(x, p + "intermediate.dense")
            h = h * 0.5 * (1 + erf(h / math.sqrt(2)))
            x = self.norm(self.dense(h, p + "output.dense") + x, p + "output.LayerNorm")
        return x

    def embed(self, ids):
        v = self.hidden(ids).mean(0)
        return v / np.linalg.norm(v)


def numbers(v):
    return [float("%.7g" % x) for x in v]


def main():
    folder = sys.argv[1]
    model = Bert(folder)
    tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    entries = []
    for text in TEXTS:
        ids = tokenizer.encode(text).ids
        entry = {"text": text, "tokens": len(ids), "ids": ids}
        if len(ids) <= MAX_TOKENS:
            entry["vector"] = numbers(model.embed(ids))
        else:
            body, room = ids[1:-1], MAX_TOKENS - 2
            entry["truncated"] = numbers(model.embed(ids[:1] + body[:room] + ids[-1:]))
            pieces = (len(body) + room - 1) // room
            total = np.zeros(model.config["hidden_size"])
            for i in range(pieces):
                begin, end = len(body) * i // pieces, len(body) * (i + 1) // pieces
                total += model.embed(ids[:1] + body[begin:end] + ids[-1:]) * ((end - begin) / len(body))
            entry["split"] = numbers(total / np.linalg.norm(total))
        entries.append(entry)
    json.dump(entries, sys.stdout, ensure_ascii=True, separators=(",", ":"))
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
