"""Distractors: the documents that keyword search would put beside the gold one."""
import collections
import math

from . import text as words
from .sets import rng


class Bm25:
    """BM25 over documents (k1 1.2, b 0.75), title words counted with the text's."""

    def __init__(self, documents):
        self.documents = documents
        self.tokens = [words.tokens(document.text) for document in documents]
        self.postings = collections.defaultdict(list)
        lengths = []
        for i, document in enumerate(documents):
            counts = collections.Counter(words.terms(document.title + " " + document.text))
            lengths.append(sum(counts.values()))
            for term, count in counts.items():
                self.postings[term].append((i, count))
        self.norms = [0.25 + 0.75 * length * len(lengths) / max(1, sum(lengths)) for length in lengths]

    def best(self, query):
        """Indices of documents that share a term with the query, best first."""
        scores = collections.defaultdict(float)
        for term in sorted(set(words.terms(query))):
            postings = self.postings.get(term, ())
            weight = math.log(1 + (len(self.documents) - len(postings) + 0.5) / (len(postings) + 0.5))
            for i, count in postings:
                scores[i] += weight * count * 2.2 / (count + 1.2 * self.norms[i])
        return sorted(scores, key=lambda i: (-scores[i], i))


def passages(question, gold, excluded, index, seed, budget=4000):
    """Ids of the gold documents (if not excluded) and distractors, in a shuffled order, of about `budget` tokens together.

    Distractors are the best of `index` (a Bm25 of the question's corpus) that still fit; when search runs out of documents
    that share a word, random ones follow, so that answerable and unanswerable questions have contexts of one size.
    """
    at = {document.id: i for i, document in enumerate(index.documents)}
    chosen = [name for name in gold if name not in excluded]
    left = budget - sum(index.tokens[at[name]] for name in chosen)
    ranked = index.best(question)
    seen = set(ranked)
    rest = [i for i in range(len(index.documents)) if i not in seen]
    rng(seed, "rest", question).shuffle(rest)
    for i in ranked + rest:
        name = index.documents[i].id
        if name not in chosen and name not in excluded and index.tokens[i] <= left:
            chosen.append(name)
            left -= index.tokens[i]
        if left < budget * 0.03:
            break
    rng(seed, "passages", question).shuffle(chosen)
    return chosen
