#!/usr/bin/env python3
"""Writes porter.tsv: words and their stems by snowballstemmer's `porter` (the algorithm of the 1980 paper).

Usage: make_porter.py TEXT... > porter.tsv, with any English text files. The committed list was made from Debian's FAQ
(package debian-faq) and Python's "What's new" pages (package python3.11-doc), with snowballstemmer 3.1.1; to the words found it
adds made-up ones that end in every suffix of the paper.
"""
import re
import sys

import snowballstemmer

SUFFIXES = """s sses ies ss eed ed ing at bl iz y ational tional enci anci izer abli alli entli eli ousli ization ation
ator alism iveness fulness ousness aliti iviti biliti icate ative alize iciti ical ful ness al ance ence er ic able ible
ant ement ment ent ion sion tion ou ism ate iti ous ive ize e ll""".split()
STEMS = "b tr ho fil plast agre controll rev gener sk happ yy syzyg".split()

words = {stem + suffix for stem in STEMS for suffix in SUFFIXES}
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        words.update(re.findall(r"\b[a-z]{3,24}\b", re.sub(r"<[^>]*>", " ", file.read())))
stem = snowballstemmer.stemmer("porter").stemWord
# Porter's own program leaves words of one or two letters alone; snowballstemmer does not.
for word in sorted(w for w in words if len(w) >= 3):
    print(word, stem(word), sep="\t")
