"""What was acknowledged is there after kill -9, whenever it comes."""
import json
import random
import unittest

import corpus
import harness


class Durability(unittest.TestCase):
    def setUp(self):
        self.server = harness.Server()
        self.addCleanup(self.server.close)

    def start_indexing(self, folder):
        indexing = self.server.popen("--json", "index", folder)
        self.addCleanup(indexing.wait)
        self.addCleanup(indexing.kill)
        return indexing

    @staticmethod
    def acknowledged(line):
        result = json.loads(line)
        if "summary" in result:
            return None
        assert result["outcome"] in ("INGEST_OUTCOME_ADDED", "INGEST_OUTCOME_UNCHANGED"), result
        return result["uri"], result["version_id"]

    def test_kill_while_indexing(self):
        """kill -9 at random while indexing: every acknowledged document is there, and indexing again completes"""
        seed = random.randrange(1 << 32)
        pick = random.Random(seed)
        known = {}  # uri -> version_id, as acknowledged
        files = 0
        for round_number in range(3):
            folder = self.server.folder / f"round-{round_number}"
            files += len(corpus.write_many(folder, 120, seed=round_number))
            self.server.start()
            indexing = self.start_indexing(folder)
            for _ in range(pick.randint(1, 110)):
                uri, version = self.acknowledged(indexing.stdout.readline())
                known[uri] = version
            self.server.kill()
            indexing.kill()
            rest, _ = indexing.communicate()
            # What was printed before the client ended was acknowledged too; the last line may be cut.
            known.update(filter(None, map(self.acknowledged, rest.split("\n")[:-1])))

            self.server.start()
            stored = {d["uri"]: d["version_id"] for d in self.server.json("docs", "list")}
            lost = {uri for uri in known if stored.get(uri) != known[uri]}
            self.assertFalse(lost, f"acknowledged and lost (seed {seed}, round {round_number})")
            some = pick.choice(sorted(known))
            with open(some) as file:
                self.assertEqual(self.server.json("docs", "show", some)[0]["text"], file.read())
            found = self.server.json("search", "-k", "1", "--mode", "keyword", "@" + some)[0]["passages"]
            self.assertEqual(len(found), 1)
            self.server.kill()

        self.server.start()
        results, summary = self.server.index(*sorted(self.server.folder.glob("round-*")))
        self.assertEqual(summary["failed"], 0)
        self.assertEqual(summary["added"] + summary["unchanged"], files)
        again = {result["uri"]: result["outcome"] for result in results}
        self.assertEqual({again[uri] for uri in known}, {"INGEST_OUTCOME_UNCHANGED"})
        self.assertEqual(len(self.server.uris()), files)

    def test_client_goes_on_after_restart(self):
        """the server is killed and restarted while precis index runs: it takes up again and ends well"""
        folder = self.server.folder / "notes"
        files = corpus.write_many(folder, 150, seed=9)
        self.server.start()
        self.server.flags["listen"] = self.server.address
        indexing = self.start_indexing(folder)
        lines = [indexing.stdout.readline() for _ in range(20)]
        self.server.kill()
        self.server.start()
        rest, errors = indexing.communicate(timeout=harness.DEADLINE_S)
        self.assertEqual(indexing.returncode, 0, errors)
        results = [json.loads(line) for line in lines + rest.splitlines()]
        self.assertEqual(results[-1]["summary"]["failed"], 0)
        self.assertEqual({result["uri"] for result in results[:-1]}, {str(path) for path in files})
        self.assertEqual(self.server.uris(), {str(path) for path in files})

    def test_answers_equal_after_restart(self):
        """a graceful stop and a kill -9 change neither search results nor scores"""
        folder = self.server.folder / "notes"
        corpus.write_many(folder, 60, seed=10)
        self.server.start()
        self.server.index(folder)

        def passages():
            return [(p["chunk_id"], p["scores"], p["text"])
                    for mode in ("dense", "keyword", "hybrid")
                    for p in self.server.json("search", "--mode", mode, "maps at the market")[0]["passages"]]
        before = passages()
        self.assertEqual(self.server.stop(), 0)
        self.server.start()
        self.assertEqual(passages(), before)
        self.server.kill()
        self.server.start()
        self.assertEqual(passages(), before)
