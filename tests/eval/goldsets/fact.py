"""What a rule finds: a question about a subject, its answer, and the blocks of a page that state it."""
import re
from dataclasses import dataclass, field

from . import text as words
from .sets import rng


@dataclass
class Fact:
    rule: str
    page: object  # a Page
    question: str
    answers: list
    block: int  # the one that states the answer
    span: tuple  # characters of that block: the sentence or row
    context: list = field(default_factory=list)  # blocks that name what it is about
    subjects: list = field(default_factory=list)  # names by which another document could tell the same fact
    exclude_uris: tuple = ()  # pages the question was made from


def sentence_at(text, at):
    """The sentence of `text` that has the character at `at`."""
    for begin, end in words.sentences(text):
        if begin <= at < end:
            return begin, end
    return 0, len(text)


def pick(seed, templates, subject):
    """One of several wordings, the same one each time."""
    return rng(seed, "wording", subject).choice(templates)


def table_facts(page, table, key, value, template, rule, most_words=8, subjects=None, seed=0):
    """A question a row: the cell of column `key` put into `template`, answered by column `value`.

    Rows with an empty or long value, a key that occurs twice, or a value with a footnote mark are left out.
    """
    rows = [(i, block) for i, block in enumerate(page.blocks) if block.kind == "row" and block.table == table]
    keys = [block.cells[key] for _, block in rows if key < len(block.cells)]
    for i, block in rows:
        if block.header or max(key, value) >= len(block.cells):
            continue
        name, answer = block.cells[key].strip(), block.cells[value].strip()
        if not name or not answer or keys.count(block.cells[key]) > 1:
            continue
        if len(answer.split()) > most_words or re.search(r"\(\d\)|\[\d\]|\u2014$", answer) or not re.search(r"\w", answer):
            continue
        question = template.format(k=name) if isinstance(template, str) else pick(seed, template, name).format(k=name)
        yield Fact(rule, page, question, [answer.rstrip(".")], i, (0, len(block.text)),
                   subjects=[name] if subjects is None else subjects(name))


def entries(page):
    """(dt index, indices of its own definition blocks): those one deeper, without those of entries inside of it."""
    for i, block in enumerate(page.blocks):
        if block.kind != "dt":
            continue
        own = []
        for j in range(i + 1, len(page.blocks)):
            other = page.blocks[j]
            if other.depth <= block.depth:
                if other.kind == "dt" and j == i + 1 + len(own) and not own:
                    continue  # another spelling of the same entry
                break
            if other.depth == block.depth + 1 and other.kind != "dt":
                own.append(j)
        yield i, own
