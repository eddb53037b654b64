"""Deleted is deleted: from search, from the listing, from answers, from both caches, and across kill -9."""
import unittest

import corpus
import harness

QUESTION = "Who is the harbour master of Lindqvist?"


class Erasure(unittest.TestCase):
    def setUp(self):
        self.server = harness.Server()
        self.addCleanup(self.server.close)
        self.server.start()
        self.town = self.server.folder / "town"
        corpus.write_town(self.town)
        self.server.index(self.town)
        self.harbour = str(self.town / "harbour.md")

    def fill_caches(self):
        events = self.server.json("ask", "--budget", "120", "--max-tokens", "8", QUESTION)
        self.assertIn("Olufsen", events[2]["receipt"]["context"]["text"])
        self.assertGreater(int(self.server.cache("embedding")["entry_count"]), 0)
        self.assertGreater(int(self.server.cache("compressed_context")["entry_count"]), 0)

    def check_gone(self):
        self.assertNotIn(self.harbour, self.server.uris())
        self.assertEqual(self.server.error("docs", "show", self.harbour).code, "NOT_FOUND")
        for mode in ("dense", "keyword", "hybrid"):
            found = self.server.json("search", "--mode", mode, "-k", "1000", "harbour master Maren Olufsen")[0]
            self.assertNotIn(self.harbour, [passage["uri"] for passage in found["passages"]], mode)
            self.assertNotIn("Olufsen", str(found), mode)
        events = self.server.json("ask", "--budget", "120", "--max-tokens", "8", QUESTION)
        self.assertNotIn("Olufsen", str(events[:3]))
        self.assertNotEqual(events[-1]["usage"]["context_cache_outcome"], "CACHE_OUTCOME_HIT")

    def test_delete_reaches_everything(self):
        """docs delete --wait: gone from search, listing and answer, and both caches let go of it"""
        self.fill_caches()
        reply = self.server.json("docs", "delete", "--wait", self.harbour)[0]
        self.assertEqual(reply["state"], "ERASURE_STATE_ERASED")
        self.assertEqual(int(self.server.stats()["pending_erasures"]), 0)
        for cache in ("embedding", "compressed_context"):
            self.assertGreater(int(self.server.cache(cache)["erased_count"]), 0, cache)
        self.check_gone()
        self.assertIn("NOT_FOUND", self.server.error("docs", "delete", self.harbour))
        # The very same file may come back.
        self.server.index(self.harbour)
        found = self.server.json("search", "--mode", "dense", "harbour master Maren Olufsen")[0]
        self.assertEqual(found["passages"][0]["uri"], self.harbour)

    def test_delete_where(self):
        """docs delete --where: --dry-run counts, then all that match are gone and nothing else"""
        before = self.server.uris()
        marked = corpus.write_many(self.server.folder / "marked", 6, seed=5)
        self.server.index(*marked, flags=["--meta", "topic=gone"])
        counted = self.server.json("docs", "delete", "--where", "topic=gone", "--dry-run")[0]
        self.assertEqual(int(counted["document_count"]), 6)
        self.assertEqual(len(self.server.uris()), len(before) + 6)
        reply = self.server.json("docs", "delete", "--where", "topic=gone", "--wait")[0]
        self.assertEqual((int(reply["document_count"]), reply["state"]), (6, "ERASURE_STATE_ERASED"))
        self.assertEqual(self.server.uris(), before)

    def test_kill_after_delete(self):
        """kill -9 right after docs delete: after the restart it is still gone, and the erasures are made up for"""
        self.fill_caches()
        self.server.json("docs", "delete", self.harbour)
        self.server.kill()
        self.server.start()
        harness.eventually(lambda: int(self.server.stats()["pending_erasures"]) == 0, "no erasure is pending")
        self.check_gone()

    def test_replace_erases_the_old_version(self):
        """a changed file: the old version's text is gone from search, answers and caches"""
        self.fill_caches()
        (self.town / "harbour.md").write_text(corpus.HARBOUR.replace("Maren Olufsen", "Tomas Brandt"))
        self.assertEqual(self.server.index(self.town)[1]["replaced"], 1)
        for mode in ("dense", "keyword", "hybrid"):
            found = self.server.json("search", "--mode", mode, "harbour master Maren Olufsen")[0]
            self.assertNotIn("Olufsen", str(found), mode)
        events = self.server.json("ask", "--budget", "120", "--max-tokens", "8", QUESTION)
        self.assertNotIn("Olufsen", str(events[:3]))
        self.assertIn("Tomas Brandt", events[2]["receipt"]["context"]["text"])
        harness.eventually(lambda: int(self.server.stats()["pending_erasures"]) == 0, "no erasure is pending")
        self.assertGreater(int(self.server.cache("compressed_context")["erased_count"]), 0)
