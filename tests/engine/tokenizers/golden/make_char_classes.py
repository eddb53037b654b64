#!/usr/bin/env python3
"""Writes engine/tokenizers/char_class_data.cc: what the reference tokenizers take each code point for.

The reference (Hugging Face `tokenizers`) mixes the Unicode versions of several libraries, so its classes are asked of
it, one code point at a time, and kept in the tree: ids then depend neither on our ICU nor on a newer reference.

    pip install tokenizers==0.23.3
    python3 make_char_classes.py > engine/tokenizers/char_class_data.cc
"""
import sys

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def regex_class(regex):
    everything = "".join(map(chr, CODE_POINTS))
    outside = pre_tokenizers.Split(Regex(regex + "+"), "removed").pre_tokenize_str(everything)
    rest = set()
    for piece, _ in outside:
        rest.update(map(ord, piece))
    return set(CODE_POINTS) - rest


def where(predicate):
    return {c for c in CODE_POINTS if predicate(chr(c))}


def bert(**on):
    steps = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    steps.update(on)
    return normalizers.BertNormalizer(**steps).normalize_str


def flags():
    split = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    digits = pre_tokenizers.Digits(individual_digits=True).pre_tokenize_str
    clean, accents = bert(clean_text=True), bert(strip_accents=True)
    strip = normalizers.StripAccents().normalize_str
    nfd, nfkd = normalizers.NFD().normalize_str, normalizers.NFKD().normalize_str
    return [  # the order is that of the CharClass bits
        regex_class(r"\p{L}"),
        regex_class(r"\p{N}"),
        regex_class(r"\s"),
        regex_class(r"\w"),
        where(lambda c: len(digits("a" + c + "a")) == 3),
        where(lambda c: clean(c) == ""),
        where(lambda c: len(split("a" + c + "a")) == 3),
        where(lambda c: accents(c) == ""),
        where(lambda c: strip(c) == ""),
        where(lambda c: nfd(c) != c),
        where(lambda c: nfkd(c) != c),
    ]


def lower_ranges():
    """(first, last, step, delta) runs of single code points; the one that becomes two (U+0130) is in the code."""
    lower = normalizers.Lowercase().normalize_str
    pairs = [(c, ord(lower(chr(c)))) for c in CODE_POINTS if lower(chr(c)) != chr(c) and len(lower(chr(c))) == 1]
    longer = [c for c in CODE_POINTS if len(lower(chr(c))) > 1]
    assert longer == [0x130], longer
    runs = []
    for c, low in pairs:
        delta = low - c
        if runs and runs[-1][3] == delta:
            first, last, step, _ = runs[-1]
            gap = c - last
            if gap <= 2 and (step == 0 or step == gap):
                runs[-1] = (first, c, gap, delta)
                continue
        runs.append((c, c, 0, delta))
    return [(a, b, s or 1, d) for a, b, s, d in runs]


def rows(items):
    line = " "
    for item in items:
        if len(line) + len(item) + 2 > 120:
            print(line)
            line = " "
        line += " " + item + ","
    print(line)


def main():
    bits = [0] * 0x110000
    for i, members in enumerate(flags()):
        for c in members:
            bits[c] |= 1 << i
    runs = [(c, bits[c]) for c in range(0x110000) if c == 0 or bits[c] != bits[c - 1]]
    print(f"// Made by tests/engine/tokenizers/golden/make_char_classes.py of tokenizers {tokenizers.__version__}.")
    print('#include "tokenizers/char_class_data.h"\n\nnamespace precis::engine {\n\n// clang-format off')
    print("const CharClassRun kCharClassRuns[] = {")
    rows("{0x%X, 0x%X}" % run for run in runs)
    print(f"}};\nconst int kCharClassRunCount = {len(runs)};\n")
    lower = lower_ranges()
    print("const LowerCaseRun kLowerCaseRuns[] = {")
    rows("{0x%X, 0x%X, %d, %d}" % run for run in lower)
    print(f"}};\nconst int kLowerCaseRunCount = {len(lower)};\n// clang-format on\n\n}}  // namespace precis::engine")


if __name__ == "__main__":
    sys.exit(main())
