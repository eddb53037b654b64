"""`reviews`: what buyers say, N reviews at a time, with the sentiment that twenty people gave each sentence.

The source (vaderSentiment's amazonReviewSnippets_GroundTruth.txt) has reviews without product names. They stand in file order,
product after product, so the file is cut into runs where the vocabulary changes: players, cameras, telephones, music players.
"""
import io
import math
import tarfile
from collections import Counter

from . import text as words
from .sets import Document, Question, Set, rng

SOURCE = "vaderSentiment"
ARCHIVE = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
FILE = "amazonReviewSnippets_GroundTruth.txt"
KINDS = 4
SIZES = (4, 10, 20, 40, 75)
DRAWS = 5
QUESTION = "What do buyers think of it?"


def read_reviews(lines):
    """[(id, [(sentence, sentiment)])] in the order of ids from lines `ID_SENTENCE<tab>sentiment<tab>text`."""
    reviews = {}
    for line in lines:
        if line.strip():
            name, sentiment, sentence = line.rstrip("\n").split("\t", 2)
            reviews.setdefault(int(name.split("_")[0]), []).append((" ".join(sentence.split()), float(sentiment)))
    return [(key, reviews[key]) for key in sorted(reviews)]


def _vectors(reviews):
    """Unit TF-IDF vectors over words that at least 3 reviews and at most half of them use."""
    bags = [Counter(words.terms(" ".join(sentence for sentence, _ in review))) for _, review in reviews]
    uses = Counter(term for bag in bags for term in bag)
    made = []
    for bag in bags:
        vector = {t: (1 + math.log(n)) * math.log(len(bags) / uses[t]) for t, n in sorted(bag.items())
                  if 3 <= uses[t] <= len(bags) / 2}
        norm = math.sqrt(sum(v * v for v in vector.values())) or 1.0
        made.append({t: v / norm for t, v in vector.items()})
    return made


def runs(reviews, count):
    """Ends of `count` runs of reviews that maximise the summed length of the runs' vector sums (spherical k-means' aim, for
    runs instead of sets), by dynamic programming; runs have at least ten reviews, or as many as fit."""
    vectors = _vectors(reviews)
    n, least = len(vectors), min(10, len(vectors) // count)
    best = [[-1.0] * (n + 1) for _ in range(count + 1)]
    back = [[0] * (n + 1) for _ in range(count + 1)]
    best[0][0] = 0.0
    for begin in range(n):
        if all(best[k][begin] < 0 for k in range(count)):
            continue
        total, square = {}, 0.0
        for end in range(begin + 1, n + 1):
            for term, value in vectors[end - 1].items():
                old = total.get(term, 0.0)
                square += value * (2 * old + value)
                total[term] = old + value
            if end - begin < least:
                continue
            value = math.sqrt(square)
            for k in range(count):
                if best[k][begin] >= 0 and best[k][begin] + value > best[k + 1][end]:
                    best[k + 1][end], back[k + 1][end] = best[k][begin] + value, begin
    ends, at = [], n
    for k in range(count, 0, -1):
        ends.append(at)
        at = back[k][at]
    return ends[::-1]


def telling_words(reviews, begin, end, count=4):
    """The words that set a run apart, to name it by."""
    vectors = _vectors(reviews)
    inside, outside = Counter(), Counter()
    for i, vector in enumerate(vectors):
        for term, value in vector.items():
            (inside if begin <= i < end else outside)[term] += value
    scores = {t: inside[t] / (end - begin) - outside[t] / max(1, len(vectors) - end + begin) for t in inside}
    return sorted(scores, key=lambda t: (-scores[t], t))[:count]


def document(name, review, corpus):
    """A review as a document; "sentences" has each one's byte range and mean human sentiment (-4 to 4)."""
    text = "\n".join(sentence for sentence, _ in review)
    spans, at = [], 0
    for sentence, sentiment in review:
        size = len(sentence.encode())
        spans.append({"begin": at, "end": at + size, "sentiment": sentiment})
        at += size + 1
    return Document(id=f"reviews/{name:03}", uri=f"reviews:{name:03}", title=f"Review {name}", text=text, corpus=corpus,
                    more={"sentences": spans})


def gold(reviews):
    """Mean sentiment over sentences, and the part of sentences whose sign is against it (the minority's)."""
    values = [sentiment for _, review in reviews for _, sentiment in review]
    mean = sum(values) / len(values)
    against = sum(1 for value in values if value * (1 if mean >= 0 else -1) < 0) / len(values)
    return {"sentiment": round(mean, 4), "minority": round(against, 4)}


def make(cache, options):
    with tarfile.open(cache.open(SOURCE) / ARCHIVE) as archive:
        member = next(m for m in archive.getmembers() if m.name.endswith("/" + FILE) or m.name == FILE)
        raw = archive.extractfile(member).read().decode("utf-8", errors="replace")
    return build(read_reviews(io.StringIO(raw)), options, cache.describe([SOURCE]))


def build(reviews, options, sources):
    documents, questions, notes, begin = [], [], [], 0
    for number, end in enumerate(runs(reviews, KINDS)):
        split, corpus = ("dev", "heldout")[number % 2], f"reviews-{number + 1}"
        own, told = reviews[begin:end], telling_words(reviews, begin, end)
        begin = end
        documents += [document(name, review, corpus) for name, review in own]
        sizes = [size for size in SIZES if size <= len(own)]
        notes.append(f"{corpus} ({split}): reviews {own[0][0]} to {own[-1][0]}, {len(own)} of them, {sizes[-1]} at most in a question; "
                     f"words that set them apart: {', '.join(told)}")
        for size in sizes:
            for draw in range(DRAWS):
                chosen = [own[i] for i in sorted(rng(options.seed, "reviews", corpus, size, draw).sample(range(len(own)), size))]
                names = [f"reviews/{name:03}" for name, _ in chosen]
                questions.append(Question(
                    id=f"reviews-{number + 1}-{size:02}-{draw + 1}", question=QUESTION, answers=[], gold_documents=names,
                    evidence=[], answerable=True, overlap="low", split=split, corpus=corpus, group=f"reviews={size}",
                    passages=list(names), more=gold(chosen)))
    notes = [
        f"{len(reviews)} reviews, {sum(len(r) for _, r in reviews)} sentences without product names; cut into {KINDS} runs of file order "
        "where the vocabulary changes",
        "VADER's paper names five products; here two cameras (of two makers) share one vocabulary and are pooled as one run. Nothing "
        f"else is pooled: {max(SIZES)} reviews come only from the runs that have that many",
        *notes,
        f"for each run {DRAWS} random draws of {', '.join(map(str, SIZES))} reviews; draws of one run overlap",
        'questions have "sentiment" (mean over the sentences of all their passages) and "minority" (the part of sentences '
        'whose sign is against it); documents have "sentences" with each one\'s byte range and sentiment, -4 to 4',
        "sentences are lower-cased in the source; overlap means nothing here (always low)"]
    return Set(name="reviews", description="opinions in Amazon reviews, with human sentiment", task="opinion",
               seed=options.seed, sources=sources, notes=notes, documents=documents, questions=questions)
