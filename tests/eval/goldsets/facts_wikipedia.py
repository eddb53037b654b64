"""Rules for the Wikipedia summaries: descriptions and other articles ask, the summary answers."""
import re

from . import text as words
from .fact import Fact
from .pages import Page, block
from .wikipedia import corpus_of, document

_MADE = {"film": "Who directed the film {t}?", "novel": "Who wrote the novel {t}?", "novella": "Who wrote {t}?",
         "poem": "Who is the poet of {t}?", "play": "Who wrote the play {t}?", "tragedy": "Who wrote the tragedy {t}?",
         "comedy": "Who wrote the comedy {t}?", "painting": "Who painted {t}?", "fresco": "Who painted {t}?",
         "opera": "Who composed the opera {t}?", "ballet": "Who composed the ballet {t}?", "symphony": "Who composed {t}?",
         "book": "Who is the author of {t}?", "treatise": "Who is the author of {t}?", "sculpture": "Who made the sculpture {t}?",
         "statue": "Who made the statue {t}?", "album": "Whose album is {t}?", "song": "Whose song is {t}?",
         "essay": "Who is the author of {t}?", "dialogue": "Who wrote the dialogue {t}?"}
SHARED = 0.4  # of the words of a sentence elsewhere, for it to tell the same as one of the article
_YEAR = re.compile(r"(?<![\d.])(?<!\d,)(1[0-9]{3}|20[0-2]\d)(?!\d|,\d|s\b|\.\d)")
# Read and thrown out: the year in the summary is that of the disease's name.
_THROWN_OUT = ("COVID-19",)


def pages_of(articles):
    """A page of one block an article, by corpus."""
    made = {"wikipedia-a": [], "wikipedia-b": []}
    for article in articles.values():
        own = document(article)
        made[own.corpus].append(Page(own.id, own.title, own.corpus, [block("p", own.text)]))
    return made


def _plain(title):
    return re.sub(r" \([^)]*\)$", "", title)


def rules(articles, by_corpus):
    page_of = {page.title: page for pages in by_corpus.values() for page in pages}
    known = {word for article in articles.values() for word in re.findall(r"\b[a-z]+\b", article["extract"])}
    for title, article in articles.items():
        yield from _described(page_of[title], (article.get("description") or "").strip(), _plain(title), known)
    yield from _told_elsewhere(articles, page_of)


def _fact(rule, page, question, answers, span, exclude=()):
    return Fact(rule, page, question, answers, 0, span, [], [_plain(page.title)], tuple(exclude))


def _described(page, description, name, known):
    text = page.blocks[0].text
    spans = words.sentences(text)

    def stating(*needed):
        return next(((b, e) for b, e in spans if all(words.holds(text[b:e], one) for one in needed)), None)

    found = re.match(r"^.*?\b(" + "|".join(_MADE) + r")\b (?:written |directed |composed |painted )?by (?:the )?([A-Z][^,;()]+)$", description)
    if found and " based " not in description:
        span = stating(found[2])
        if span:
            yield _fact("wikipedia: author", page, _MADE[found[1]].format(t=name), [found[2]], span)
    found = re.match(r"^Capital (?:and [a-z -]+ )?(?:city )?of (?:the )?([A-Z][\w '-]+)$", description)
    if found:
        span = stating(found[1], "capital")
        if span:
            yield _fact("wikipedia: capital", page, f"Which country or region is governed from {name}?", [found[1]], span)
    found = re.match(r"^(.+?) from (\d{3,4}) to (\d{3,4})$", description)
    if found and not re.search(r"\d", found[1]):
        span = stating(found[2], found[3])
        if span:
            yield _fact("wikipedia: period", page, f"{name}, {_lowered(found[1], known)} from "
                        f"{found[2]}: in which year did that end?", [found[3]], span)
    found = re.match(r"^Chemical element with (?:symbol \w+ and )?atomic number (\d+)", description)
    if found:
        span = stating("atomic number", found[1])
        if span:
            yield _fact("wikipedia: element", page, f"How many protons has an atom of {name.lower()}?", [found[1]], span)


def _lowered(phrase, known):
    """The phrase as it stands inside a sentence: a first word that the summaries also use in small letters loses its capital."""
    first, *rest = phrase.split()
    title = bool(rest) and rest[0][0].isupper()  # Prime Minister, Holy Roman Emperor
    return first.lower() + phrase[len(first):] if first.lower() in known and not title else phrase


def _told_elsewhere(articles, page_of):
    """A year in a sentence of article B that names A; A's summary has one sentence with the same year that names B or shares
    many words, so that both tell the same."""
    names = {}
    for title in articles:
        if len(title) > 5 and "(" not in title and title[0].isupper():
            names.setdefault(title.split()[0], []).append(title)
    for other, article in articles.items():
        text = page_of[other].blocks[0].text
        for begin, end in words.sentences(text):
            told = text[begin:end]
            years = _YEAR.findall(told)
            if len(years) != 1 or re.search(r"census|population|estimate|as of", told, re.IGNORECASE):
                continue
            for title in sorted({t for word in told.split() for t in names.get(word.strip("(\"'"), ())}):
                named = re.search(rf"\b{re.escape(title)}\b", told)
                if title == other or title in _THROWN_OUT or not named or corpus_of(articles[title]) != corpus_of(article):
                    continue
                page = page_of[title]
                stated = [(b, e) for b, e in words.sentences(page.blocks[0].text)
                          if years[0] in page.blocks[0].text[b:e] and (
                              _plain(other) in page.blocks[0].text[b:e] or words.overlap(told, page.blocks[0].text[b:e]) >= SHARED)]
                if len(stated) != 1:
                    continue
                gap = re.sub(_YEAR, "____", told)
                who = "" if words.holds(told, _plain(other)) else f" (said of {_plain(other)})"
                yield _fact("wikipedia: year told elsewhere", page, f"Which year belongs in the gap?{who} {gap}", [years[0]], stated[0],
                            exclude=[page_of[other].uri])
