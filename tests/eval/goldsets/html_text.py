"""HTML documentation as blocks of plain text: headings, paragraphs, items, definitions, table rows, code.

Only what Debian's documentation needs (Sphinx, AsciiDoc, DocBook, SQLite's wiki): navigation, scripts and permalinks are left
out, anchors are kept with the block that they stand at.
"""
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_BLOCKS = frozenset((*_HEADINGS, "p", "li", "dt", "dd", "pre", "div", "ul", "ol", "dl", "table", "section", "blockquote", "tr",
                     "caption", "center", "figure", "hr", "body", "main", "article", "tbody", "thead", "details", "summary"))
_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
_SKIPPED_TAGS = frozenset("script style nav head svg form button".split())
_SKIPPED_CLASSES = frozenset("""headerlink sphinxsidebar related footer navheader navfooter nosearch toc menubar searchmenu
mobileonly desktoponly tightenable toolbar contents topic-contents local-toc titlepage-legal fancy_toc hp_mlist copyright""".split())


@dataclass
class Block:
    kind: str  # h1..h6, p, li, dt, dd, pre, caption, row
    text: str
    ids: list = field(default_factory=list)
    cells: list = field(default_factory=list)  # of a row
    header: bool = False  # a row of <th> only, the table's head
    table: int = -1  # which table of the page a row is of
    depth: int = 0  # how many definitions (dd) it stands in


class _Parser(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.blocks, self.ids, self.buffer = [], [], []
        self.kinds = []  # open block elements
        self.skip = 0  # depth inside of what is left out
        self.stack = []  # open elements: (tag, skipped)
        self.tables = []  # open tables: [number, cells of the row or None, all th, in cell]
        self.count = 0
        self.pre = 0

    def handle_starttag(self, tag, attributes):
        attribute = dict(attributes)
        if tag in _VOID:
            if tag in ("br", "hr") and not self.skip:
                self.buffer.append("\n" if self.pre else " ")
            return
        if tag in ("p", "li", "dt", "dd", "tr", "td", "th"):
            self._close_implied(tag)
        skipped = tag in _SKIPPED_TAGS or bool(_SKIPPED_CLASSES & set((attribute.get("class") or "").split()))
        self.stack.append((tag, skipped))
        self.skip += skipped
        if self.skip:
            return
        in_cell = bool(self.tables) and self.tables[-1][3]
        if tag in _BLOCKS and not in_cell:
            self._flush()
        identity = attribute.get("id") or (attribute.get("name") if tag == "a" else None)
        if identity:
            self.ids.append(identity)
        if tag == "table":
            self.count += 1
            self.tables.append([self.count - 1, None, True, False])
        elif self.tables and tag == "tr" and not in_cell:
            self.tables[-1][1], self.tables[-1][2] = [], True
        elif self.tables and tag in ("td", "th") and self.tables[-1][1] is not None:
            self.tables[-1][3] = True
            self.tables[-1][2] &= tag == "th"
            self.buffer = []
        elif tag in _BLOCKS and in_cell:
            self.buffer.append(" ")
        elif tag in _BLOCKS:
            self.kinds.append(tag)
        if tag == "pre":
            self.pre += 1

    def _close_implied(self, tag):
        """Ends that HTML lets out: a <p> before a <p>, an <li> before an <li>, a cell before a cell."""
        ends = {"p": ("p",), "li": ("li", "p"), "dt": ("dt", "dd", "p"), "dd": ("dt", "dd", "p"), "tr": ("td", "th", "tr", "p"),
                "td": ("td", "th", "p"), "th": ("td", "th", "p")}[tag]
        while self.stack and self.stack[-1][0] in ends:
            self.handle_endtag(self.stack[-1][0])

    def handle_endtag(self, tag):
        if tag in _VOID or not any(name == tag for name, _ in self.stack):
            return
        while self.stack:
            name, skipped = self.stack.pop()
            if not self.skip:
                self._end(name)
            self.skip -= skipped
            if name == tag:
                return

    def _end(self, tag):
        in_cell = bool(self.tables) and self.tables[-1][3]
        if tag == "pre":
            self.pre -= 1
        if tag in ("td", "th") and in_cell:
            self.tables[-1][1].append(_squeeze("".join(self.buffer)))
            self.tables[-1][3] = False
            self.buffer = []
        elif tag == "tr" and self.tables and self.tables[-1][1] is not None and not in_cell:
            number, cells, header, _ = self.tables[-1]
            self.tables[-1][1] = None
            if any(cells):
                self.blocks.append(Block("row", " | ".join(cells), self._take_ids(), cells, header, number, self._depth()))
        elif tag == "table" and self.tables:
            self.tables.pop()
            self.buffer = []
        elif tag in _BLOCKS and not in_cell:
            self._flush(tag)
            if self.kinds:
                self.kinds.pop()

    def handle_data(self, data):
        if not self.skip:
            self.buffer.append(data)

    def _take_ids(self):
        ids, self.ids = self.ids, []
        return ids

    def _flush(self, tag=None):
        raw, self.buffer = "".join(self.buffer), []
        kind = next((k for k in reversed(self.kinds) if k in _HEADINGS or k in ("pre", "li", "dt", "dd", "caption")), "p")
        if self.kinds and self.kinds[-1] == "p" and kind not in ("li", "dd"):
            kind = "p" if kind not in _HEADINGS else kind
        text = raw.strip("\n").rstrip() if kind == "pre" else _squeeze(raw)
        if text.strip():
            self.blocks.append(Block(kind, text, self._take_ids(), depth=self._depth()))

    def _depth(self):
        return sum(tag == "dd" for tag in self.kinds)


def _squeeze(text):
    return re.sub(r"\s+", " ", text.replace("\u00b6", "").replace("\u00ad", "")).strip()


def blocks(html):
    parser = _Parser()
    parser.feed(html)
    parser.close()
    parser._flush()
    return parser.blocks
