#!/usr/bin/env python3
"""The straightforward leave-one-word-out of TCRA-LLM in PyTorch, to set the speed of `tcra_semantic` beside.

    tcra_pytorch.py MODEL_FOLDER TEXT_FILE [THREADS]

MODEL_FOLDER: a BERT encoder in Hugging Face form. Every sentence is embedded whole and without each of its words: once in
a loop of single texts, once as one batch a sentence (padded; its variants are about equally long). Prints words a second
of both. Ours: compress_bench MODEL_FOLDER - TEXT_FILE 0.5 tcra_semantic, whose seconds are for the same sentences, the
choice of words and the fidelity. Needs: torch, transformers.
"""
import re
import sys
import time

import torch
from transformers import AutoModel, AutoTokenizer


def main():
    folder, path = sys.argv[1:3]
    torch.set_num_threads(int(sys.argv[3]) if len(sys.argv) > 3 else 2)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder).eval()
    text = open(path, encoding="utf-8").read()
    sentences = [s.split() for p in text.split("\n\n") for s in re.split(r"(?<=[.!?])\s+", p) if s.strip()]
    words = sum(len(s) for s in sentences)

    @torch.inference_mode()
    def embed(texts):
        batch = tokenizer(texts, padding=True, truncation=True, max_length=256, return_tensors="pt")
        hidden = model(**batch).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(-1).float()
        return torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=1)

    def variants(s):
        return [" ".join(s)] + [" ".join(s[:i] + s[i + 1:]) for i in range(len(s))]

    def batched(some):
        for s in some:
            vectors = embed(variants(s))
            (vectors[1:] - vectors[0]).norm(dim=1)

    def loop(some):
        for s in some:
            vectors = torch.cat([embed([v]) for v in variants(s)])
            (vectors[1:] - vectors[0]).norm(dim=1)

    batched(sentences[:3])
    for name, run, some in (("batched", batched, sentences), ("one by one", loop, sentences[:len(sentences) // 4])):
        start = time.perf_counter()
        run(some)
        seconds = time.perf_counter() - start
        n = sum(len(s) for s in some)
        print(f"{name}: {n} of {words} words in {seconds:.2f} s, {n / seconds:.0f} words/s", flush=True)


if __name__ == "__main__":
    main()
