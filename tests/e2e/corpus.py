"""A small town's papers, one of each kind of file, and texts of any length."""
import json
import random
import zlib

HARBOUR = """# The harbour of Lindqvist

## Officers
The harbour master of Lindqvist is Maren Olufsen. She keeps 214 mooring rings in repair.

## The lighthouse
The lighthouse was rebuilt in 1887 after the great storm. Its lamp burns rapeseed oil.
"""
BAKERY = """The bakery on Plum Street opens at five in the morning.

Its rye bread takes nineteen hours to make and is sold out by noon.
"""
STATION = """<!DOCTYPE html>
<html><head><title>The station</title><script>let hidden = "never shown";</script></head>
<body><h1>The station</h1><p>The night train to Ostermark leaves from platform 3.</p>
<p>Tickets are sold by a clerk named Iversen.</p></body></html>
"""
RINGS = """ring,pier,condition
R-17,north,rusted
R-18,north,sound
R-19,south,replaced in 2021
"""
LOG = "\n".join(json.dumps(entry) for entry in [
    {"day": "Monday", "event": "The dredger Petunia ran aground on the sandbank."},
    {"day": "Tuesday", "event": "The tug Hortensia pulled her free."},
]) + "\n"
CRANE = '''"""Control of the harbour crane."""


def lift_crate(weight_kg):
    """Lifts a crate; the limit is the chain's."""
    if weight_kg > 4200:
        raise ValueError("the crane lifts 4200 kg at most")
    return weight_kg
'''
CHARTER = ["The town charter was sealed by Queen Adelind in 1412.", "It grants the market every second Thursday."]


def pdf(lines):
    """A PDF of one page with these lines of text, as the format's specification builds it."""
    shown = " ".join(f"({line}) Tj 0 -16 Td" for line in lines)
    content = zlib.compress(f"BT /F1 12 Tf 72 720 Td {shown} ET".encode())
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    file, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(bodies, 1):
        offsets.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(file)
    file += b"xref\n0 %d\n0000000000 65535 f \n" % (len(bodies) + 1)
    file += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    return file + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(bodies) + 1, table)


def write_town(folder):
    """Writes one file of each kind and returns their paths."""
    folder.mkdir(parents=True)
    files = {"harbour.md": HARBOUR, "bakery.txt": BAKERY, "station.html": STATION, "rings.csv": RINGS,
             "log.jsonl": LOG, "crane.py": CRANE}
    for name, text in files.items():
        (folder / name).write_text(text)
    (folder / "charter.pdf").write_bytes(pdf(CHARTER))
    return sorted(folder.iterdir())


def sentences(count, seed):
    """Plain sentences, no two alike, the same for the same seed."""
    pick = random.Random(seed)
    who = ["The clerk", "A sailor", "The miller", "Every child", "The ferryman", "An old teacher", "The new doctor"]
    does = ["counted", "repaired", "sold", "painted", "found", "hid", "remembered", "weighed"]
    what = ["lanterns", "ropes", "barrels of salt", "copper kettles", "maps", "apples", "letters", "wooden shoes"]
    where = ["by the quay", "in the old mill", "behind the church", "at the market", "on the ferry", "under the bridge"]
    return [f"{pick.choice(who)} {pick.choice(does)} {number * 7 + pick.randrange(7)} {pick.choice(what)} "
            f"{pick.choice(where)}." for number in range(1, count + 1)]


def write_many(folder, count, seed):
    """Writes `count` small files, no two alike, and returns their paths."""
    folder.mkdir(parents=True)
    paths = []
    for number, sentence in enumerate(sentences(count, seed)):
        path = folder / f"note-{number:04}.txt"
        path.write_text(f"Note {number} of bundle {seed}.\n\n{sentence}\n")
        paths.append(path)
    return paths
