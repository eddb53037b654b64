"""Rules for SQLite's documentation."""
import re

from .fact import Fact, sentence_at, table_facts

TABLES = (
    ("security", 0, 0, 1, "What is SQLITE_{k} unless an application lowers it?"),
    ("security", 0, 0, 2, "To which value is SQLITE_{k} best lowered where SQLite meets hostile input?"),
    ("cves", 0, 0, 1, "Which release of SQLite repaired {k}?"),
    ("session", 1, 1, 0, "What is the streaming counterpart of {k}()?"),
    ("walformat", 1, 1, 0, "At which bytes of the WAL-index header is {k}?"),
    ("walformat", 3, 0, 1, "At which offset is the lock {k} taken?"),
    ("c3ref/column_blob", 0, 0, 2, "As what does {k}() return a column?"),
    ("c3ref/value_blob", 0, 0, 2, "As what does {k}() give an argument to an SQL function?"),
    ("lang_datefunc", 1, 0, 2, "With which call of strftime() can {k} be written in SQLite?"),
    ("fts3", 3, 0, 1, "What does the argument number {k} of snippet() default to in FTS3?"),
    ("lang_createtable", 0, 0, 1, "Which declared type does a column get in CREATE TABLE ... AS SELECT from an expression of affinity {k}?"),
)
# The same table with the description as the key: (page, table, description column, answer column, question)
PLACES = (
    ("fileformat", 0, "At which byte offset of a SQLite database file does one find this: {k}?", "database header"),
    ("fileformat", 6, "At which byte offset of a rollback journal's header does one find this: {k}?", "journal header"),
    ("fileformat", 8, "At which byte offset of a WAL file's header does one find this: {k}?", "WAL header"),
    ("fileformat", 9, "At which byte offset of a WAL frame's header does one find this: {k}?", "WAL frame header"),
)
_VERSION = r"(3\.\d+(?:\.\d+){0,2})"
_ADDED = re.compile(r"(?:^|(?<=[.:] ))(?:Compatibility Warning: )?((?:The |Support for )?[A-Z\"][^.:;]{3,90}?) (was|were|has been|have been) "
                    r"(?:first )?(?:added|available|supported) (?:to|in|with|since|beginning with) (?:SQLite )?(?:with |in )?(?:release )?"
                    r"(?:versions? )?" + _VERSION)
_NUMBER = r"(\d[\d,]*\d|\d)"


def _result_codes(by_uri):
    """A result code's own comment in sqlite3.h asks for its name; the page on result codes describes it in other words."""
    header, page = by_uri.get("sqlite/c3ref/c_abort"), by_uri.get("sqlite/rescode")
    if header is None or page is None:
        return
    comments = re.findall(r"#define (SQLITE_[A-Z]+)\s+\d+\s*/\* (.+?)\s*\*/", header.blocks[0].text)
    for name, comment in comments:
        heading = next((i for i, b in enumerate(page.blocks) if b.kind == "h3" and b.text.endswith(" " + name)), None)
        if heading is None or name in ("SQLITE_OK", "SQLITE_ROW", "SQLITE_DONE", "SQLITE_EMPTY", "SQLITE_FORMAT", "SQLITE_NOLFS",
                                       "SQLITE_NOTICE", "SQLITE_WARNING", "SQLITE_ERROR", "SQLITE_NOTADB"):
            continue  # not an error, not used, or a comment that says nothing
        text = page.blocks[heading + 1].text
        if name in text:
            yield Fact("sqlite: result code", page, f"Which result code does SQLite's C interface have for this case: "
                       f"{comment[0].lower() + comment[1:] if not comment.startswith(('VFS', '2nd', 'SQL', 'sqlite')) else comment}?",
                       [name], heading + 1, sentence_at(text, text.index(name)), [heading], [comment],
                       ("sqlite/c3ref/c_abort",))


def _numbers(page):
    for i, block in enumerate(page.blocks):
        found = re.fullmatch(r"\((\d+)\) (SQLITE_[A-Z_]+)", block.text)
        if found and block.kind == "h3" and "_" in found[2][7:]:
            yield Fact("sqlite: number of a code", page, f"Which integer is the extended result code {found[2]}?", [found[1]], i,
                       (0, len(block.text)), [], [found[2]])


def _defaults(page):
    """Compile-time options and limits: a heading line with the macro, then a paragraph with its default."""
    macro, at, seen = None, None, {}
    for i, block in enumerate(page.blocks):
        found = re.match(r"([A-Z][A-Z_]{4,})(?:=.*)?$", block.text)
        if found:
            macro, at = found[1], i
            continue
        if block.kind[0] == "h" or "Maximum" in block.text[:40] and len(block.text) < 60:
            macro = None
        for match in re.finditer(r"(SQLITE_[A-Z_]+)?[^.]*?\b(?:[Dd]efault (?:value |setting )?(?:for|of) (?:this \w+|\w+) is|defaults to|default is|"
                                 r"[Dd]efault value is) " + _NUMBER + r"(?= |\.|,|$)", block.text):
            inside = re.findall(r"SQLITE_(?:MAX|DEFAULT)_[A-Z_]+", block.text[:match.end()])
            name = inside[-1] if inside else macro
            by_version = re.search(r"\b(prior to|before|after|since|as of|otherwise|except)\b", block.text[match.start():match.end() + 60])
            if name and not by_version:
                seen.setdefault(name, []).append((i, match, at if name == macro else i))
    for name, found in seen.items():
        if len(found) == 1:
            i, match, context = found[0]
            yield Fact("sqlite: default", page, f"How large is {name} when a build does not set it?", [match[2]], i,
                       sentence_at(page.blocks[i].text, match.end() - 1), [context] if context != i else [], [name])


def rules(pages, seed):
    by_uri = {page.uri: page for page in pages}
    for uri, table, key, value, template in TABLES:
        page = by_uri.get("sqlite/" + uri)
        if page is None:
            continue
        for fact in table_facts(page, table, key, value, template, "sqlite: tables", seed=seed):
            if uri == "cves":
                version = re.match(_VERSION, fact.answers[0])
                if not version:
                    continue
                fact.answers = [version[1]]
            yield fact
    for uri, table, template, _ in PLACES:
        page = by_uri.get("sqlite/" + uri)
        if page is None:
            continue
        for i, block in enumerate(page.blocks):
            if block.kind == "row" and block.table == table and not block.header and len(block.cells) == 3:
                what = re.split(r"[.:;,] ", block.cells[2])[0].strip(" .\"").replace('"', "")
                if 2 <= len(what.split()) <= 9 and block.cells[0].isdigit() and not re.search(r"^Must|^Reserved|\d", what):
                    yield Fact("sqlite: file layout", page, template.format(k=what[0].lower() + what[1:]), [block.cells[0]], i,
                               (0, len(block.text)), [], [what])
    yield from _result_codes(by_uri)
    if "sqlite/rescode" in by_uri:
        yield from _numbers(by_uri["sqlite/rescode"])
    for uri in ("sqlite/compile", "sqlite/limits"):
        if uri in by_uri:
            yield from _defaults(by_uri[uri])
    for page in pages:
        if page.uri.startswith(("sqlite/releaselog", "sqlite/cves")):
            continue
        for i, block in enumerate(page.blocks):
            for found in _ADDED.finditer(block.text):
                what = found[1]
                if re.match(r"(This|These|It|They|That|Both|All|Three|Two|The ability|The following|Note|Some|Many|Here|There|No |If|When)\b", what):
                    continue
                what = what[0].lower() + what[1:] if re.match(r"(The|Support|Generated|Row|Window|Hexadecimal|Partial)\b", what) else what
                yield Fact("sqlite: version added", page, f"From which SQLite version on can one use {what.removeprefix('support for ')}?",
                           [found[3]], i, sentence_at(block.text, found.start(1)), [], [found[1]])
