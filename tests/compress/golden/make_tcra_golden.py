#!/usr/bin/env python3
"""Makes tcra_golden.json: which words TCRA-LLM's semantic compression keeps of real paragraphs with all-MiniLM-L6-v2.

The plain form of the paper (arXiv 2310.15556, section 3.2): words are what white space parts; one vector of the text and
one of the text without each word; a word stays iff its distance is above the percentile of all distances. The encoder is
BERT in NumPy in double precision, straight from the safetensors file (tests/engine/encoder/golden/make_minilm_golden.py).
Usage: make_tcra_golden.py MODEL_FOLDER > tcra_golden.json
Needs: numpy, safetensors, tokenizers, torch.
"""
import json
import os
import sys

import numpy as np
import torch
from tokenizers import Tokenizer

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../engine/encoder/golden"))
import make_minilm_golden  # noqa: E402

# The script beside the encoder's test calls math.erf value by value, which takes an hour here.
make_minilm_golden.erf = lambda x: torch.erf(torch.from_numpy(x)).numpy()

PERCENTILES = [30, 50, 70]

# Public domain: Darwin 1859, Doyle 1892, Lincoln 1863, Carroll 1865, Melville 1851, and the Constitution of 1787.
TEXTS = [
    "When on board H.M.S. 'Beagle,' as naturalist, I was much struck with certain facts in the distribution of the "
    "inhabitants of South America, and in the geological relations of the present to the past inhabitants of that "
    "continent. These facts seemed to me to throw some light on the origin of species, that mystery of mysteries, as "
    "it has been called by one of our greatest philosophers.",
    "To Sherlock Holmes she is always the woman. I have seldom heard him mention her under any other name. In his eyes "
    "she eclipses and predominates the whole of her sex. It was not that he felt any emotion akin to love for Irene "
    "Adler. All emotions, and that one particularly, were abhorrent to his cold, precise but admirably balanced mind.",
    "Four score and seven years ago our fathers brought forth on this continent, a new nation, conceived in Liberty, "
    "and dedicated to the proposition that all men are created equal. Now we are engaged in a great civil war, testing "
    "whether that nation, or any nation so conceived and so dedicated, can long endure.",
    "Alice was beginning to get very tired of sitting by her sister on the bank, and of having nothing to do: once or "
    "twice she had peeped into the book her sister was reading, but it had no pictures or conversations in it.",
    "Call me Ishmael. Some years ago, never mind how long precisely, having little or no money in my purse, and nothing "
    "particular to interest me on shore, I thought I would sail about a little and see the watery part of the world.",
    "The House of Representatives shall be composed of Members chosen every second Year by the People of the several "
    "States, and the Electors in each State shall have the Qualifications requisite for Electors of the most numerous "
    "Branch of the State Legislature.",
]


def main():
    folder = sys.argv[1]
    model = make_minilm_golden.Bert(folder)
    tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()

    def embed(text):
        return model.embed(tokenizer.encode(text).ids)

    entries = []
    for text in TEXTS:
        words = text.split()
        whole = embed(text)
        distances = np.array([np.linalg.norm(whole - embed(" ".join(words[:i] + words[i + 1:])))
                              for i in range(len(words))])
        kept = {}
        for p in PERCENTILES:
            threshold = np.percentile(distances, p)
            kept[str(p)] = {"threshold": float(threshold), "words": [i for i in range(len(words)) if distances[i] > threshold]}
        entries.append({"text": text, "distances": [float("%.7g" % d) for d in distances], "kept": kept})
    json.dump(entries, sys.stdout, ensure_ascii=True, separators=(",", ":"))
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
