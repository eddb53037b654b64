"""The documentation corpora: pages of Debian's documentation packages, each corpus wholly in one split.

corpus      split    from
python      dev      python3.11-doc: library, reference, C API, how-tos, FAQ, tutorial
git         dev      git-doc: commands, configuration, guides
sqlite      heldout  sqlite3-doc, without release notes by version and lists of lists
man         heldout  manpages, manpages-dev: sections 2 to 5 and 7
debian      heldout  debian-policy, developers-reference, debian-reference-en
"""
import concurrent.futures
import os
import re

from . import html_text, man_text
from .pages import Page, is_heading

SPLIT = {"python": "dev", "git": "dev", "wikipedia-a": "dev", "sqlite": "heldout", "man": "heldout", "debian": "heldout",
         "wikipedia-b": "heldout"}
SOURCES = {"python": ["python3.11-doc"], "git": ["git-doc"], "sqlite": ["sqlite3-doc"], "man": ["manpages", "manpages-dev"],
           "debian": ["debian-policy", "developers-reference", "debian-reference-en"]}

PYTHON_PARTS = ("library", "reference", "c-api", "howto", "faq", "tutorial", "using")


def load(cache, corpus):
    """Pages of a corpus, in the order of their paths; parsed once for all sets of one run."""
    if corpus not in cache.pages:
        roots = [cache.open(name) / "usr/share" for name in SOURCES[corpus]]
        cache.pages[corpus] = [page for page in _LOADERS[corpus](roots) if len(page.blocks) > 2]
    return cache.pages[corpus]


def _html(path, uri, corpus):
    blocks = html_text.blocks(path.read_text(encoding="utf-8", errors="replace"))
    title = next((b.text for b in blocks if is_heading(b)), path.stem)
    return Page(uri, re.sub(r"^[\d.]+\s+", "", title), corpus, blocks)


def _python(roots):
    root = roots[0] / "doc/python3.11/html"
    for part in PYTHON_PARTS:
        for path in sorted((root / part).glob("*.html")):
            if path.name not in ("index.html", "stdlib.html"):
                yield _html(path, f"python/{part}/{path.stem}", "python")


def _git(roots):
    for path in sorted((roots[0] / "doc/git-doc").glob("*.html")):
        yield _html(path, f"git/{path.stem}", "git")


def _sqlite(roots):
    left_out = re.compile(r"changes|chronology|news|keyword_index|doclist|sitemap|toc|hp\d|doc_.*|funclist|constlist|objlist|"
                          r"syntaxdiagrams|capi3ref|rescode_list|copyright.*|download|support|index|search|\d+to\d+|mingw|"
                          r"c_interface|formatchng|oldnews|fileformat2|requirements|matrix.*|th3|testing|famous|cksumvfs")
    root = roots[0] / "doc/sqlite3"
    for path in sorted([*root.glob("*.html"), *(root / "c3ref").glob("*.html")]):
        if not left_out.fullmatch(path.stem):
            part = "c3ref/" if path.parent.name == "c3ref" else ""
            yield _html(path, f"sqlite/{part}{path.stem}", "sqlite")


def _man(roots):
    paths = sorted((path for root in roots for section in "23457" for path in (root / f"man/man{section}").glob("*.gz")
                    if not path.is_symlink()), key=lambda path: path.name)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        texts = pool.map(man_text.render, paths)
    for path, text in zip(paths, texts):
        if text is not None:
            name, section = path.name[:-3].rsplit(".", 1)
            yield Page(f"man/{name}.{section}", f"{name}({section})", "man", man_text.blocks(text))


def _debian(roots):
    for root, folder, name in ((roots[0], "doc/debian-policy/policy.html", "policy"),
                               (roots[1], "developers-reference", "developers-reference"),
                               (roots[2], "debian-reference", "debian-reference")):
        for path in sorted((root / folder).rglob("*.html")):
            if path.stem not in ("index", "genindex", "search") and not re.search(r"\.(?!en)[a-z]{2}(_[A-Z]{2})?$", path.stem):
                yield _html(path, f"debian/{name}/{path.stem}", "debian")


_LOADERS = {"python": _python, "git": _git, "sqlite": _sqlite, "man": _man, "debian": _debian}
