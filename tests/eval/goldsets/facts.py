"""`facts`: questions with one short answer over documentation and Wikipedia summaries, with distractors.

Rules (facts_CORPUS.py) word a question in terms of their own from a table row, an entry, a description, or a sentence elsewhere;
here the facts are placed in documents, filtered, chosen and given candidates.
"""
import collections
import re

from . import candidates, corpora, facts_debian, facts_git, facts_man, facts_python, facts_sqlite, facts_wikipedia
from . import text as words
from . import wikipedia
from .pages import cut
from .sets import Question, Set, halve, interleave, rng

RULES = {"python": facts_python.rules, "git": facts_git.rules, "sqlite": facts_sqlite.rules, "man": facts_man.rules,
         "debian": facts_debian.rules}
CORPORA = (*RULES, "wikipedia-a", "wikipedia-b")
# A rule may give this many times the share of others in its corpus: tables are many rules in one.
WEIGHTS = {"tables": 3, "variable": 2, "year told elsewhere": 2, "C reference": 0.4, "library": 0.4, "signals": 0.4, "removal": 0.6,
           "availability": 0.6, "element": 0.3}
MOST_OF_ONE_DOCUMENT = 3
LONGEST = 4000  # tokens of a gold document

# What reading found; see README.md. Say anew when rules change.
READ = ("read by hand, questions of both halves beside their evidence: of a random 40, 39 were clear and had one answer in the document (a "
        "default that differs by version had slipped in; its rule was tightened), and of another 40 after that, 40 were and had",)


class Placed:
    """A fact in the document that holds all its blocks."""

    def __init__(self, fact, piece):
        self.fact, self.piece = fact, piece
        self.document = piece.document
        self.evidence = [piece.span(fact.block, *fact.span)] + [piece.span(i) for i in fact.context]
        self.sentence = fact.page.blocks[fact.block].text[slice(*fact.span)]
        self.overlap = words.overlap_class(words.overlap(fact.question, self.sentence))


def place(facts, pieces_of, left_out):
    """Facts with their documents; what cannot be asked fairly is counted in `left_out` by reason."""
    questions = collections.defaultdict(set)
    for fact in facts:
        questions[fact.question].add(fact.answers[0].lower())
    placed, seen = [], set()
    for fact in facts:
        answer = fact.answers[0]
        text = fact.page.blocks[fact.block].text
        if len(questions[fact.question]) > 1 or fact.question in seen:
            left_out["asked twice, or with two answers"] += 1
        elif len(re.findall(r"\w", answer)) < 2 or answer in ("N/A", "None", "none", "yes", "no", "Yes", "No"):
            left_out["answer of one character, or yes, no, none"] += 1
        elif not words.holds(text[slice(*fact.span)], answer):
            left_out["answer not in the evidence as words of its own"] += 1
        elif any(words.holds(fact.question, one) for one in fact.answers):
            left_out["answer in the question"] += 1
        else:
            piece = next((p for p in pieces_of[fact.page.uri] if p.has(fact.block)), None)
            if piece is None or not all(piece.has(i) for i in fact.context):
                left_out["what it is about stands in another document"] += 1
            elif words.tokens(piece.document.text) > LONGEST:
                left_out[f"document of more than {LONGEST} tokens"] += 1
            else:
                seen.add(fact.question)
                placed.append(Placed(fact, piece))
    return placed


def weight(rule):
    return WEIGHTS.get(rule.split(": ", 1)[1], 1)


def choose(placed, count, seed, name):
    """`count` facts: rules in turn by their weight, few of one document, and few of one answer of a rule."""
    by_rule = collections.defaultdict(list)
    for one in placed:
        by_rule[one.fact.rule].append(one)
    for rule in sorted(by_rule):
        rng(seed, "choose", name, rule).shuffle(by_rule[rule])
    queues = {rule: collections.deque(facts) for rule, facts in sorted(by_rule.items())}
    spent = {rule: 0.0 for rule in queues}
    documents, answers, chosen = collections.Counter(), collections.Counter(), []
    while len(chosen) < count and queues:
        rule = min(queues, key=lambda r: (spent[r] + 1 / weight(r), r))
        if not queues[rule]:
            del queues[rule]
            continue
        one = queues[rule].popleft()
        answer = (rule, one.fact.answers[0].lower())
        if documents[one.document.id] >= MOST_OF_ONE_DOCUMENT or answers[answer] >= max(2, count // 20):
            continue
        spent[rule] += 1 / weight(rule)
        documents[one.document.id] += 1
        answers[answer] += 1
        chosen.append(one)
    return chosen


def telling(one, documents):
    """Documents other than the gold one that name the subject and have the answer too: they could answer, or nearly."""
    found = []
    for document in documents:
        named = any(subject in document.text or subject in document.title for subject in one.fact.subjects)
        if named and document.id != one.document.id and any(words.holds(document.text, answer) for answer in one.fact.answers):
            found.append(document.id)
    return found


def build(corpus, facts, pieces_of, count, options, left_out):
    """The questions of one corpus and its documents."""
    documents = [piece.document for pieces in pieces_of.values() for piece in pieces]
    index = candidates.Bm25(documents)
    documents = [document for document, size in zip(documents, index.tokens) if size <= LONGEST]
    chosen = choose(place(facts, pieces_of, left_out), count, options.seed, corpus)
    made = []
    for one in chosen:
        from_pages = {piece.document.id for uri in one.fact.exclude_uris for piece in pieces_of.get(uri, ())}
        made.append(Question(
            id="", question=one.fact.question, answers=list(one.fact.answers), gold_documents=[one.document.id],
            evidence=one.evidence, answerable=True, overlap=one.overlap, split=corpora.SPLIT[corpus], corpus=corpus,
            group=one.fact.rule, exclude_documents=sorted({*telling(one, documents), *from_pages} - {one.document.id})))
    removed = halve(made, options.seed, lambda q: (q.corpus, q.overlap))
    for i, question in enumerate(made):
        if i in removed:
            question.answerable, question.more = False, {"removed_answers": question.answers}
            question.answers = []
            question.exclude_documents = sorted({*question.exclude_documents, *question.gold_documents})
        question.passages = candidates.passages(question.question, question.gold_documents, question.exclude_documents, index,
                                                options.seed, options.context_tokens)
    return documents, made


def kept_documents(documents, questions, most, seed):
    """At most `most` documents of a corpus: those that questions name first, then random others."""
    needed = {name for q in questions for name in (*q.gold_documents, *q.passages, *q.exclude_documents)}
    others = [d.id for d in documents if d.id not in needed]
    rng(seed, "facts documents", documents[0].corpus).shuffle(others)
    kept = needed | set(others[:max(0, most - len(needed))])
    return [d for d in documents if d.id in kept]


def make(cache, options):
    left_out, documents, questions, found = collections.Counter(), [], [], collections.Counter()
    articles = wikipedia.articles(cache)
    summaries = facts_wikipedia.pages_of(articles)
    told = list(facts_wikipedia.rules(articles, summaries))
    for split in ("dev", "heldout"):
        members = [corpus for corpus in CORPORA if corpora.SPLIT[corpus] == split]
        for number, corpus in enumerate(members):
            if corpus in RULES:
                pages = corpora.load(cache, corpus)
                facts = list(RULES[corpus](pages, options.seed))
            else:
                pages = summaries[corpus]
                facts = [fact for fact in told if fact.page.corpus == corpus]
            found.update(fact.rule for fact in facts)
            share = options.size // len(members) + (number < options.size % len(members))
            made_documents, made = build(corpus, facts, {page.uri: cut(page) for page in pages}, share, options, left_out)
            documents += kept_documents(made_documents, made, options.documents, options.seed)
            questions += made
    questions = interleave(questions, options.seed)
    for i, question in enumerate(questions):
        question.id = f"facts-{i + 1:04}"
    sources = cache.describe([name for corpus in RULES for name in corpora.SOURCES[corpus]] + [wikipedia.SOURCE])
    return Set(name="facts", description="fact questions over documentation and Wikipedia summaries, with distractors", task="qa",
               seed=options.seed, sources=sources, notes=notes(found, left_out, questions, options), documents=documents,
               questions=questions)


def notes(found, left_out, questions, options):
    used = collections.Counter(q.group for q in questions)
    return [
        "dev: " + ", ".join(c for c in CORPORA if corpora.SPLIT[c] == "dev") + "; heldout: "
        + ", ".join(c for c in CORPORA if corpora.SPLIT[c] == "heldout") + ": corpora, so documents too, are disjoint",
        "rules (facts found, questions used): " + "; ".join(f"{rule} ({found[rule]}, {used[rule]})" for rule in sorted(found)),
        "left out: " + "; ".join(f"{reason}: {left_out[reason]}" for reason in sorted(left_out)),
        f"at most {MOST_OF_ONE_DOCUMENT} questions of one document; documents are sections and pages of at most {LONGEST} tokens, those "
        f"that questions name and random others up to {options.documents} a corpus (--documents)",
        "evidence[0] is the sentence or row with the answer, the others name what it is about (an entry's head); overlap is measured "
        "against evidence[0]: " + words.OVERLAP_NOTE,
        "exclude_documents: other documents that have both the subject's name and the answer, and those a question was worded from; "
        "for unanswerable ones the gold document too",
        f"passages: gold document (if any) and the best by BM25 that fit, about {options.context_tokens} tokens together, shuffled",
        *READ,
        wikipedia.NOTE]
