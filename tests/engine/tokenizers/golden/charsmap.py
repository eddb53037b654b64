"""Writes SentencePiece's precompiled charsmap: a double array in darts-clone's layout, then the replacements."""
import struct


def build(replacements):
    """`replacements`: a dict from texts to texts, no key empty."""
    strings, places = b"", {}
    for text in sorted(set(replacements.values())):
        places[text] = len(strings)
        strings += text.encode() + b"\0"
    trie = {}
    for key, value in replacements.items():
        node = trie
        for byte in key.encode():
            node = node.setdefault(byte, {})
        node["value"] = places[value]

    units, used, bases = {0: 0}, {0}, set()
    work = [(0, trie)]
    while work:
        place, node = work.pop(0)
        labels = sorted(k for k in node if k != "value")
        wanted = ([0] if "value" in node else []) + labels
        base = next(b for b in range(1, 1 << 20)
                    if b not in bases and not any(b ^ label in used for label in wanted))
        bases.add(base)
        used.update(base ^ label for label in wanted)
        units[place] |= (place ^ base) << 10 | ("value" in node) << 8
        if "value" in node:
            units[base] = 1 << 31 | node["value"]
        for label in labels:
            units[base ^ label] = label
            work.append((base ^ label, node[label]))
    size = (max(units) // 256 + 1) * 256
    array = struct.pack(f"<{size}I", *(units.get(i, 0) for i in range(size)))
    return struct.pack("<I", len(array)) + array + strings


def every_byte():
    """A map in which each byte but NUL is a key that becomes "Z", which no real map of characters can be."""
    units = [0] * 1024
    units[0] = 256 << 10
    for byte in range(1, 256):
        units[256 ^ byte] = (256 ^ byte ^ 512) << 10 | 1 << 8 | byte
    units[512] = 1 << 31
    array = struct.pack("<1024I", *units)
    return struct.pack("<I", len(array)) + array + b"Z\0"
