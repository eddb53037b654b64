"""Seeded texts for compare_embedding.py: whole-word pieces of the WordPiece vocabulary (one word is one token), drawn by
Zipf's law. Every engine gets the same ones."""
import random


class Texts:
    def __init__(self, vocabulary, seed=7):
        pieces = [line.strip() for line in open(vocabulary, encoding="utf-8")]
        self.words = [p for p in pieces[1996:] if p.isascii() and p.isalpha() and len(p) > 2][:8000]
        self.random = random.Random(seed)
        self.cumulative, total = [], 0.0
        for rank in range(len(self.words)):
            total += 1.0 / (rank + 10)
            self.cumulative.append(total)

    def text(self, tokens):
        return " ".join(self.random.choices(self.words, cum_weights=self.cumulative, k=tokens))


def make_workloads(vocabulary, scale):
    """Name -> texts. Lengths are in tokens, [CLS] and [SEP] included; `scale` changes only how many texts there are."""
    texts = Texts(vocabulary)
    count = lambda n: max(32, int(n * scale))
    short = [texts.text(texts.random.randint(6, 14)) for _ in range(count(512))]
    chunks = [texts.text(254) for _ in range(count(256))]
    # Never fewer: with 64 texts even a sorted batch of 32 holds texts of very different lengths.
    mixed = [texts.text(max(6, round(8 * 64 ** texts.random.random()) - 2)) for _ in range(512)]
    words = texts.text(128).split()
    variants = [" ".join(words)] + [" ".join(words[:i] + words[i + 1:]) for i in range(128)]
    return {
        "one_query": [texts.text(10)],
        "short": short,
        "chunk256": chunks,
        "mixed": mixed,
        "mixed_sorted": sorted(mixed, key=len),
        "leave_one_out": variants,
    }
