"""`fanout`: FanOutQA's sub-questions whose evidence is among the Wikipedia summaries and really holds the answer.

Of the whole multi-hop questions almost none has all its evidence in summaries, and of those none its answer, so what is
asked is their sub-questions: written by people, with one article each as evidence.
"""
import collections
import json

from . import candidates
from . import text as words
from . import wikipedia
from .sets import Question, Set, halve, interleave, rng

SOURCE = "fanoutqa"
FILE = "fanoutqa/data/fanout-final-dev.json"

# Read by a person and thrown out: the summary has the answer's words only by chance ("the French Riviera" for the language
# of Monaco), or the question is not one.
BY_CHANCE = "the summary has the word, but does not state the fact"
THROWN_OUT = {
    "What country does Linoel Messi play for?": "the answer is a club",
    "Who were the architects of the Eiffel Tower?": "the summary names the engineer whose company built it",
    "Who invented the airplane?": "the gold article is the answer itself",
    "What is the largest moon of Earth?": "Earth has one moon",
    "Name one cancer associated with sexually transmitted disease.": "several answers",
    "Find the largest continent": "not a question",
    "When was the Taj Mahal built?": "the summary gives a span of years",
    "What country was 'Dream of the Red Chamber' published in?": BY_CHANCE,
    "What country was 'The Little Prince' published in?": "it came out in the United States first",
    "Who is the owner of Amazon?": "the summary names the founder",
    "In which state was Richard Nixon born?": BY_CHANCE,
    "In which state was Lyndon B. Johnson born?": BY_CHANCE,
    "In which state was John F. Kennedy born?": BY_CHANCE,
    "In which state was Franklin D. Roosevelt born?": BY_CHANCE,
    "What are the official languages of United Kingdom?": BY_CHANCE,
    "What are the official languages of France?": BY_CHANCE,
    "What are the official languages of Italy?": BY_CHANCE,
    "What are the official languages of Japan?": BY_CHANCE,
    "What is the official language of Monaco?": BY_CHANCE,
    "What is the official language of San Marino?": BY_CHANCE,
    "What country is the Yellow River originated in?": BY_CHANCE,
    "What country is the Yangtze river originated in?": BY_CHANCE,
    "What country is the Mekong river originated in?": BY_CHANCE,
    "What is the capital city of South Korea?": BY_CHANCE,
    "What is the capital city of Baffin Island?": "an island has no capital; the summary means Nunavut's",
}


def _leaves(question):
    for part in question.get("decomposition", []):
        if part.get("decomposition"):
            yield from _leaves(part)
        else:
            yield part


def _answers(value):
    """The answer as a list of one string, or [] when several things are asked at once."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return [str(value).strip()] if isinstance(value, (str, int, float)) and not isinstance(value, bool) else []


def make(cache, options):
    articles = wikipedia.articles(cache)
    titles = {title.lower(): title for title in articles}
    asked = json.loads((cache.open(SOURCE) / FILE).read_text(encoding="utf-8"))
    counts, found, seen, whole = collections.Counter(), [], set(), 0
    for top in asked:
        leaves = [leaf for leaf in _leaves(top) if leaf.get("evidence")]
        here = [leaf for leaf in leaves if leaf["evidence"]["title"].lower() in titles]
        whole += bool(leaves) and len(here) == len(leaves)
        counts["sub-questions"] += len(leaves)
        counts["with evidence among the summaries"] += len(here)
        for leaf in here:
            title, answers = titles[leaf["evidence"]["title"].lower()], _answers(leaf["answer"])
            text = wikipedia.document(articles[title]).text
            question = " ".join(leaf["question"].split())
            if not answers or not words.holds(text, answers[0]):
                counts["answer not (or not as one string) in the summary"] += 1
            elif words.holds(question, answers[0]) or answers[0].lower() == title.lower():
                counts["answer in the question, or the title"] += 1
            elif question in THROWN_OUT:
                counts["thrown out after reading"] += 1
            elif (title, answers[0].lower()) in seen or (question.lower()) in seen:
                counts["asked before"] += 1
            else:
                seen.update([(title, answers[0].lower()), question.lower()])
                found.append((title, question, answers))
    counts["kept"] = len(found)

    # The split is by document: the article decides, and its corpus goes with it.
    names = sorted({title for title, _, _ in found})
    rng(options.seed, "fanout").shuffle(names)
    part = {title: ("fanout-a" if i % 2 == 0 else "fanout-b") for i, title in enumerate(names)}
    others = [title for title in articles if title not in part]
    rng(options.seed, "fanout others").shuffle(others)
    for i, title in enumerate(others[:2 * options.documents]):
        part[title] = "fanout-a" if i % 2 == 0 else "fanout-b"
    documents = [wikipedia.document(articles[title], part[title]) for title in sorted(part)]
    index = {corpus: candidates.Bm25([d for d in documents if d.corpus == corpus]) for corpus in ("fanout-a", "fanout-b")}
    text_of = {document.id: document for document in documents}
    questions = []
    for title, question, answers in found:
        document = wikipedia.document(articles[title], part[title])
        holding = [(b, e) for b, e in words.sentences(document.text) if words.holds(document.text[b:e], answers[0])]
        sentence = max(holding, key=lambda span: (words.overlap(question, document.text[slice(*span)]), -span[0]))
        questions.append(Question(
            id="", question=question, answers=answers, gold_documents=[document.id],
            evidence=[{"document": document.id, **words.byte_range(document.text, *sentence)}], answerable=True,
            overlap=words.overlap_class(words.overlap(question, document.text[slice(*sentence)])),
            split="dev" if part[title] == "fanout-a" else "heldout", corpus=part[title], group="hops=1"))
    removed = halve(questions, options.seed, lambda q: (q.split, q.overlap))
    for i, question in enumerate(questions):
        bm25 = index[question.corpus]
        topic = text_of[question.gold_documents[0]].title
        telling = [d.id for d in bm25.documents if d.id not in question.gold_documents
                   and words.holds(d.title + "\n" + d.text, topic) and words.holds(d.title + "\n" + d.text, question.answers[0])]
        question.exclude_documents = telling
        if i in removed:
            question.answerable, question.more = False, {"removed_answers": question.answers}
            question.answers, question.exclude_documents = [], question.gold_documents + telling
        question.passages = candidates.passages(question.question, question.gold_documents, question.exclude_documents, bm25,
                                                options.seed, options.context_tokens)
    questions = interleave(questions, options.seed)
    for i, question in enumerate(questions):
        question.id = f"fanout-{i + 1:03}"
    notes = [
        f"{len(asked)} FanOutQA dev questions; {whole} of them have all their evidence articles among the summaries, and none of "
        "those has its answers stated in them, so sub-questions are asked; " + "; ".join(f"{name}: {counts[name]}" for name in counts),
        "thrown out after reading: " + "; ".join(f"{q} ({why})" for q, why in THROWN_OUT.items()),
        "other summaries that name both the article's title and the answer are excluded",
        "overlap: " + words.OVERLAP_NOTE, "many answers are general knowledge: judge over what closed book does not answer"]
    return Set(name="fanout", description="FanOutQA sub-questions over Wikipedia summaries", task="qa", seed=options.seed,
               sources=cache.describe([SOURCE, wikipedia.SOURCE]), notes=notes, documents=documents, questions=questions)
