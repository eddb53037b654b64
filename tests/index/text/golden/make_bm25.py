#!/usr/bin/env python3
"""Writes bm25.json: scores of bm25s 0.3.16 (method "lucene", k1 1.2, b 0.75) over texts of plain lower-case words.

bm25s leaves out the constant factor (k1 + 1) of the formula, as Lucene does since 8.0: it is put back here.
Usage: make_bm25.py > bm25.json
"""
import json
import random

import bm25s
import numpy as np

K1, B = 1.2, 0.75
rng = random.Random(7)
vocabulary = ["w" + chr(97 + i // 26) + chr(97 + i % 26) for i in range(60)]
weights = [1.0 / (i + 1) for i in range(len(vocabulary))]
texts = [rng.choices(vocabulary, weights, k=rng.randint(1, 40)) for _ in range(50)]
queries = [rng.choices(vocabulary, k=rng.randint(1, 6)) for _ in range(20)]
queries += [["absent"], [vocabulary[0], "absent", vocabulary[0]]]

retriever = bm25s.BM25(method="lucene", k1=K1, b=B, dtype="float64")
retriever.index(texts, show_progress=False)
scores = []
for query in queries:
    known = [w for w in query if any(w in text for text in texts)]
    raw = retriever.get_scores(known) if known else np.zeros(len(texts))
    scores.append([round(float(s) * (K1 + 1), 7) for s in raw])
print(json.dumps({"k1": K1, "b": B, "texts": [" ".join(t) for t in texts], "queries": [" ".join(q) for q in queries],
                  "scores": scores}))
