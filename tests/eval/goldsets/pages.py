"""Documentation pages as blocks, and the documents cut from them at headings and entries.

A document is a run of whole blocks of one page, as the page has them, headings included: about a printed page or two. Facts
are found in pages and then placed in the document that has all their blocks.
"""
from dataclasses import dataclass

from . import text as words
from .html_text import Block
from .sets import Document

TARGET, MOST = 1400, 2600  # tokens of a document: cut after the first, never beyond the second (but for one huge block)
LEAST = 500  # a heading starts a new document only after this many


@dataclass
class Page:
    uri: str
    title: str
    corpus: str
    blocks: list


@dataclass
class Piece:
    """A document and which blocks of its page it has; starts[i]: where block first + i begins in the text."""
    document: Document
    page: Page
    first: int
    starts: list

    def has(self, block):
        return self.first <= block < self.first + len(self.starts)

    def span(self, block, begin=0, end=None):
        """A byte range of the document for characters of a block's text."""
        at = self.starts[block - self.first]
        end = len(self.page.blocks[block].text) if end is None else end
        return {"document": self.document.id, **words.byte_range(self.document.text, at + begin, at + end)}


def is_heading(block):
    return block.kind[0] == "h" and block.kind[1:].isdigit()


def join(blocks):
    """(text, starts): rows and definitions stand on the next line, everything else after an empty one."""
    text, starts, before = "", [], None
    for block in blocks:
        if before is not None:
            close = (block.kind == "row" and before.kind == "row" and block.table == before.table) or (
                before.kind == "dt" and block.kind in ("dd", "dt"))
            text += "\n" if close else "\n\n"
        starts.append(len(text))
        text += block.text
        before = block
    return text, starts


def _units(blocks):
    """Ends of the smallest runs that stay together: an entry with its definition, a heading with what follows it."""
    ends = []
    for i in range(1, len(blocks)):
        starts_entry = blocks[i].kind == "dt" and blocks[i - 1].kind != "dt"
        if (is_heading(blocks[i]) or starts_entry) and not is_heading(blocks[i - 1]):
            ends.append(i)
    return ends + [len(blocks)]


def cut(page):
    """The page's documents as pieces."""
    sizes = [words.tokens(block.text) + 1 for block in page.blocks]
    bounds, begin, size = [], 0, 0
    at = 0
    for end in _units(page.blocks):
        unit = sum(sizes[at:end])
        heading = is_heading(page.blocks[at]) and page.blocks[at].kind in ("h1", "h2", "h3")
        if at > begin and (size + unit > MOST or size > TARGET or (heading and size > LEAST)):
            bounds.append((begin, at))
            begin, size = at, 0
        while size + unit > MOST and end - at > 1:  # one entry of many pages: cut between its blocks
            stop = at
            while stop < end and size + sizes[stop] <= MOST:
                size += sizes[stop]
                stop += 1
            stop = max(stop, at + 1)
            if stop >= end:
                break
            bounds.append((begin, stop))
            begin, at, size = stop, stop, 0
            unit = sum(sizes[at:end])
        size += unit
        at = end
    bounds.append((begin, len(page.blocks)))
    pieces = []
    for number, (first, last) in enumerate(bounds):
        own = page.blocks[first:last]
        text, starts = join(own)
        if not text.strip():
            continue
        heading = next((b.text for b in reversed(page.blocks[:first + 1]) if is_heading(b)), "")
        title = page.title if heading in ("", page.title) else f"{page.title}: {heading}"
        anchor = next((i for b in own for i in b.ids), None)
        document = Document(id=f"{page.uri}" + (f"#{number + 1}" if len(bounds) > 1 else ""),
                            uri=page.uri + (f"#{anchor}" if anchor and number else ""), title=title, text=text,
                            corpus=page.corpus)
        pieces.append(Piece(document, page, first, starts))
    return pieces


def block(kind, text, **more):
    return Block(kind, text, **more)
