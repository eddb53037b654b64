"""Manual pages as blocks, by way of groff (package groff-base)."""
import gzip
import re
import shutil
import subprocess

from .html_text import Block
from .sources import SourceError

# One line a paragraph: so wide that nothing is folded, no hyphens, no stretched spaces, no escape sequences.
_GROFF = ["groff", "-K", "utf8", "-t", "-man", "-Tutf8", "-P-c", "-P-b", "-P-o", "-P-u", "-rLL=4000n", "-rHY=0", "-dAD=l"]


def render(path):
    """The text of a .gz manual page, or None for one that only points to another."""
    raw = gzip.decompress(path.read_bytes())
    if raw.lstrip().startswith(b".so "):
        return None
    if shutil.which("groff") is None:
        raise SourceError("groff is not installed, and manual pages are set by it: apt-get install groff-base")
    return subprocess.run(_GROFF, input=raw, capture_output=True, check=False).stdout.decode(errors="replace")


def blocks(text):
    """Headings h1 (sections) and h2, dt and dd of tagged lists, table rows, paragraphs."""
    lines = text.replace("\u00a0", " ").replace("\u2010", "-").replace("\u2212", "-").splitlines()
    lines = lines[1:]  # the page header
    while lines and not lines[-1].strip():
        lines.pop()
    lines = lines[:-1]  # the page footer
    made, table = [], -1
    for i, line in enumerate(lines):
        stripped = line.strip()
        if not stripped:
            continue
        if re.fullmatch(r"[\s\u2500-\u257f]+", line):
            table += stripped[0] == "\u250c"
            continue
        indent = len(line) - len(line.lstrip())
        after = lines[i + 1] if i + 1 < len(lines) else ""
        deeper = bool(after.strip()) and len(after) - len(after.lstrip()) > indent
        if stripped[0] in "\u2502|" and "\u2502" in stripped:
            cells = [re.sub(r"\s+", " ", cell).strip() for cell in stripped.strip("\u2502").split("\u2502")]
            header = not any(b.kind == "row" and b.table == table for b in made)
            made.append(Block("row", " | ".join(cells), [], cells, header, table))
        elif indent == 0:
            made.append(Block("h1", stripped))
        elif indent == 3:
            made.append(Block("h2", re.sub(r"\s+", " ", stripped)))
        else:
            # A short tag may stand on the line of its definition: "EBADF  fd is not open".
            kind = "dt" if deeper else "dd" if made and made[-1].kind == "dt" else "p"
            made.append(Block(kind, re.sub(r"\s{2,}", "  ", stripped)))
    return made
