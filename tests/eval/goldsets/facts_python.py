"""Rules for the Python documentation."""
import re

from .fact import Fact, entries, pick, sentence_at, table_facts

# page, table, key column, value column, wording
TABLES = (
    ("library/struct", 1, 0, 1, "Which C type does the format character '{k}' of the struct module stand for?"),
    ("library/struct", 0, 0, 1, "Which byte order does '{k}' select as the first character of a struct format string?"),
    ("library/array", 0, 0, 1, "Which C type has the type code {k} of the array module?"),
    ("library/codecs", 4, 0, 2, "Which language is the standard codec {k} meant for?"),
    ("library/codecs", 4, 0, 1, "By which other names can Python's codec {k} be given?"),
    ("library/__future__", 0, 0, 2, "In which Python release did the __future__ feature {k} become mandatory?"),
    ("library/__future__", 0, 0, 1, "In which Python release could the __future__ feature {k} first be switched on?"),
    ("library/ctypes", 0, 0, 1, "Which C type corresponds to ctypes.{k}?"),
    ("library/curses.ascii", 0, 0, 1, "What does the ASCII control character {k} stand for, according to the curses.ascii module?"),
    ("library/grp", 0, 0, 1, "Under which attribute does an entry of the group database have its item number {k}?"),
    ("library/pwd", 0, 1, 2, "What does the attribute {k} of a password database entry hold?"),
    ("library/resource", 0, 1, 2, "Which resource is counted by {k} in the result of resource.getrusage()?"),
    ("library/http", 0, 0, 1, "What is the name in http.HTTPStatus of the status code {k}?"),
    ("library/imghdr", 0, 0, 1, "Which image format is meant when imghdr.what() returns {k}?"),
    ("library/sndhdr", 0, 0, 1, "Which sound format is meant when sndhdr gives the type {k}?"),
    ("library/logging", 0, 0, 1, "Which number is behind the logging level {k}?"),
    ("library/logging", 1, 0, 1, "How is the LogRecord attribute {k} written in a %-style format string?"),
    ("library/operator", 0, 0, 2, "Which function of the operator module performs the operation called '{k}'?"),
    ("library/pathlib", 0, 0, 1, "What replaces {k} when code is moved to pathlib?"),
    ("library/sys", 1, 0, 1, "Which command line option sets sys.flags.{k}?"),
    ("library/sys", 6, 0, 1, "What is the value of sys.platform on {k}?"),
    ("library/unittest", 4, 0, 1, "What is the deprecated alias of the unittest method {k}?"),
    ("library/unittest", 3, 0, 1, "Values of which type does unittest's {k} compare?"),
    ("library/urllib.parse", 0, 0, 1, "At which index of the tuple from urlparse() is the {k}?"),
    ("library/sqlite3", 1, 0, 1, "As which SQLite type does the sqlite3 module store the Python type {k}?"),
    ("library/time", 2, 1, 2, "Which values can the attribute {k} of a struct_time take?"),
    ("library/tomllib", 0, 0, 1, "To which Python type does tomllib turn the TOML type '{k}'?"),
    ("library/zipfile", 0, 0, 1, "What is at index {k} of ZipInfo.date_time?"),
    ("library/curses", 0, 0, 2, "Which character is drawn by default for the parameter {k} of curses' border()?"),
    ("library/webbrowser", 0, 0, 1, "Which class does the webbrowser module use for the browser type {k}?"),
    ("library/winsound", 0, 0, 1, "Which sound of the Windows control panel belongs to the PlaySound() name {k}?"),
    ("library/json", 0, 0, 1, "What does Python's json decoder make of the JSON type '{k}'?"),
    ("c-api/typeobj", 2, 0, 2, "What is the return type of the slot typedef {k} in the C API?"),
    ("c-api/structures", 1, 0, 1, "Which C type has a structure member declared with the macro {k}?"),
    ("c-api/typeobj", 3, 0, 1, "Which comparison does the constant {k} ask for?"),
    ("using/windows", 0, 0, 2, "What is the default of the installer option {k} of Python for Windows?"),
    ("using/windows", 1, 0, 1, "Which number does the Python launcher for Windows return for {k}?"),
    ("reference/lexical_analysis", 0, 0, 1, "Which character does the escape sequence {k} stand for in a Python string?"),
)
_VERSION = r"(\d\.\d+(?:\.\d+)?)"


def _name(block):
    """("os.path.join()", "os.path.join") of an entry, or None when it has no dotted anchor of a module's member."""
    identity = next((i for i in block.ids if re.fullmatch(r"[A-Za-z_][\w.]*\.\w+", i)), None)
    if identity is None:  # the C API: c.PyList_New
        return None
    if identity.startswith("c."):
        return (identity[2:] + "()", identity[2:]) if "(" in block.text else (identity[2:], identity[2:])
    called = "(" in block.text and not block.text.startswith(("class ", "exception "))
    return identity + ("()" if called else ""), identity


def _entry_rules(page, seed):
    for at, own in entries(page):
        named = _name(page.blocks[at])
        if named is None:
            continue
        shown, name = named
        last = name.rsplit(".", 1)[-1]
        subjects = [name] if last == name else [name, last + "()"]
        news = [j for j in own if page.blocks[j].text.startswith("New in version")]
        for j in own:
            text = page.blocks[j].text
            found = re.fullmatch(rf"New in version {_VERSION}\.", text)
            if found and len(news) == 1:
                question = pick(seed, ("In which version of Python was {n} added?", "Since which Python release has {n} existed?",
                                       "Which is the first Python version that has {n}?"), name).format(n=shown)
                yield Fact("python: version added", page, question, [found[1]], j, (0, len(text)), [at], subjects)
            found = re.match(rf"Deprecated since version {_VERSION}, will be removed in version {_VERSION}", text)
            if found:
                yield Fact("python: removal", page, f"With which Python release will {shown} disappear?", [found[2]], j,
                           sentence_at(text, 0), [at], subjects)
            found = re.fullmatch(rf"Deprecated since version {_VERSION}[.:].*", text, re.DOTALL)
            if found and sum(page.blocks[k].text.startswith("Deprecated") for k in own) == 1:
                yield Fact("python: deprecation", page, f"From which Python version on should {shown} no longer be used?", [found[1]],
                           j, sentence_at(text, 0), [at], subjects)
            found = re.search(r"Raises an auditing event ([\w./]+) with", text)
            if found and found[1] not in shown and shown.rstrip("()") not in found[1]:
                yield Fact("python: audit event", page, f"Which event do audit hooks see when {shown} is called?", [found[1]], j,
                           sentence_at(text, found.start()), [at], [name])
            found = re.fullmatch(r"Availability: ([\w .>=]+?)(?:, not \w+)*\.?", text)
            if found:
                yield Fact("python: availability", page, f"On which platform can {shown} be used?", [found[1]], j, (0, len(text)), [at],
                           subjects)
            found = re.match(r"Return value: (New|Borrowed) reference", text)
            if found and name.startswith("Py"):
                yield Fact("python: C reference", page, f"What kind of reference does a C program get from {shown}?",
                           [f"{found[1]} reference"], j, sentence_at(text, 0), [at], subjects)
            found = re.search(rf"Part of the Stable ABI since version {_VERSION}", text)
            if found:
                yield Fact("python: stable ABI", page, f"From which Python version on can extensions with a stable ABI call {shown}?",
                           [found[1]], j, sentence_at(text, found.start()), [at], subjects)
        signature = page.blocks[at].text
        arguments = re.search(r"\((.*)\)", signature)
        for parameter, value in re.findall(r"(\w+)=('[^']{2,}'|\d{2,}[\w.]*|\d+\.\d+|\d+e-?\d+|[A-Z][A-Z_]{3,})(?=[,)\]])",
                                           arguments[0] if arguments else ""):
            yield Fact("python: default", page, f"Which value does {shown} assume when {parameter} is not passed?", [value.strip("'")],
                       at, (0, len(signature)), [], subjects)


def rules(pages, seed):
    by_uri = {page.uri: page for page in pages}
    for uri, table, key, value, template in TABLES:
        page = by_uri.get("python/" + uri)
        if page is not None:
            for fact in table_facts(page, table, key, value, template, "python: tables", seed=seed):
                # pathlib: Path.rename() for os.rename() needs no document
                if uri != "library/pathlib" or fact.subjects[0].rsplit(".", 1)[-1] not in fact.answers[0]:
                    yield fact
    for page in pages:
        yield from _entry_rules(page, seed)
        module = re.match(r"([\w.]+) \u2014 ", page.title)
        for i, block in enumerate(page.blocks):
            found = re.fullmatch(r"Source code: (Lib/[\w/.]+)", block.text)
            if found and module and i < 4 and found[1].rstrip("/").rsplit("/", 1)[-1].split(".")[0] != module[1].rsplit(".", 1)[-1]:
                yield Fact("python: source file", page, f"In which file of CPython's source tree is the module {module[1]} written?",
                           [found[1]], i, (0, len(block.text)), [0], [module[1]])
            found = re.match(rf"Deprecated since version {_VERSION}, will be removed in version {_VERSION}", block.text)
            if found and module and block.kind == "p" and i < 4:
                yield Fact("python: removal", page, f"Which Python release will no longer have the module {module[1]}?", [found[2]], i,
                           sentence_at(block.text, 0), [0], [module[1]])
