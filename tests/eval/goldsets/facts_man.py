"""Rules for the manual pages of the Linux man-pages project."""
import re

from .fact import Fact, pick, sentence_at
from .pages import is_heading

_SINCE = re.compile(r"^(?P<name>/?[\w/\[\]%.<>-]+(?:\(\))?)(?: .{0,40})? \((?:since|from) (?P<system>Linux|glibc) (?P<version>\d[\d.]*\d)\)$")
_ADDED = re.compile(r"(?P<name>\w+)\(\)(?: system call)? (?:first )?(?:appeared|was added|is available|is provided|was introduced) (?:in|since) "
                    r"(?P<system>Linux|glibc) (?P<version>\d+(?:\.\d+)+)")


def _sections(page):
    """{heading: (first block, end)} of the sections in capitals."""
    heads = [i for i, block in enumerate(page.blocks) if block.kind == "h1"]
    return {page.blocks[i].text: (i + 1, end) for i, end in zip(heads, heads[1:] + [len(page.blocks)])}


def _declared(page, first, end):
    """Names of the functions that the SYNOPSIS declares."""
    names = []
    for block in page.blocks[first:end]:
        found = re.match(r"(?:[\w*]+ )+\**(\w+)\(", block.text)
        if found:
            names.append(found[1])
    return names


def _synopsis(page, seed):
    sections = _sections(page)
    if "SYNOPSIS" not in sections or not re.search(r"\([23]\)$", page.title):
        return
    first, end = sections["SYNOPSIS"]
    names = _declared(page, first, end)
    headers = [(i, m) for i in range(first, end) for m in [re.match(r"#include (<[\w/.]+>)", page.blocks[i].text)] if m]
    name = page.title.rsplit("(", 1)[0]
    if name not in names:
        return
    calls = [i for i in range(first, end) if re.search(rf"\b{re.escape(name)}\(", page.blocks[i].text)]
    if len(headers) == 1 and calls:
        yield Fact("man: header", page, pick(seed, ("Which header must a C program include to call {n}()?", "Where is {n}() declared?",
                                                    "Which include file makes {n}() known to the compiler?"), name).format(n=name),
                   [headers[0][1][1], headers[0][1][1].strip("<>")], headers[0][0], (0, len(page.blocks[headers[0][0]].text)), calls[:1],
                   [name + "("])
    library = sections.get("LIBRARY")
    if library:
        found = re.search(r"\(lib\w+, (-l\w+)\)", page.blocks[library[0]].text)
        if found and found[1] != "-lc":
            yield Fact("man: library", page, f"With which option must a program be linked that calls {name}()?", [found[1]], library[0],
                       (0, len(page.blocks[library[0]].text)), calls[:1], [name + "("])
    macro = next((i for i in range(first, end) if page.blocks[i].text.startswith("Feature Test Macro Requirements")), None)
    if macro is not None:
        for i in range(macro + 1, end - 1):
            after = page.blocks[i + 2] if i + 2 < end else None
            alone = after is None or is_heading(after) or after.text.endswith("():") or "():" in after.text
            if page.blocks[i].text == f"{name}():" and re.fullmatch(r"_\w+_?SOURCE", page.blocks[i + 1].text) and alone:
                yield Fact("man: feature macro", page, f"What has to be defined so that glibc's headers show {name}()?",
                           [page.blocks[i + 1].text], i + 1, (0, len(page.blocks[i + 1].text)), [i], [name + "("])
    names_section = sections.get("ATTRIBUTES")
    if names_section:
        for i in range(*names_section):
            block = page.blocks[i]
            if block.kind == "row" and not block.header and len(block.cells) == 3 and block.cells[1] == "Thread safety":
                owners = re.findall(r"\w+(?=\(\))", block.cells[0])
                if name in owners and re.match(r"MT-(?:Safe|Unsafe) \w", block.cells[2]):
                    yield Fact("man: thread safety", page, f"How do the manual pages rate the use of {name}() by several threads at once?",
                               [block.cells[2]], i, (0, len(block.text)), [], [name + "("])


def _since(page):
    found = {}
    for i, block in enumerate(page.blocks):
        match = _SINCE.match(block.text) if block.kind in ("dt", "p", "dd") else None
        if match:
            found.setdefault(match["name"], []).append((i, match))
    for name, places in found.items():
        if len(places) == 1 and len(name) > 4 and not re.fullmatch(r"E[A-Z0-9]+", name):  # errors: a case, not a name
            i, match = places[0]
            yield Fact("man: since", page, f"What is the oldest {'kernel' if match['system'] == 'Linux' else 'C library'} version that knows "
                       f"{name}, according to {page.title}?", [match["version"]], i, (0, len(page.blocks[i].text)), [], [name])


def _added(page):
    found = {}
    for i, block in enumerate(page.blocks):
        for match in _ADDED.finditer(block.text):
            found.setdefault((match["name"], match["system"]), []).append((i, match))
    for (name, system), places in found.items():
        if len(places) == 1:
            i, match = places[0]
            yield Fact("man: version added", page, f"Which {system} version brought {name}()?", [match["version"]], i,
                       sentence_at(page.blocks[i].text, match.start()), [], [name + "("])


def _defaults(page):
    """Files of /proc and tunables: a tag, then a sentence with its default."""
    tag = None
    for i, block in enumerate(page.blocks):
        if block.kind == "dt":
            tag = i
        if is_heading(block):
            tag = None
        if tag is None or i == tag:
            continue
        name = re.match(r"(/[\w/.-]+|[A-Za-z]\w*_\w+)(?= |$)", page.blocks[tag].text)
        found = list(re.finditer(r"[Dd]efault(?: value)?(?: (?:in|for|of) this (?:file|variable|parameter))? is (\"[^\"]+\"|'[^']+'|\d[\d,.]*\d|\d)"
                                 r"((?: \w+)?)(?=[.;,]| \()", block.text))
        if name and len(found) == 1 and "efault" not in block.text.replace(found[0][0], "", 1) and "default" not in page.blocks[tag].text:
            yield Fact("man: default", page, f"What is {name[1]} set to on a system where nobody has changed it?", [found[0][1].strip("\"'")],
                       i, sentence_at(block.text, found[0].start()), [tag], [name[1]])


def _signals(page):
    for i, block in enumerate(page.blocks):
        found = re.match(r"(SIG[A-Z0-9]+)  (P1990|P2001|-)  (Core|Term|Ign|Cont|Stop)  (.+)$", block.text)
        if found:
            word = {"Core": "Core", "Term": "Term", "Ign": "Ign", "Cont": "Cont", "Stop": "Stop"}[found[3]]
            yield Fact("man: signals", page, f"Which action does signal(7) list as what happens by default on {found[1]}?", [word], i,
                       (0, len(block.text)), [], [found[1]])


def rules(pages, seed):
    for page in pages:
        yield from _synopsis(page, seed)
        yield from _since(page)
        yield from _added(page)
        yield from _defaults(page)
        if page.uri == "man/signal.7":
            yield from _signals(page)
        if page.uri == "man/pthread_create.3":
            for i, block in enumerate(page.blocks):
                if block.kind == "row" and len(block.cells) == 2 and re.search(r"\d MB", block.cells[1]):
                    yield Fact("man: tables", page, f"How large is the stack of a new thread on {block.cells[0]} unless told otherwise?",
                               [block.cells[1]], i, (0, len(block.text)), [], [block.cells[0]])
        if page.uri == "man/fopen.3":
            for i, block in enumerate(page.blocks):
                if block.kind == "row" and len(block.cells) == 2 and block.cells[1].startswith("O_"):
                    yield Fact("man: tables", page, f"Which flags of open(2) is the fopen() mode {block.cells[0]} the same as?",
                               [block.cells[1]], i, (0, len(block.text)), [], [block.cells[0]])
