"""`symbols`: a name of Python's documentation index (objects.inv) asks for the document that describes it."""
import collections
import zlib

from . import corpora
from . import text as words
from .pages import cut
from .sets import Question, Set, halve, interleave, rng

# The standard library is one corpus, the C API the other, so that the halves share neither documents nor naming.
PARTS = (("python-library", "library", "dev"), ("python-c-api", "c-api", "heldout"))
KINDS = {"py:function": "function", "py:class": "class", "py:method": "method", "py:attribute": "attribute", "py:data": "constant",
         "py:exception": "exception", "c:function": "C function", "c:type": "C type", "c:macro": "C macro", "c:var": "C variable",
         "c:member": "C structure member"}
FILE = "doc/python3.11/html/objects.inv"


def read_inventory(raw):
    """[(name, role, page without .html, anchor)] of a Sphinx inventory, version 2."""
    head, body = raw.split(b"# zlib", 1)[0], raw
    for _ in range(4):
        body = body.split(b"\n", 1)[1]
    if not head.startswith(b"# Sphinx inventory version 2"):
        raise ValueError("objects.inv is not a Sphinx inventory of version 2")
    found = []
    for line in zlib.decompress(body).decode("utf-8").splitlines():
        name, role, _, rest = line.split(" ", 3) if line.count(" ") >= 4 else ("", "", "", "")
        location = rest.split(" ", 1)[0]
        if role in KINDS or role == "py:module":
            page, _, anchor = location.partition("#")
            found.append((name, role, page.removesuffix(".html"), anchor.replace("$", name)))
    return found


def build(corpus, part, split, pages, inventory, count, options, left_out):
    by_uri = {page.uri: page for page in pages if page.uri.startswith(f"python/{part}/")}
    pieces_of = {uri: cut(page) for uri, page in by_uri.items()}
    documents = []
    for pieces in pieces_of.values():
        for piece in pieces:
            piece.document.corpus = corpus
            documents.append(piece.document)
    places, made = collections.defaultdict(list), []
    for uri, page in by_uri.items():
        for i, block in enumerate(page.blocks):
            for anchor in block.ids:
                places[uri, anchor].append(i)
    for name, role, location, anchor in sorted(set(inventory)):
        if role not in KINDS or not location.startswith(part + "/"):
            continue
        blocks = places.get((f"python/{location}", anchor), [])
        if len(blocks) != 1:
            left_out["anchor not found, or found twice"] += 1
            continue
        piece = next(p for p in pieces_of[f"python/{location}"] if p.has(blocks[0]))
        sentence = by_uri[f"python/{location}"].blocks[blocks[0]].text
        overlap = words.overlap(name, sentence)
        made.append(Question(
            id="", question=f"{KINDS[role]} {name}", answers=[], gold_documents=[piece.document.id], evidence=[piece.span(blocks[0])],
            answerable=True, overlap=words.overlap_class(overlap), split=split, corpus=corpus, group=role))
    rng(options.seed, "symbols", corpus).shuffle(made)
    chosen, uses = [], collections.Counter()
    for question in made:
        document = question.gold_documents[0]
        if uses[document] < 2 and len(chosen) < count:
            uses[document] += 1
            chosen.append(question)
    for i in halve(chosen, options.seed, lambda q: q.overlap):
        chosen[i].answerable = False
        chosen[i].exclude_documents = list(chosen[i].gold_documents)
    return documents, chosen


def make(cache, options):
    root = cache.open("python3.11-doc") / "usr/share"
    inventory = read_inventory((root / FILE).read_bytes())
    pages = corpora.load(cache, "python")
    documents, questions, left_out = [], [], collections.Counter()
    for corpus, part, split in PARTS:
        made_documents, made = build(corpus, part, split, pages, inventory, options.size, options, left_out)
        documents += made_documents
        questions += made
    questions = interleave(questions, options.seed)
    for i, question in enumerate(questions):
        question.id = f"symbols-{i + 1:04}"
    notes = [
        "python-library (dev): functions, classes, methods, data of the standard library; python-c-api (heldout): the C API",
        "left out: " + ("; ".join(f"{name}: {left_out[name]}" for name in sorted(left_out)) or "nothing"),
        "at most two symbols of one document",
        "a symbol's name mostly stands in its section word for word: keyword search is strong here, and overlap (against the "
        "entry's head) mostly high",
        "half of the questions have their gold document removed; another document may still mention the name"]
    return Set(name="symbols", description="Python symbol -> the document that describes it", task="retrieval", seed=options.seed,
               sources=cache.describe(["python3.11-doc"]), notes=notes, documents=documents, questions=questions)
