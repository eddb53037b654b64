"""Starts that must be refused, changed models, full queues, a full disk, and ends in the middle of work."""
import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import corpus
import harness


class Refused(unittest.TestCase):
    def setUp(self):
        self.server = harness.Server()
        self.addCleanup(self.server.close)

    def refused(self, code, *words, **flags):
        """Starting with these flags fails in time with one sentence that has the words."""
        other = harness.Server(**{"data_dir": self.server.folder / "other", **flags})
        self.addCleanup(other.close)
        done = subprocess.run(other.command(), capture_output=True, text=True, env=harness.environment(), timeout=30)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(done.stdout, "")
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        harness.check_sentence(lines[0])
        for word in words:
            self.assertIn(word, lines[0])

    def test_bad_configuration(self):
        """unknown keys, bad values and binds outside loopback are refused with the way out"""
        self.refused(2, "genrator", "'generator'", genrator="x")
        self.refused(2, "threads", "1024", threads="many")
        self.refused(2, "retriever", roles="librarian")
        for listen in ("0.0.0.0:0", "[::]:0", "10.1.2.3:7777"):
            self.refused(2, listen, "insecure-listen", listen=listen)
        self.refused(2, "metrics-listen", "insecure-listen", metrics_listen="0.0.0.0:0")
        config = self.server.folder / "precisd.conf"
        config.write_text("# mine\nlisten = 127.0.0.1:0\ngenrator = x\n")
        self.refused(2, f"{config}:3", "'generator'", config=config)
        self.refused(2, "not-there.conf", config=self.server.folder / "not-there.conf")

    def test_in_use(self):
        """a port or a data folder in use is refused, and the first server goes on"""
        self.server.start()
        self.refused(1, self.server.address, "--listen", listen=self.server.address)
        self.refused(1, str(self.server.flags["data_dir"]), data_dir=self.server.flags["data_dir"])
        self.assertEqual(self.server.cli("health").code, 0)

    def test_data_folder_that_cannot_be(self):
        """a data folder below a file is refused with its path"""
        (self.server.folder / "file").write_text("in the way")
        self.refused(1, "file/data", data_dir=self.server.folder / "file" / "data")


class ChangedModel(unittest.TestCase):
    def test_changed_encoder(self):
        """an encoder that changed under its name is refused with both fingerprints; put back, all is well"""
        server = harness.Server()
        self.addCleanup(server.close)
        models = server.folder / "models"
        shutil.copytree(harness.MODELS / harness.ENCODER, models / "mine",
                        copy_function=lambda source, target: os.symlink(source, target))
        (models / harness.GENERATOR).symlink_to(harness.MODELS / harness.GENERATOR)
        server.flags.update(models_dir=models, encoder="mine")
        server.start()
        corpus.write_town(server.folder / "town")
        server.index(server.folder / "town")
        original = server.json("collections", "show", "default")[0]["encoder_fingerprint"]
        server.stop()

        settings = models / "mine" / "sentence_bert_config.json"
        settings.unlink()
        settings.write_text(json.dumps({"max_seq_length": 128, "do_lower_case": False}))
        server.start()
        server.json("collections", "create", "fresh")
        changed = server.json("collections", "show", "fresh")[0]["encoder_fingerprint"]
        self.assertNotEqual(changed, original)
        for mode in ("dense", "hybrid"):
            error = server.error("search", "--mode", mode, "rye bread")
            self.assertEqual(error.code, "FAILED_PRECONDITION")
            self.assertIn(original[:12], error.message)
            self.assertIn(changed[:12], error.message)
        (server.folder / "new.txt").write_text("A new file needs the encoder; one that is unchanged does not.\n")
        self.assertEqual(server.error("index", server.folder / "new.txt").code, "FAILED_PRECONDITION")
        self.assertGreater(len(server.json("search", "--mode", "keyword", "rye bread")[0]["passages"]), 0)
        server.stop()

        settings.unlink()
        settings.symlink_to(harness.MODELS / harness.ENCODER / "sentence_bert_config.json")
        server.start()
        found = server.json("search", "rye bread")[0]["passages"]
        self.assertTrue(found[0]["uri"].endswith("bakery.txt"))


class Stop(unittest.TestCase):
    def test_stop_in_the_middle_of_an_answer(self):
        """SIGTERM during an answer: the client gets a sentence, the server ends with 0 in time, nothing is lost"""
        server = harness.Server(shutdown_grace_ms=300)
        self.addCleanup(server.close)
        server.start()
        corpus.write_town(server.folder / "town")
        server.index(server.folder / "town")
        client = server.popen("--json", "generate", "--max-tokens", "1500", "--temperature", "1", "--min-p", "0.1",
                              "Write a very long story about a ship.")
        while "delta" not in client.stdout.readline():
            self.assertIsNone(client.poll())
        self.assertEqual(server.stop(), 0)
        _, errors = client.communicate(timeout=10)
        self.assertEqual(client.returncode, 1)
        error = json.loads(errors)["error"]
        self.assertIn(error["code"], ("UNAVAILABLE", "CANCELLED"))
        harness.check_sentence(error["message"])
        server.start()
        self.assertEqual(len(server.uris()), 7)

    def test_short_answer_is_finished(self):
        """SIGTERM during a short answer: it is finished within the grace"""
        server = harness.Server(shutdown_grace_ms=20000)
        self.addCleanup(server.close)
        server.start()
        client = server.popen("--json", "generate", "--max-tokens", "40", "Count from one to thirty.")
        first = client.stdout.readline()
        self.assertEqual(server.stop(), 0)
        rest, errors = client.communicate(timeout=10)
        self.assertEqual(client.returncode, 0, errors)
        self.assertIn("done", json.loads((first + rest).splitlines()[-1]))


class Overload(unittest.TestCase):
    def test_full_queue(self):
        """more calls at once than the queue holds: those beyond are refused with a sentence, the others answered"""
        server = harness.Server(queue_limit=4, generator_workers=1)
        self.addCleanup(server.close)
        server.start()
        generate = ["generate", "--max-tokens", "60", "Write a long story about a ship."]
        clients = [server.popen("--json", *generate) for _ in range(16)]
        refused = 0
        for client in clients:
            out, errors = client.communicate(timeout=harness.DEADLINE_S)
            if client.returncode == 0:
                self.assertIn("done", json.loads(out.splitlines()[-1]))
                continue
            refused += 1
            error = json.loads(errors)["error"]
            self.assertEqual(error["code"], "RESOURCE_EXHAUSTED")
            harness.check_sentence(error["message"])
        self.assertLess(0, refused)
        self.assertLessEqual(refused, len(clients) - 4, "four may wait")
        self.assertIn("done", server.json(*generate)[-1])


class DiskFull(unittest.TestCase):
    def setUp(self):
        self.disk = Path(tempfile.mkdtemp(prefix="precis-e2e-disk-"))
        self.addCleanup(self.disk.rmdir)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=320m", "tmpfs", self.disk], capture_output=True,
                                 text=True, check=False)
        if mounted.returncode != 0:
            self.skipTest("mounting a small file system is not allowed here: " + mounted.stderr.strip())
        self.addCleanup(subprocess.run, ["umount", "-l", self.disk], check=True)

    def fill(self, leave_bytes):
        """Writes a ballast file that leaves so much room."""
        room = shutil.disk_usage(self.disk).free - leave_bytes
        self.assertGreater(room, 0)
        (self.disk / "ballast").write_bytes(bytes(room))

    def test_disk_full(self):
        """a full disk: RESOURCE_EXHAUSTED in a sentence, search goes on; with room again indexing goes on"""
        server = harness.Server(data_dir=self.disk / "data")
        self.addCleanup(server.close)
        server.start()
        corpus.write_town(server.folder / "town")
        server.index(server.folder / "town")
        notes = server.folder / "notes"
        files = corpus.write_many(notes, 200, seed=7)

        self.fill(leave_bytes=100_000)
        full = server.cli("--json", "index", notes)
        self.assertEqual(full.code, 1, full.out[-500:] + full.err)
        error = json.loads(full.err)["error"]
        self.assertEqual(error["code"], "RESOURCE_EXHAUSTED")
        self.assertIn("free space", error["message"])
        harness.check_sentence(error["message"])
        acknowledged = {result["uri"] for result in full.objects() if "summary" not in result}
        self.assertLess(len(acknowledged), len(files))
        self.assertLessEqual(acknowledged, server.uris())
        for mode in ("dense", "keyword", "hybrid"):
            found = server.json("search", "--mode", mode, "-k", "1", "rye bread")[0]["passages"]
            self.assertTrue(found[0]["uri"].endswith("bakery.txt"))

        # What was there stays; the caches, which could not store either, come back by themselves.
        (self.disk / "ballast").unlink()
        _, summary = server.index(notes)
        self.assertEqual(summary["added"] + summary["unchanged"], len(files))
        server.json("docs", "delete", "--wait", files[0])
        stored = server.uris()
        self.assertNotIn(str(files[0]), stored)
        server.kill()
        server.start()
        self.assertEqual(server.uris(), stored)
        self.assertEqual(len(stored), len(files) - 1 + 7)
