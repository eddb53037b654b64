"""Bad input: each case ends in one clear sentence and the right code, and the server goes on."""
import os
import random
import signal
import struct
import time
import unittest

import corpus
import harness


def gguf(*, key_length, tensors=0):
    """The head of a GGUF v3 file with one metadata key of a claimed length."""
    return b"GGUF" + struct.pack("<IQQ", 3, tensors, 1) + struct.pack("<Q", key_length) + b"general.architecture"


class BadInput(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = harness.Server()
        cls.addClassCleanup(cls.server.close)
        models = cls.server.folder / "models"
        models.mkdir()
        for name in (harness.ENCODER, harness.GENERATOR):
            (models / name).symlink_to(harness.MODELS / name)
        real = next((harness.MODELS / harness.GENERATOR).glob("*.gguf"))
        with open(real, "rb") as file:
            head = file.read(1 << 20)
        cls.broken = {"cut-in-weights": head[:-7] + bytes(7), "cut-in-header": head[:100],
                      "huge-key": gguf(key_length=1 << 60), "huge-tensors": gguf(key_length=20, tensors=1 << 60),
                      "zeros": bytes(4096)}
        for name, content in cls.broken.items():
            (models / name).mkdir()
            (models / name / "model.gguf").write_bytes(content)
        cls.server.flags["models_dir"] = cls.models = models
        cls.server.start()
        cls.town = cls.server.folder / "town"
        corpus.write_town(cls.town)
        cls.server.index(cls.town)

    def tearDown(self):
        """Whatever a case did, the server still serves."""
        self.assertIsNone(self.server.process.poll(), self.server.log())
        found = self.server.json("search", "-k", "1", "rye bread")[0]
        self.assertEqual(found["passages"][0]["uri"], str(self.town / "bakery.txt"))

    def write(self, name, content):
        path = self.server.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def index_failures(self, *paths, collection, code):
        """The sentences of the files that failed."""
        results, _ = self.server.index(*paths, collection=collection, code=code)
        errors = {result["uri"]: result["error"] for result in results if result["outcome"] == "INGEST_OUTCOME_FAILED"}
        for error in errors.values():
            harness.check_sentence(error["message"])
        return errors

    def test_empty_query(self):
        """an empty or blank query is INVALID_ARGUMENT"""
        for query in ("", "   \n\t "):
            for command in (["search"], ["ask"], ["search", "--mode", "keyword"]):
                self.assertEqual(self.server.error(*command, query).code, "INVALID_ARGUMENT")

    def test_long_queries(self):
        """a query of 1 MB is refused with the limit; the longest one is searched with, but fits no prompt"""
        pick = random.Random(8)
        # Few tokens for the encoder, which knows no such words; many for the generator.
        word = "".join(pick.choices("0123456789bcdfghjklmnpqrstvwxz", k=1023)).encode() + b" "
        longest = self.write("longest.txt", word * 64)
        megabyte = self.write("megabyte.txt", word * 1024)
        for command in ("search", "ask"):
            error = self.server.error(command, f"@{megabyte}")
            self.assertEqual(error.code, "INVALID_ARGUMENT")
            self.assertIn("65536", error.message)
        self.assertEqual(len(self.server.json("search", "-k", "3", f"@{longest}")[0]["passages"]), 3)
        self.assertEqual(self.server.error("ask", f"@{longest}").code, "FAILED_PRECONDITION")

    def test_long_work_ends_at_the_deadline(self):
        """a query whose embedding takes long ends with --timeout, and the embedder is free again"""
        text = self.write("long.txt", " ".join(corpus.sentences(1000, seed=6)).encode()[:60000])
        began = time.monotonic()
        error = self.server.error("--timeout", "0.3", "search", f"@{text}")
        self.assertEqual(error.code, "DEADLINE_EXCEEDED")
        self.assertLess(time.monotonic() - began, 10)
        harness.eventually(lambda: self.server.running("embedder") == 0, "the embedder is free", 10)

    def test_a_millisecond(self):
        """--timeout 0.001 is DEADLINE_EXCEEDED for every command that calls"""
        for command in (["search", "bread"], ["ask", "Who?"], ["collections", "list"], ["generate", "Hello"],
                        ["compress", self.town / "bakery.txt", "--budget", "20"]):
            self.assertEqual(self.server.error("--timeout", "0.001", *command).code, "DEADLINE_EXCEEDED", command)

    def test_files_that_are_not_text(self):
        """zeros, invalid UTF-8, a PDF that is not one, an empty file: each says why, the good file is indexed"""
        folder = self.server.folder / "bad"
        self.write("bad/good.txt", b"The good file is indexed all the same.\n")
        reasons = {
            self.write("bad/zeros.txt", bytes(5000)): "UNSUPPORTED_MEDIA_TYPE",
            self.write("bad/shifted.txt", "Größe".encode("utf-16-le")[1:] + b"\xff\xfe\x80" * 50): None,
            self.write("bad/invalid.md", b"\xc3\x28\xa0\xa1\xe2\x28\xa1 " * 40): "INVALID_UTF8",
            self.write("bad/not-one.pdf", b"%PDF-1.7\nnothing of the kind\n"): "PARSE_FAILED",
            self.write("bad/text.pdf", b"This is no PDF at all.\n"): None,
            self.write("bad/empty.txt", b""): "NO_TEXT",
            self.write("bad/blank.html", b"<html><body><script>x</script></body></html>"): "NO_TEXT",
        }
        errors = self.index_failures(folder, collection="bad", code=3)
        self.assertEqual(set(errors), {str(path) for path in reasons})
        for path, reason in reasons.items():
            if reason:
                self.assertEqual(errors[str(path)]["reason"], reason, errors[str(path)])
        self.assertEqual(self.server.uris("bad"), {str(folder / "good.txt")})
        shown = self.server.cli("index", folder, "-c", "bad")
        self.assertEqual(shown.code, 3)
        self.assertEqual(shown.err.count("failed '"), len(reasons), shown.err)
        self.assertIn(f"{len(reasons)} failed", shown.out)

    def test_some_invalid_bytes_are_replaced_with_a_warning(self):
        """a few invalid bytes in a long text: indexed, with a warning that says so"""
        path = self.write("few.txt", b"A plain line of text about apples.\n" * 100 + b"bad \xff byte\n")
        results, summary = self.server.index(path, collection="few")
        self.assertEqual(summary["added"], 1)
        self.assertEqual(len(results[0]["warnings"]), 1)

    def test_names_and_queries_that_are_not_utf8(self):
        """a file whose name is no UTF-8 fails alone; such a query is refused"""
        folder = self.server.folder / "names"
        self.write("names/good.txt", b"A good name.\n")
        (folder / os.fsdecode(b"bad-\xff.txt")).write_bytes(b"A bad name.\n")
        errors = self.index_failures(folder, collection="names", code=3)
        self.assertEqual([error["reason"] for error in errors.values()], ["INVALID_HEADER"])
        self.assertEqual(self.server.uris("names"), {str(folder / "good.txt")})
        self.assertIn("UTF-8", self.server.error("search", os.fsdecode(b"caf\xe9")).message)

    def test_loop_of_links(self):
        """a folder that links to itself: every file once"""
        folder = self.server.folder / "loop"
        self.write("loop/inner/leaf.txt", b"A leaf in a loop.\n")
        (folder / "inner" / "up").symlink_to(folder)
        (folder / "self").symlink_to(folder / "self")
        (folder / "twin.txt").symlink_to(folder / "inner" / "leaf.txt")
        results, summary = self.server.index(folder, collection="loop", code=3)
        self.assertEqual([result["uri"] for result in results], [str(folder / "inner" / "leaf.txt")])
        self.assertEqual(summary["added"], 1)

    def test_paths_that_are_not_there(self):
        """index of nothing: one sentence with the path"""
        result = self.server.cli("index", self.server.folder / "not-there")
        self.assertEqual(result.code, 1)
        self.assertIn("not-there", result.err)

    def test_broken_models(self):
        """truncated GGUF, lengths of 2^60, zeros: model info and generate --model say what is wrong"""
        for name in self.broken:
            info = self.server.cli("model", "info", self.models / name / "model.gguf")
            self.assertEqual(info.code, 1, f"{name}: {info.out}")
            self.assertEqual(len(info.err.splitlines()), 1, info.err)
            harness.check_sentence(info.err.strip())
            error = self.server.error("generate", "--model", name, "Hello")
            self.assertEqual(error.code, "DATA_LOSS", error)
            self.assertIn("model.gguf", error.message)
        states = {model["name"]: model["state"] for model in self.server.json("model", "list")}
        self.assertLessEqual(set(self.broken) | {harness.GENERATOR}, set(states))
        self.assertEqual({states[name] for name in self.broken}, {"MODEL_STATE_FAILED"})

    def test_models_that_are_not_there(self):
        """a model that is not there is NOT_FOUND with its name, everywhere one can be named"""
        for command in (["generate", "--model", "nope", "Hello"], ["ask", "--model", "nope", "Who?"],
                        ["tokens", "--model", "nope", "text"], ["embed", "--model", "nope", "text"],
                        ["split", self.town / "bakery.txt", "--model", "nope"],
                        ["collections", "create", "with-nope", "--encoder", "nope"],
                        ["compress", self.town / "bakery.txt", "--budget", "50", "--target-model", "nope"]):
            error = self.server.error(*command)
            self.assertEqual(error.code, "NOT_FOUND", command)
            self.assertIn("'nope'", error.message)
        self.assertEqual(self.server.error("generate", "--model", "../models", "Hello").code, "INVALID_ARGUMENT")
        self.assertEqual(self.server.cli("model", "info", "nope").code, 1)

    def test_collections_that_are_not_there(self):
        """a collection or document that is not there is NOT_FOUND with its name"""
        for command in (["search", "-c", "nowhere", "x"], ["ask", "-c", "nowhere", "x"],
                        ["docs", "-c", "nowhere", "list"], ["collections", "show", "nowhere"],
                        ["collections", "delete", "nowhere"]):
            error = self.server.error(*command)
            self.assertEqual(error.code, "NOT_FOUND", command)
            self.assertIn("nowhere", error.message)
        self.assertEqual(self.server.error("docs", "delete", "/not/a/document").code, "NOT_FOUND")

    def test_budgets(self):
        """budget 0 and budgets below what is protected are refused; the latter says how many tokens it takes"""
        file = self.town / "harbour.md"
        error = self.server.error("compress", file, "--budget", "0")
        self.assertEqual(error.code, "INVALID_ARGUMENT")
        kept = "The harbour master of Lindqvist is Maren Olufsen."
        error = self.server.error("compress", file, "--budget", "5", "--keep", kept)
        self.assertEqual(error.code, "FAILED_PRECONDITION")
        needed = max(int(word.replace(",", "")) for word in error.message.split() if word.replace(",", "").isdigit())
        self.assertGreater(needed, 5)
        self.assertEqual(self.server.error("ask", "--budget", "5", "--keep", kept, "Who is the harbour master?").code,
                         "FAILED_PRECONDITION")
        self.assertEqual(self.server.cli("compress", file, "--budget", "-1").code, 2)
        self.assertEqual(self.server.error("compress", file, "--budget", "50", "-m", "magic").code, "INVALID_ARGUMENT")

    def test_more_wanted_than_there_is(self):
        """k above the collection's size gives all there is; an empty collection gives nothing, in peace"""
        found = self.server.json("search", "-k", "1000", "the town")[0]
        chunks = int(self.server.json("collections", "show", "default")[0]["chunk_count"])
        self.assertEqual(len(found["passages"]), chunks)
        self.assertEqual(self.server.cli("search", "-k", "1001", "the town").code, 2)
        self.server.json("collections", "create", "empty")
        self.assertEqual(self.server.json("search", "-c", "empty", "x")[0]["passages"], [])
        events = self.server.json("ask", "-c", "empty", "--max-tokens", "8", "Who?")
        self.assertEqual(events[-1]["usage"]["outcomes"], ["ANSWER_OUTCOME_INSUFFICIENT_CONTEXT"])

    def test_prompt_too_long(self):
        """a prompt beyond the window is refused with the counts"""
        prompt = self.write("prompt.txt", b"word " * 20000)
        error = self.server.error("generate", f"@{prompt}")
        self.assertEqual(error.code, "FAILED_PRECONDITION")
        self.assertRegex(error.message.replace(",", ""), "2000[0-9]|2001[0-9]|200[2-9][0-9]")

    def test_client_killed_in_the_middle(self):
        """a client that dies in the middle of its answer frees the generator, and the next one is answered"""
        for command in (["generate", "--max-tokens", "1500", "--temperature", "1", "--min-p", "0.1",
                         "Write a very long story about a ship."],
                        ["ask", "--always", "--max-tokens", "1500", "--temperature", "1", "Tell everything."]):
            client = self.server.popen("--json", *command)
            while "delta" not in client.stdout.readline():
                self.assertIsNone(client.poll(), client.stderr)
            self.assertGreater(self.server.running("generator"), 0)
            os.kill(client.pid, signal.SIGKILL)
            client.communicate()
            harness.eventually(lambda: self.server.running("generator") == 0, "the generator is free", 10)
        events = self.server.json("ask", "--max-tokens", "8", "When does the bakery open?")
        self.assertIn("usage", events[-1])

    def test_interrupt(self):
        """Ctrl-C in the middle of an answer: the client says so, exits 1, and the generator is free"""
        client = self.server.popen("--json", "generate", "--max-tokens", "1500", "--temperature", "1", "Write a story.")
        while "delta" not in client.stdout.readline():
            self.assertIsNone(client.poll())
        client.send_signal(signal.SIGINT)
        _, errors = client.communicate(timeout=10)
        self.assertEqual(client.returncode, 1)
        self.assertIn("interrupted", errors)
        harness.eventually(lambda: self.server.running("generator") == 0, "the generator is free", 10)
