"""Rules for Debian's manuals: the reference's tables."""
from .fact import table_facts

# page, column name of the key, column name of the value, wording: all tables of the page that have both columns.
TABLES = (
    ("ch10.en", "package", "extension", "Which file name extension belongs to the compression or archive tool of the package {k}?"),
    ("ch10.en", "package", "command", "Which command does the Debian reference name for the package {k}?"),
    ("ch06.en", "package", "protocol", "Which protocol does the server or client package {k} speak?"),
    ("ch06.en", "package", "port", "On which port and protocol does the print server or utility {k} work?"),
    ("ch06.en", "package", "tool", "Which tool does the Debian reference list for the package {k}?"),
    ("ch03.en", "error level value", "error level name", "What is kernel message level {k} called?"),
    ("ch03.en", "package", "bootloader", "Which boot loader comes with the package {k}?"),
    ("ch04.en", "insecure service name", "port", "On which port does the unencrypted service {k} listen?"),
    ("ch04.en", "insecure service name", "secure service name", "Which service is the encrypted replacement of {k}?"),
    ("ch05.en", "obsolete net-tools", "new iproute2 etc.", "Which command has taken the place of {k} from net-tools?"),
    ("ch07.en", "package", "command", "Which command line gives a remote screen with the package {k}?"),
    ("ch09.en", "signal value", "signal name", "What is the name of signal number {k}?"),
    ("ch09.en", "signal value", "note", "What is signal number {k} noted to be for?"),
    ("ch01.en", "locale recommendation", "Language (area)", "For which language and area is the locale {k} recommended?"),
    ("ch01.en", "shell glob pattern", "description of match rule", "What does the shell glob {k} match?"),
    ("ch01.en", "group", "description for accessible files and devices", "What may members of the group {k} use?"),
    ("ch01.en", "character", "meaning", "Which type of file does {k} stand for in the first column of ls -l?"),
    ("ch12.en", "automatic variable", "value", "What does make put in place of {k}?"),
    ("ch12.en", "equation", "condition to return logical true", "When is the shell test {k} true?"),
    ("ch02.en", "area", "number of packages", "How many packages are in the archive area {k}?"),
    ("ch11.en", "encoding value", "usage", "What is the encoding {k} used for?"),
    ("ch11.en", "predefined entity", "character to be converted into", "Which character does the XML entity {k} become?"),
    ("ch06.en", "RFC", "description", "What does {k} specify?"),
    ("ch10.en", "code", "description of trust", "What does the trust code {k} of GnuPG mean?"),
)


def rules(pages, seed):
    by_uri = {page.uri: page for page in pages}
    for stem, key, value, template in TABLES:
        page = by_uri.get("debian/debian-reference/" + stem)
        if page is None:
            continue
        for head in [b for b in page.blocks if b.kind == "row" and b.header]:
            if key in head.cells and value in head.cells:
                found = table_facts(page, head.table, head.cells.index(key), head.cells.index(value), template, "debian: tables", seed=seed)
                yield from (fact for fact in found if ", ," not in fact.answers[0])
