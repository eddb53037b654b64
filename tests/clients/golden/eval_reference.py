#!/usr/bin/env python3
"""Writes eval_reference.json: SQuAD's metrics and bootstrap intervals, for eval_metrics_test and eval_statistics_test.

normalize_answer, f1 and exact are those of SQuAD 1.1's and 2.0's evaluation scripts (CC BY-SA 4.0, worded anew from
their published definition); percentiles are numpy's. Needs numpy."""
import collections
import json
import re
import string
from pathlib import Path

import numpy


def normalize_answer(text):
    text = text.lower()
    text = "".join(c for c in text if c not in set(string.punctuation))
    text = re.sub(r"\b(a|an|the)\b", " ", text)
    return " ".join(text.split())


def f1(gold, got):
    gold_words, got_words = normalize_answer(gold).split(), normalize_answer(got).split()
    if not gold_words or not got_words:
        return float(gold_words == got_words)
    same = sum((collections.Counter(gold_words) & collections.Counter(got_words)).values())
    if same == 0:
        return 0.0
    precision, recall = same / len(got_words), same / len(gold_words)
    return 2 * precision * recall / (precision + recall)


PAIRS = [
    ("The Eiffel Tower", ["Eiffel Tower"]), ("eiffel tower.", ["The Eiffel Tower!", "a tower"]),
    ("It was built in 1889.", ["1889"]), ("", ["1889"]), ("", ["the"]), ("an apple a day", ["apple day"]),
    ("U.S.A.", ["USA"]), ("state-of-the-art", ["stateoftheart", "state of the art"]), ("\u00c5ngstr\u00f6m's \u00c9tude", ["\u00c5NGSTR\u00d6M'S \u00e9tude"]),
    ("blue blue red", ["blue red red"]), ("  spaced\t out\nwords ", ["spaced out words"]), ("theory", ["the ory"]),
    ("the-a", ["thea"]), ("\u201cthe\u201d \u2014a\u2013 an", ["\u201c\u201d\u2014\u2013"]), ("100,000", ["100000"]), ("$5.50", ["550"]), ("\u6771\u4eac \u30bf\u30ef\u30fc", ["\u6771\u4eac\u30bf\u30ef\u30fc"]),
    ("\u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2", ["\u03c3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2"]), ("snake_case", ["snakecase"]), ("A", ["B"]), ("non breaking", ["non breaking"]),
    ("wide space", ["wide space"]), ("cat the", ["the cat", "dog"]), ("7 or 8", ["8 or 7"]), ("no", ["No way", "no"]),
]


class SplitMix64:
    def __init__(self, seed):
        self.state = seed

    def below(self, n):
        mask = (1 << 64) - 1
        self.state = (self.state + 0x9E3779B97F4A7C15) & mask
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        return ((z ^ (z >> 31)) * n) >> 64


def bootstrap(clusters, values, others, seed, resamples):
    """Intervals of the mean of values, of values - others, and of the ratio of sums."""
    clusters, values, others = map(numpy.array, (clusters, values, others))
    count = int(clusters.max()) + 1
    members = [numpy.flatnonzero(clusters == c) for c in range(count)]
    random = SplitMix64(seed)
    drawn = []
    for _ in range(resamples):
        sample = numpy.concatenate([members[random.below(count)] for _ in range(count)])
        v, o = values[sample], others[sample]
        drawn.append((v.mean(), (v - o).mean(), v.sum() / o.sum()))
    drawn = numpy.array(drawn)
    return [list(numpy.percentile(drawn[:, k], [2.5, 97.5])) for k in range(3)]


def main():
    generator = numpy.random.default_rng(5)
    clusters = [i // 3 for i in range(40)]
    values, others = generator.normal(1, 1, 40).round(6).tolist(), generator.normal(2, 0.5, 40).round(6).tolist()
    golden = {
        "answers": [{"text": text, "answers": answers, "normalized": normalize_answer(text),
                     "exact": float(any(normalize_answer(a) == normalize_answer(text) for a in answers)),
                     "f1": max(f1(a, text) for a in answers)} for text, answers in PAIRS],
        "bootstrap": {"clusters": clusters, "values": values, "others": others, "seed": 7, "resamples": 1000,
                      "intervals": bootstrap(clusters, values, others, 7, 1000)},
    }
    Path(__file__).with_suffix(".json").write_text(json.dumps(golden, indent=1, ensure_ascii=True) + "\n")


main()
