"""The main job, from files to a cited answer, one server for all."""
import json
import statistics
import unittest

import corpus
import harness

QUESTION = "Who is the harbour master of Lindqvist?"


class Chain(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = harness.Server()
        cls.addClassCleanup(cls.server.close)
        cls.server.start()
        cls.town = cls.server.folder / "town"
        cls.files = corpus.write_town(cls.town)
        cls.first_results, cls.first_summary = cls.server.index(cls.town, collection="town")
        cls.chronicle = cls.server.folder / "chronicle.txt"
        cls.chronicle.write_text("\n\n".join(corpus.sentences(150, seed=1)) + "\n")

    def text_of(self, uri, collection="town"):
        return self.server.json("docs", "-c", collection, "show", uri)[0]["text"].encode()

    def test_index_takes_every_kind_of_file(self):
        """index: Markdown, HTML, text, code, CSV, JSONL and PDF become documents"""
        self.assertEqual({r["outcome"] for r in self.first_results}, {"INGEST_OUTCOME_ADDED"})
        self.assertEqual(self.first_summary["added"], len(self.files))
        self.assertEqual(self.server.uris("town"), {str(path) for path in self.files})
        for path, phrase in {"harbour.md": "Maren Olufsen", "bakery.txt": "rye bread", "station.html": "platform 3",
                             "rings.csv": "R-19", "log.jsonl": "Petunia", "crane.py": "4200",
                             "charter.pdf": "Queen Adelind"}.items():
            self.assertIn(phrase, self.text_of(str(self.town / path)).decode())
        self.assertNotIn("never shown", self.text_of(str(self.town / "station.html")).decode())

    def test_index_again(self):
        """index again: unchanged skipped, changed replaced, vanished removed by --prune"""
        folder = self.server.folder / "again"
        files = corpus.write_many(folder, 5, seed=2)
        self.assertEqual(self.server.index(folder, collection="again")[1]["added"], 5)
        summary = self.server.index(folder, collection="again")[1]
        self.assertEqual((summary["unchanged"], summary["added"], summary["replaced"]), (5, 0, 0))

        files[0].write_text("The lighthouse keeper owns a parrot called Admiral.\n")
        files[1].unlink()
        summary = self.server.index(folder, collection="again")[1]
        self.assertEqual((summary["unchanged"], summary["replaced"], summary["pruned"]), (3, 1, 0))
        self.assertIn(str(files[1]), self.server.uris("again"))
        self.assertIn(b"Admiral", self.text_of(str(files[0]), "again"))

        summary = self.server.index(folder, collection="again", flags=["--prune"])[1]
        self.assertEqual((summary["unchanged"], summary["pruned"]), (4, 1))
        self.assertEqual(self.server.uris("again"), {str(path) for path in files if path.exists()})

    def test_prune_spares_what_cannot_be_read(self):
        """index --prune: documents of a folder that cannot be read stay, and go when it is truly gone"""
        folder = self.server.folder / "drive"
        inside = corpus.write_many(folder / "mounted", 3, seed=11)
        corpus.write_many(folder / "here", 1, seed=12)
        self.server.index(folder, collection="drive")
        (folder / "mounted").rename(self.server.folder / "elsewhere")
        (folder / "mounted").symlink_to(folder / "not-there")
        _, summary = self.server.index(folder, collection="drive", code=3, flags=["--prune"])
        self.assertEqual((summary["failed"], summary["pruned"]), (1, 0))
        self.assertLessEqual({str(path) for path in inside}, self.server.uris("drive"))
        (folder / "mounted").unlink()
        self.assertEqual(self.server.index(folder, collection="drive", flags=["--prune"])[1]["pruned"], 3)

    def test_dry_run(self):
        """index --dry-run: lists what would be sent, and sends nothing"""
        listed = self.server.json("index", self.town, "-c", "unsent", "--dry-run")
        self.assertEqual({file["uri"] for file in listed}, {str(path) for path in self.files})
        self.assertEqual(self.server.error("collections", "show", "unsent").code, "NOT_FOUND")

    def test_search_modes(self):
        """search: dense, keyword and hybrid find the passage, with scores and its place in the file"""
        for mode in ("dense", "keyword", "hybrid"):
            reply = self.server.json("search", "-c", "town", "--mode", mode, "harbour master of Lindqvist")[0]
            best = reply["passages"][0]
            self.assertEqual(best["uri"], str(self.town / "harbour.md"), mode)
            begin, end = int(best["range"]["begin"]), int(best["range"]["end"])
            self.assertEqual(self.text_of(best["uri"])[begin:end].decode(), best["text"])
            self.assertEqual("dense" in best["scores"], mode != "keyword")
            self.assertEqual("keyword" in best["scores"], mode != "dense")
        shown = self.server.cli("search", "-c", "town", "rye bread")
        self.assertIn(f"{self.town / 'bakery.txt'}:", shown.out)

    def test_search_where(self):
        """search --where: only documents whose metadata match, and as many as there are"""
        folder = self.server.folder / "filtered"
        for half, seed in (("a", 3), ("b", 4)):
            files = corpus.write_many(folder / half, 8, seed)
            self.server.index(*files, collection="filtered", flags=["--meta", f"half={half}"])
        found = self.server.json("search", "-c", "filtered", "-k", "8", "--where", "half=b", "apples by the quay")[0]
        self.assertEqual({p["uri"] for p in found["passages"]}, {str(path) for path in (folder / "b").iterdir()})

    def test_ask(self):
        """ask: plan, passages, receipt, answer with checked citations, usage; the same question again is a cache hit"""
        ask = ["ask", "-c", "town", "--budget", "120", "--max-tokens", "40", QUESTION]
        events = self.server.json(*ask)
        kinds = [next(iter(event)) for event in events]
        self.assertEqual(kinds[:3], ["plan", "retrieved", "receipt"])
        self.assertEqual(kinds.count("usage"), 1)
        self.assertEqual(kinds[-1], "usage")
        self.assertLessEqual(set(kinds[3:-1]), {"delta", "citation", "unsupported"})

        plan, retrieved, receipt = events[0]["plan"], events[1]["retrieved"], events[2]["receipt"]
        usage = events[-1]["usage"]
        self.assertEqual((plan["generator_model"], plan["encoder_model"]), (harness.GENERATOR, harness.ENCODER))
        self.assertIn(str(self.town / "harbour.md"), [p["uri"] for p in retrieved["passages"]])
        self.assertLessEqual(int(receipt["receipt"]["tokens_out"]), 120)
        self.assertIn("Maren Olufsen", receipt["context"]["text"])
        answer = "".join(event["delta"]["text"] for event in events if "delta" in event).encode()
        self.assertGreater(len(answer), 0)
        self.assertLessEqual(usage["tokens"]["completion_tokens"], 40)

        # Every sentence is cited or marked; a citation's two ranges hold what they claim to.
        judged = [event.get("citation") or event.get("unsupported") for event in events[3:-1] if "delta" not in event]
        self.assertGreater(len(judged), 0)
        for sentence in judged:
            begin, end = int(sentence["answer_range"]["begin"]), int(sentence["answer_range"]["end"])
            self.assertTrue(answer[begin:end].decode().strip(), sentence)
        for citation in (event["citation"] for event in events if "citation" in event):
            passage = retrieved["passages"][citation["passage_index"]]
            self.assertEqual((citation["uri"], citation["version_id"]), (passage["uri"], passage["version_id"]))
            begin, end = int(citation["document_range"]["begin"]), int(citation["document_range"]["end"])
            self.assertTrue(self.text_of(citation["uri"])[begin:end].decode().strip(), citation)

        again = self.server.json(*ask)
        self.assertEqual(usage["context_cache_outcome"], "CACHE_OUTCOME_MISS")
        self.assertEqual(again[-1]["usage"]["context_cache_outcome"], "CACHE_OUTCOME_HIT")
        self.assertTrue(again[-1]["usage"]["embedding_cache_hit"])
        self.assertEqual("".join(e["delta"]["text"] for e in again if "delta" in e).encode(), answer)

    def test_ask_for_people(self):
        """ask without --json: the answer, sources as file:line, the receipt, the usage"""
        shown = self.server.cli("ask", "-c", "town", "--max-tokens", "30", QUESTION)
        self.assertEqual(shown.code, 0, shown.err)
        self.assertRegex(shown.out, r"Receipt +[\d,]+ tokens in, [\d,]+ out \(budget 1,024")
        self.assertRegex(shown.out, r"cache (hit|miss)")
        self.assertRegex(shown.out, r"Usage +prompt [\d,]+ tokens")
        self.assertTrue("harbour.md:" in shown.out or "[unsupported]" in shown.out, shown.out)
        several = self.server.cli("ask", "-c", "town", "--max-tokens", "12", QUESTION, "When does the bakery open?")
        self.assertIn("When does the bakery open?", several.out)

    def test_compress_budgets(self):
        """compress: never above the budget by the model's own count, and well filled"""
        fills = []
        for budget in (30, 64, 100, 250, 700, 1500):
            reply = self.server.json("compress", self.chronicle, "-q", "copper kettles", "--budget", budget)[0]
            receipt, text = reply["receipt"], reply["context"]["text"]
            counted = int(self.server.json("tokens", "-", stdin=text)[0]["token_count"])
            self.assertLessEqual(counted, budget)
            self.assertEqual(int(receipt["tokens_out"]), counted)
            self.assertEqual(int(receipt["budget_tokens"]), budget)
            fills.append(counted / budget)
        self.assertGreaterEqual(statistics.median(fills), 0.9, fills)

    def test_compress_provenance(self):
        """compress: every byte of the context is verbatim from its document or a delimiter"""
        for method in ("none", "truncate", "extractive", "lexical", "tcra_semantic"):
            reply = self.server.json("compress", "-c", "town", "-q", QUESTION, "--budget", "600", "-m", method)[0]
            text, position = reply["context"]["text"].encode(), 0
            for span in reply["context"]["spans"]:
                begin, end = int(span["output"]["begin"]), int(span["output"]["end"])
                self.assertEqual(begin, position, "spans cover the text without gaps")
                position = end
                self.assertIn(span["kind"], ("SPAN_KIND_VERBATIM", "SPAN_KIND_DELIMITER"))
                if span["verbatim"]:
                    uri = next(d["uri"] for d in self.server.json("docs", "list", "-c", "town")
                               if d["document_id"] == span["document_id"])
                    source = span["document_range"]
                    self.assertEqual(text[begin:end], self.text_of(uri)[int(source["begin"]):int(source["end"])])
            self.assertEqual(position, len(text))

    def test_compress_protect(self):
        """compress --protect --keep: what is protected is in the context"""
        context = self.server.cli("compress", self.chronicle, "-q", "ropes", "--budget", "200", "--quiet",
                                  "--keep", corpus.sentences(150, seed=1)[77])
        self.assertEqual(context.code, 0, context.err)
        self.assertIn(corpus.sentences(150, seed=1)[77], context.out)

    def test_split(self):
        """split: pieces with ranges that hold their text, within the size asked for"""
        reply = self.server.json("split", self.chronicle, "--max-tokens", "64", "--overlap", "0")[0]
        text = self.chronicle.read_bytes()
        self.assertGreater(len(reply["pieces"]), 10)
        covered = 0
        for piece in reply["pieces"]:
            begin, end = int(piece["range"]["begin"]), int(piece["range"]["end"])
            self.assertEqual(text[begin:end].decode(), piece["text"])
            self.assertFalse(text[covered:begin].strip(), "nothing but white space is between pieces")
            self.assertLessEqual(piece["token_count"], 64)
            covered = end
        self.assertFalse(text[covered:].strip())

    def test_embed(self):
        """embed: vectors of length one, bitwise the same alone and in a batch"""
        alone = self.server.json("embed", "a ship in the harbour")[0]
        batch = self.server.json("embed", "bread", "a ship in the harbour", "a much longer text " * 20)
        self.assertEqual(alone["values"], batch[1]["values"])
        self.assertEqual(len(alone["values"]), 384)
        self.assertAlmostEqual(sum(value * value for value in alone["values"]), 1.0, places=4)
        long = self.server.cli("embed", "word " * 1000)
        self.assertEqual(long.code, 1)
        self.assertIn("256", long.err)

    def test_generate_and_tokens(self):
        """generate and tokens: greedy text is the same again; tokens add up to the text"""
        generate = ["generate", "--max-tokens", "12", "Name three colours."]
        first, second = (self.server.json(*generate) for _ in range(2))
        texts = ["".join(e["delta"]["text"] for e in events if "delta" in e) for events in (first, second)]
        self.assertEqual(texts[0], texts[1])
        self.assertIn("done", first[-1])
        text = "Grüße aus dem Hafen: 日本語, naïve 🚢 text."
        tokens = self.server.json("tokens", text)[0]
        self.assertEqual(len(tokens["tokens"]), int(tokens["token_count"]))
        pieces = [text.encode()[int(t["range"]["begin"]):int(t["range"]["end"])] for t in tokens["tokens"]]
        self.assertEqual(b"".join(pieces).decode(), text)

    def test_collections(self):
        """collections: create, show, list, delete"""
        made = self.server.json("collections", "create", "shelf", "--max-tokens", "64")[0]
        self.assertEqual((made["encoder_model"], made["dimensions"]), (harness.ENCODER, 384))
        self.assertEqual(self.server.error("collections", "create", "shelf").code, "ALREADY_EXISTS")
        self.assertEqual(self.server.json("collections", "show", "shelf")[0]["encoder_fingerprint"],
                         made["encoder_fingerprint"])
        names = [collection["name"] for collection in self.server.json("collections", "list")]
        self.assertIn("shelf", names)
        self.assertIn("town", names)
        deleted = self.server.json("collections", "delete", "shelf", "--wait")[0]
        self.assertEqual(deleted["state"], "ERASURE_STATE_ERASED")
        self.assertEqual(self.server.error("collections", "show", "shelf").code, "NOT_FOUND")

    def test_empty_lists_say_how_to_go_on(self):
        """docs list of nothing names precis index; a tenant that can be none is INVALID_ARGUMENT"""
        self.assertIn("precis index PATH", self.server.error("docs", "list", "-c", "nothing-here").message)
        self.assertIn("no document matches", self.server.cli("docs", "list", "-c", "town", "--prefix", "/nowhere").out)
        self.assertEqual(self.server.error("--tenant", "a\nb", "collections", "list").code, "INVALID_ARGUMENT")

    def test_stats_health_models(self):
        """stats, health, model list: every role and model by name"""
        self.assertEqual([(line["role"], line["up"]) for line in self.server.json("health")],
                         [(role, True) for role in ("compressor", "embedder", "gateway", "generator", "retriever")])
        stats = self.server.stats()
        self.assertGreaterEqual(int(stats["document_count"]), len(self.files))
        self.assertEqual(int(stats["pending_erasures"]), 0)
        table = self.server.cli("stats").out
        self.assertEqual(table.count("with compressor"), 4, f"the memory of one process is shown once:\n{table}")
        models = {model["name"]: model for model in self.server.json("model", "list")}
        self.assertTrue(models[harness.GENERATOR]["is_default"])
        self.assertEqual(models[harness.ENCODER]["kind"], "MODEL_KIND_ENCODER")
        for command in (["stats"], ["health"], ["model", "list"], ["collections", "list"],
                        ["docs", "-c", "town", "list"]):
            shown = self.server.cli(*command)
            self.assertEqual(shown.code, 0)
            self.assertTrue(shown.out.strip(), command)

    def test_json_is_json_with_any_text(self):
        """--json: control bytes, quotes and emoji in documents come out as valid JSON, one object a line"""
        folder = self.server.folder / "odd"
        folder.mkdir()
        (folder / 'a "name"\twith\nodd bytes.txt').write_text(
            'Tab\there, quote " and \\, bell \x07, ship 🚢, escape \x1b[31m.\n')
        self.server.index(folder, collection="odd")
        passage = self.server.json("search", "-c", "odd", "ship")[0]["passages"][0]
        self.assertIn("\x1b[31m", passage["text"])
        shown = self.server.cli("search", "-c", "odd", "ship")
        self.assertNotIn("\x1b", shown.out)
        self.assertEqual(json.loads(self.server.cli("--json", "collections", "show", "odd").out)["name"], "odd")
