"""`descriptions`: the one-line description of a Wikipedia article asks for its summary."""
import collections

from . import text as words
from . import wikipedia
from .sets import Question, Set, halve, interleave, rng


def make(cache, options):
    articles = wikipedia.articles(cache)
    uses = collections.Counter((a.get("description") or "").strip().lower() for a in articles.values())
    documents, questions = [], []
    counts = collections.Counter()
    for corpus, split in (("wikipedia-a", "dev"), ("wikipedia-b", "heldout")):
        titles = [t for t, a in articles.items() if wikipedia.corpus_of(a) == corpus]
        rng(options.seed, "descriptions", corpus).shuffle(titles)
        made = []
        for title in titles:
            article = articles[title]
            asked = (article.get("description") or "").strip()
            if not asked:
                counts["no description"] += 1
            elif uses[asked.lower()] > 1:
                counts["description of several articles"] += 1
            elif len(words.terms(asked)) < 3:
                counts["fewer than 3 content words"] += 1
            elif set(words.terms(title)) & set(words.terms(asked)):
                counts["a word of the title in the description"] += 1
            elif len(made) < options.size:
                made.append((title, asked))
        gold = {title for title, _ in made}
        kept = [t for t in titles if t in gold] + [t for t in titles if t not in gold]
        kept = sorted(kept[:max(options.documents, len(gold))])
        documents += [wikipedia.document(articles[title]) for title in kept]
        made_questions = []
        for title, asked in made:
            document = wikipedia.document(articles[title])
            begin, end = words.sentences(document.text)[0]
            made_questions.append(Question(
                id="", question=asked, answers=[], gold_documents=[document.id],
                evidence=[{"document": document.id, **words.byte_range(document.text, begin, end)}], answerable=True,
                overlap=words.overlap_class(words.overlap(asked, document.text[begin:end])), split=split, corpus=corpus,
                group=articles[title]["topic"]))
        for i in halve(made_questions, options.seed, lambda q: q.overlap):
            made_questions[i].answerable = False
            made_questions[i].exclude_documents = list(made_questions[i].gold_documents)
        questions += made_questions
    questions = interleave(questions, options.seed)
    for i, question in enumerate(questions):
        question.id = f"descriptions-{i + 1:04}"
    notes = [
        wikipedia.NOTE,
        "left out: " + "; ".join(f"{name}: {counts[name]}" for name in sorted(counts)),
        f"documents: the gold ones and random others, {options.documents} a corpus (--documents)",
        "the evidence is the first sentence; overlap is measured against it: " + words.OVERLAP_NOTE,
        "half of the questions of each corpus and overlap class have their gold document removed (exclude_documents)"]
    return Set(name="descriptions", description="one-line description -> Wikipedia summary", task="retrieval",
               seed=options.seed, sources=cache.describe([wikipedia.SOURCE]), notes=notes, documents=documents,
               questions=questions)
