#!/usr/bin/env python3
"""Writes engine/tokenizers/grapheme_data.cc: the grapheme classes that the reference's Precompiled normalizer goes by.

The reference does not show its classes, but its Precompiled normalizer treats a grapheme of less than 6 bytes as one
unit and a longer one as its characters. Here it gets a map in which every byte becomes "Z": the number of Zs is the
number of units, and so tells which characters belong together.

    pip install tokenizers==0.23.3
    python3 make_graphemes.py > engine/tokenizers/grapheme_data.cc
"""
import sys

import tokenizers
from tokenizers import normalizers

import charsmap

# The order is that of GraphemeClass.
OTHER, CONTROL, EXTEND, NON_JOINER, JOINER, SPACING, PREPEND, PICTURE, LEAD, VOWEL, TRAIL, SYLLABLE, CONSONANT, LINKER = (
    range(14))
ACUTE, ZWJ, KA, VIRAMA = "\u0301", "\u200d", "\u0915", "\u094d"
CODE_POINTS = [c for c in range(1, 0x110000) if not 0xD800 <= c < 0xE000]


NORMALIZER = normalizers.Precompiled(charsmap.every_byte())


def units(texts):
    """How many units each text has. NUL is no key, breaks graphemes on both sides, and so keeps the texts apart."""
    counts = [len(part) for part in NORMALIZER.normalize_str("\0".join(texts)).split("\0")]
    assert len(counts) == len(texts)
    return counts


def where(members, probe, expected):
    members = sorted(members)
    return {c for c, count in zip(members, units([probe(chr(c)) for c in members]), strict=True)
            if count == (expected(chr(c)) if callable(expected) else expected)}


def size(text):
    return len(text.encode())


def main():
    everything = set(CODE_POINTS)
    joins = where(everything, lambda c: "a" + c, 1)
    extends = where(joins, lambda c: "©" + c + ZWJ + "©" + ACUTE, 5)
    rest = everything - joins
    prepend = where(rest, lambda c: c + "a", 1)
    rest -= prepend
    # A mark behind a control character begins a unit of its own; two, where the two bytes of one would not show it.
    control = where(rest, lambda c: c + ACUTE * (2 if size(c) == 4 else 1), 2)
    rest -= control
    picture = where(rest, lambda c: c + ZWJ + "©" + ACUTE, 4)
    rest -= picture
    consonant = where(rest, lambda c: c + VIRAMA + KA + ACUTE, 4)
    rest -= consonant
    linker = where(joins, lambda c: KA + c + KA + ACUTE, 4)
    conjoining = where(joins, lambda c: KA + c + VIRAMA + KA + ACUTE, 5)
    narrow = {c for c in rest if size(chr(c)) == 3}
    after_lead = where(narrow, lambda c: "\u1100" + c + ACUTE, 3)
    after_vowel = where(narrow, lambda c: "\u1161" + c + ACUTE, 3)
    before_lead = where(after_lead, lambda c: c + "\u1100" + ACUTE, 3)
    assert conjoining - extends - linker == {0x200D} and extends - conjoining - linker == {0x200C}
    assert linker <= extends and {0x1100, 0x115F} <= before_lead and 0xAC00 in after_lead - before_lead

    classes = [OTHER] * 0x110000
    classes[0] = CONTROL
    for members, value in [
            (joins, SPACING), (extends, EXTEND), (linker, LINKER), (prepend, PREPEND), (control, CONTROL),
            (picture, PICTURE), (consonant, CONSONANT), (before_lead, LEAD),
            (after_vowel & after_lead, VOWEL), (after_vowel - after_lead, TRAIL),
            (after_lead - before_lead - after_vowel, SYLLABLE), ({0x200C}, NON_JOINER), ({0x200D}, JOINER)]:
        for c in members:
            classes[c] = value
    runs = [(c, classes[c]) for c in range(0x110000) if c == 0 or classes[c] != classes[c - 1]]
    print(f"// Made by tests/engine/tokenizers/golden/make_graphemes.py of tokenizers {tokenizers.__version__}.")
    print('#include "tokenizers/grapheme.h"\n\nnamespace precis::engine::internal {\n\n// clang-format off')
    print("const GraphemeRun kGraphemeRuns[] = {")
    line = " "
    for run in runs:
        item = " {0x%X, %d}," % run
        if len(line) + len(item) > 120:
            print(line)
            line = " "
        line += item
    print(line)
    print(f"}};\nconst int kGraphemeRunCount = {len(runs)};\n// clang-format on\n\n}}  // namespace precis::engine::internal")


if __name__ == "__main__":
    sys.exit(main())
