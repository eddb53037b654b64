"""A set in memory: made by a maker, checked, then written as set.json, documents.jsonl and questions.jsonl."""
import hashlib
import json
import random
from dataclasses import dataclass, field
from pathlib import Path

from . import text as words

FORMAT = 1
TASKS = ("qa", "retrieval", "opinion", "needle")


class SetError(Exception):
    """A set that breaks its own rules: a bug of the maker, or data that changed."""


@dataclass
class Document:
    id: str
    uri: str
    title: str
    text: str
    corpus: str
    more: dict = field(default_factory=dict)  # further fields, e.g. "sentences" of reviews


@dataclass
class Question:
    id: str
    question: str
    answers: list
    gold_documents: list
    evidence: list  # [{"document", "begin", "end"}]: the first holds the answer, further ones name what it is about
    answerable: bool
    overlap: str
    split: str
    corpus: str
    group: str = ""
    exclude_documents: list = field(default_factory=list)  # never candidates of this question
    passages: list = field(default_factory=list)  # fixed candidates, in the order to give them
    more: dict = field(default_factory=dict)


@dataclass
class Set:
    name: str
    description: str
    task: str
    seed: int
    sources: list
    notes: list
    documents: list
    questions: list


def rng(seed, *names):
    """A generator of its own for each purpose, so that one maker's draws do not move another's."""
    digest = hashlib.sha256("\0".join([str(seed), *map(str, names)]).encode()).digest()
    return random.Random(int.from_bytes(digest[:8], "big"))


def halve(items, seed, key):
    """Chooses half of the items (rounded down) in each class of `key`, as a set of indices."""
    classes = {}
    for i, item in enumerate(items):
        classes.setdefault(key(item), []).append(i)
    chosen, odd = set(), 0
    for name in sorted(classes):
        members = classes[name]
        rng(seed, "halve", name).shuffle(members)
        take = len(members) // 2 + (len(members) % 2) * (odd % 2)  # odd classes round down and up in turn
        odd += len(members) % 2
        chosen.update(members[:take])
    return chosen


def interleave(questions, seed):
    """An order in which every prefix has about the same mix of split, answerable, corpus and overlap."""
    classes = {}
    for question in questions:
        classes.setdefault((question.split, question.answerable, question.corpus, question.overlap), []).append(question)
    placed = []
    for name in sorted(classes):
        members = classes[name]
        rng(seed, "order", name).shuffle(members)
        shift = rng(seed, "shift", name).random()
        placed += [((i + shift) / len(members), name, question) for i, question in enumerate(members)]
    return [question for _, _, question in sorted(placed, key=lambda one: one[:2])]


def check(made):
    """Raises SetError naming the first thing that is wrong."""
    def need(condition, what):
        if not condition:
            raise SetError(f"set {made.name}: {what}")

    need(made.task in TASKS, f"task '{made.task}' is none of {', '.join(TASKS)}")
    documents = {document.id: document for document in made.documents}
    need(len(documents) == len(made.documents), "two documents have one id")
    need(len({q.id for q in made.questions}) == len(made.questions), "two questions have one id")
    need(made.questions, "no questions")
    split_of = {}
    for question in made.questions:
        here = f"question {question.id}"
        need(question.split in ("dev", "heldout"), f"{here}: split '{question.split}'")
        need(question.overlap in ("low", "middle", "high"), f"{here}: overlap '{question.overlap}'")
        need(question.question.strip() == question.question and question.question, f"{here}: no question")
        known = question.gold_documents + question.passages + question.exclude_documents
        known += [one["document"] for one in question.evidence]
        for name in known:
            need(name in documents, f"{here}: document '{name}' does not exist")
        usable = set(question.passages) & set(question.exclude_documents)
        need(not usable, f"{here}: excluded documents among its passages: {sorted(usable)}")
        need(len(set(question.passages)) == len(question.passages), f"{here}: a passage twice")
        if made.task != "opinion":
            need(question.gold_documents, f"{here}: no gold document")
            for name in question.gold_documents:
                need(documents[name].corpus == question.corpus, f"{here}: gold document of another corpus")
                need(split_of.setdefault(name, question.split) == question.split, f"document '{name}' is gold in both splits")
        need(split_of.setdefault(("corpus", question.corpus), question.split) == question.split,
             f"corpus '{question.corpus}' has questions in both splits")
        for one in question.evidence:
            raw = documents[one["document"]].text.encode()
            need(0 <= one["begin"] < one["end"] <= len(raw), f"{here}: evidence {one} outside of its document")
            try:
                raw[one["begin"]:one["end"]].decode()
            except UnicodeDecodeError as error:
                raise SetError(f"set {made.name}: {here}: evidence {one} cuts a character") from error
        if made.task in ("qa", "needle"):
            _check_answers(question, documents, need, here)
        if question.answerable:
            need(not set(question.gold_documents) & set(question.exclude_documents), f"{here}: its gold document is excluded")
        else:
            need(set(question.gold_documents) <= set(question.exclude_documents),
                 f"{here}: unanswerable, but a gold document is a candidate")
            need(not question.answers, f"{here}: unanswerable, but has answers")
    if made.task != "opinion":
        missing = sum(not question.answerable for question in made.questions)
        need(abs(2 * missing - len(made.questions)) <= max(2, len(made.questions) // 50),
             f"{missing} of {len(made.questions)} questions have their gold document removed, not half")


def _check_answers(question, documents, need, here):
    answers = question.answers if question.answerable else question.more.get("removed_answers", [])
    need(answers, f"{here}: no answer")
    need(question.evidence, f"{here}: no evidence")
    spans = [documents[one["document"]].text.encode()[one["begin"]:one["end"]].decode() for one in question.evidence]
    need(any(words.holds(span, answer) for span in spans for answer in answers), f"{here}: no answer in the evidence")
    need(not any(words.holds(question.question, answer) for answer in answers), f"{here}: its answer is in the question")


def write(made, folder):
    """Writes the three files; the same set gives the same bytes."""
    check(made)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    head = {"format": FORMAT, "name": made.name, "description": made.description, "task": made.task, "seed": made.seed,
            "sources": made.sources, "notes": made.notes}
    _write(folder / "set.json", json.dumps(head, ensure_ascii=False, indent=1) + "\n")
    _write(folder / "documents.jsonl", "".join(
        _line({"id": d.id, "uri": d.uri, "title": d.title, "text": d.text, "corpus": d.corpus, **d.more})
        for d in made.documents))
    _write(folder / "questions.jsonl", "".join(
        _line({"id": q.id, "question": q.question, "answers": q.answers, "gold_documents": q.gold_documents,
               "evidence": q.evidence, "answerable": q.answerable, "overlap": q.overlap, "split": q.split,
               "corpus": q.corpus, "group": q.group, "exclude_documents": q.exclude_documents, "passages": q.passages,
               **q.more})
        for q in made.questions))


def _line(value):
    return json.dumps(value, ensure_ascii=False) + "\n"


def _write(path, content):
    partial = path.with_name(path.name + ".partial")
    partial.write_text(content, encoding="utf-8", newline="\n")
    partial.rename(path)
