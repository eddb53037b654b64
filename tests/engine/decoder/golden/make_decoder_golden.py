"""Writes NAME.json: what reference_decoder.py computes for the models that are there.

    pip install numpy gguf==0.19.0 tokenizers==0.22.1
    python make_decoder_golden.py ~/.local/share/precis/models

For each prompt: its text, its token ids, 64 greedy tokens and by how much each one's logit led the second best. For
each text: ids and the log-probability of every token but the first.
"""

import json
import os
import sys

from gguf import GGUFReader
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

from reference_decoder import Decoder

PROMPTS = [
    "The capital of France is",
    "Once upon a time, in a village by the sea,",
    "To install a package on Debian, run",
    "def fibonacci(n):\n",
    "The three primary colours are",
    "Water boils at a temperature of",
    "In 1969, the first human being to walk on the Moon was",
    "A list of fruits: apple, banana,",
    "The quick brown fox",
    "import numpy as np\n\ndef softmax(x):\n",
    "Dear Sir or Madam,\n\nI am writing to",
    "The derivative of x^2 with respect to x is",
    "Question: Why is the sky blue?\nAnswer:",
    "SELECT name, age FROM users WHERE",
    "La capitale de l'Italie est",
    "The following is a summary of the meeting held on Monday:",
    "#include <stdio.h>\n\nint main(void) {\n",
    "Photosynthesis is the process by which",
    "1, 1, 2, 3, 5, 8,",
    "The most important thing about writing good software is",
]
TEXTS = [
    "Debian is a complete operating system made of free software. It comes with more than 50,000 packages.",
    "A byte-level tokenizer never fails: \u00fcml\u00e4uts, \u65e5\u672c\u8a9e and \U0001f600 are all sequences of bytes.",
    "for (int i = 0; i < 10; ++i) {\n  printf(\"%d\\n\", i);\n}\n",
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness, it "
    "was the epoch of belief, it was the epoch of incredulity, it was the season of Light, it was the season of "
    "Darkness, it was the spring of hope, it was the winter of despair.",
]
# name: (prompts, tokens of each)
MODELS = {
    "smollm2-135m-instruct": (20, 64),
    "qwen2.5-coder-0.5b-instruct": (4, 24),
    "gemma-3-270m": (4, 24),
}


def string_array(field):
    return [bytes(field.parts[i]).decode("utf-8") for i in field.data]


def load_tokenizer(path):
    fields = GGUFReader(path).fields
    tokens = string_array(fields["tokenizer.ggml.tokens"])
    if fields["tokenizer.ggml.model"].contents() == "gpt2":
        merges = [tuple(m.split(" ")) for m in string_array(fields["tokenizer.ggml.merges"])]
        tokenizer = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(tokens)}, merges=merges))
        if fields["tokenizer.ggml.pre"].contents() == "smollm":
            first = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        else:
            pattern = (
                r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
                r"|\s+(?!\S)|\s+"
            )
            first = [
                pre_tokenizers.Split(Regex(pattern), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(first)
        return lambda text: tokenizer.encode(text).ids
    # SentencePiece-style BPE: merge the neighbours whose joined piece has the best score, leftmost first.
    ids = {t: i for i, t in enumerate(tokens)}
    scores = fields["tokenizer.ggml.scores"]
    scores = [float(scores.parts[i][0]) for i in scores.data]

    def encode(text):
        pieces = list(text.replace(" ", "\u2581"))
        while True:
            best = None
            for i in range(len(pieces) - 1):
                at = ids.get(pieces[i] + pieces[i + 1])
                if at is not None and (best is None or scores[at] > best[0]):
                    best = (scores[at], i)
            if best is None:
                break
            i = best[1]
            pieces[i : i + 2] = [pieces[i] + pieces[i + 1]]
        out = [2]  # <bos>
        for p in pieces:
            out += [ids[p]] if p in ids else [ids["<0x%02X>" % b] for b in p.encode()]
        return out

    return encode


def main():
    for name, (prompts, count) in MODELS.items():
        path = os.path.join(sys.argv[1], name, "model.gguf")
        if not os.path.exists(path):
            print("not there:", path)
            continue
        encode = load_tokenizer(path)
        decoder = Decoder(path)
        golden = {"model": name, "greedy": [], "scores": []}
        for text in PROMPTS[:prompts]:
            ids = encode(text)
            tokens, margins = decoder.greedy(ids, count)
            golden["greedy"].append(
                {"text": text, "ids": ids, "tokens": tokens, "margins": [round(m, 5) for m in margins]}
            )
            print(name, repr(text), min(margins), flush=True)
        for text in TEXTS:
            ids = encode(text)
            golden["scores"].append(
                {"text": text, "ids": ids, "logprobs": [round(p, 6) for p in decoder.logprobs(ids)]}
            )
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), name + ".json"), "w") as f:
            json.dump(golden, f, ensure_ascii=True, separators=(",", ":"))
            f.write("\n")


if __name__ == "__main__":
    main()
