"""Sentences, words and how much of a question stands in its evidence."""
import functools
import re

_STOP = frozenset("""a about above after again all also an and any are as at be because been before being below between both
but by can could did do does doing down during each few for from further had has have having he her here hers him his how i
if in into is it its itself just may me more most must my no nor not of off on once one only or other our out over own same
she should so some such than that the their them then there these they this those through to too under until up upon use
used using very was we were what when where which while who whom whose why will with would you your""".split())

_WORD = re.compile(r"[^\W_]+", re.UNICODE)


@functools.lru_cache(maxsize=200_000)
def stem(word):
    """A light stem: plurals and the commonest verb endings."""
    for ending, least in (("ies", 3), ("ing", 4), ("ed", 4), ("es", 4), ("s", 3)):
        if word.endswith(ending) and len(word) - len(ending) >= least and not word.endswith("ss"):
            return word[:-len(ending)] + ("y" if ending == "ies" else "")
    return word


def terms(text):
    """The stems of the words that carry content, in order. Names with dots or underscores give their parts."""
    return [stem(word) for word in (found.group(0).lower() for found in _WORD.finditer(text)) if word not in _STOP]


# A question is of low overlap when less than a third of its content words stand in the evidence sentence.
LOW, HIGH = 1 / 3, 2 / 3


def overlap(question, evidence):
    """The part of the question's content words that the evidence sentence has."""
    asked = set(terms(question))
    return len(asked & set(terms(evidence))) / len(asked) if asked else 0.0


def overlap_class(value):
    return "low" if value < LOW else "middle" if value < HIGH else "high"


_ABBREVIATIONS = ("e.g.", "i.e.", "etc.", "vs.", "cf.", "Dr.", "Mr.", "Mrs.", "St.", "No.", "lit.", "c.", "ca.", "approx.",
                  "Inc.", "Ltd.", "Jr.", "Sr.", "U.S.", "D.C.", "fl.", "r.", "b.", "d.")
_END = re.compile(r"[.!?]['\")\]]*(?=\s+[\"'(\[]*[A-Z0-9])|\n+")


def sentences(text):
    """(begin, end) in characters of the sentences; line ends divide them too."""
    spans, at = [], 0
    for found in _END.finditer(text):
        end = found.start() if text[found.start()] == "\n" else found.end()
        if text[found.start()] != "\n":
            before = text[at:found.end()].split()
            if before and (before[-1] in _ABBREVIATIONS or re.fullmatch(r"[A-Z]\.", before[-1])):
                continue
        if text[at:end].strip():
            spans.append((at + len(text[at:end]) - len(text[at:end].lstrip()), end))
        at = found.end()
    if text[at:].strip():
        spans.append((at + len(text[at:]) - len(text[at:].lstrip()), len(text.rstrip())))
    return spans


def holds(text, answer):
    """Whether the answer stands in the text as words of its own, whatever the case."""
    return find(text, answer) is not None


def find(text, answer, begin=0):
    """The first place (begin, end) of the answer in the text as words of its own, or None."""
    pattern = r"(?<![\w.])" + re.escape(answer) + r"(?!\w|\.\d)"
    found = re.compile(pattern, re.IGNORECASE).search(text, begin)
    return found.span() if found else None


def byte_range(text, begin, end):
    """Characters to UTF-8 bytes."""
    first = len(text[:begin].encode())
    return {"begin": first, "end": first + len(text[begin:end].encode())}


def tokens(text):
    """About how many tokens a byte-level BPE makes of it; within some 15 % for English prose and documentation."""
    return len(re.findall(r"[A-Za-z]{1,8}|\d{1,3}|[^\sA-Za-z\d]{1,2}|\n", text))


OVERLAP_NOTE = ("the part of the question's content words (stems, without stop words) that the evidence sentence has: low "
                "below 1/3, middle below 2/3, high from there")
