"""`headings`: the heading of a section asks for the section; the heading is taken out of the text.

Documents are the sections themselves, a document each, so that one heading asks for one document. Headings whose words tell
nothing alone ("Notes"), or that several sections of the corpus have, are not asked; text that repeats the heading is left out.
"""
import collections
import re

from . import corpora
from . import text as words
from .pages import is_heading, join
from .sets import Document, Question, Set, halve, interleave, rng

LEAST, MOST = 60, 2500  # tokens of a section
CORPORA = ("python", "git", "sqlite", "debian")


def sections(page):
    """(heading, blocks) of a page: what follows a heading until the next one of any level."""
    heading, own = None, []
    for block in page.blocks:
        if is_heading(block):
            if heading is not None:
                yield heading, own
            heading, own = block, []
        elif heading is not None:
            own.append(block)
    if heading is not None:
        yield heading, own


def clean(heading):
    """The heading without its number ("4.2. ")."""
    return re.sub(r"^(?:Chapter )?[\dA-Z]?[\d.]*\d\.?\s+|^[A-Z]\.\d*\.?\s+", "", heading).strip()


def build(corpus, pages, count, options, left_out):
    found = [(page, clean(heading.text), own) for page in pages for heading, own in sections(page)]
    uses = collections.Counter(heading.lower() for _, heading, _ in found)
    documents, asked, seen = [], [], collections.Counter()
    for page, heading, own in found:
        text, starts = join(own)
        size = words.tokens(text)
        if not LEAST <= size <= MOST:
            left_out["section too short or too long"] += 1
            continue
        seen[page.uri] += 1
        document = Document(f"{page.uri}#s{seen[page.uri]}", page.uri, page.title, text, corpus)
        documents.append(document)
        content = set(words.terms(heading))
        if uses[heading.lower()] > 1 or len(content) < 2 or len(heading.split()) < 3:
            left_out["heading of several sections, or of fewer than three words"] += 1
        elif heading.lower() in text.lower() or heading.lower() in page.title.lower() or page.title.lower() in heading.lower():
            left_out["heading repeated in the text or the page's title"] += 1
        else:
            best = max(words.sentences(text), key=lambda span: (words.overlap(heading, text[slice(*span)]), -span[0]))
            asked.append(Question(
                id="", question=heading, answers=[], gold_documents=[document.id],
                evidence=[{"document": document.id, **words.byte_range(text, *best)}], answerable=True,
                overlap=words.overlap_class(words.overlap(heading, text)), split=corpora.SPLIT[corpus], corpus=corpus,
                group=page.uri.split("/")[1]))
    rng(options.seed, "headings", corpus).shuffle(asked)
    asked = asked[:count]
    for i in halve(asked, options.seed, lambda q: q.overlap):
        asked[i].answerable = False
        asked[i].exclude_documents = list(asked[i].gold_documents)
    return documents, asked


def make(cache, options):
    documents, questions, left_out = [], [], collections.Counter()
    for split in ("dev", "heldout"):
        members = [corpus for corpus in CORPORA if corpora.SPLIT[corpus] == split]
        for number, corpus in enumerate(members):
            share = options.size // len(members) + (number < options.size % len(members))
            made_documents, made = build(corpus, corpora.load(cache, corpus), share, options, left_out)
            gold = {name for q in made for name in q.gold_documents}
            others = [d.id for d in made_documents if d.id not in gold]
            rng(options.seed, "heading documents", corpus).shuffle(others)
            kept = gold | set(others[:max(0, options.documents - len(gold))])
            documents += [d for d in made_documents if d.id in kept]
            questions += made
    questions = interleave(questions, options.seed)
    for i, question in enumerate(questions):
        question.id = f"headings-{i + 1:04}"
    notes = [
        "dev: " + ", ".join(c for c in CORPORA if corpora.SPLIT[c] == "dev") + "; heldout: "
        + ", ".join(c for c in CORPORA if corpora.SPLIT[c] == "heldout"),
        f"documents: sections of {LEAST} to {MOST} tokens without their heading; the gold ones and random others, "
        f"{options.documents} a corpus (--documents)",
        "left out: " + "; ".join(f"{name}: {left_out[name]}" for name in sorted(left_out)),
        "overlap: " + words.OVERLAP_NOTE + "; here against the whole section. evidence is its sentence that shares most with the heading",
        "half of the questions of each corpus and overlap class have their gold document removed (exclude_documents)"]
    return Set(name="headings", description="heading -> section, the heading removed from the text", task="retrieval",
               seed=options.seed, sources=cache.describe([n for c in CORPORA for n in corpora.SOURCES[c]]), notes=notes,
               documents=documents, questions=questions)
