"""The programs as a user starts them: a precisd with a data folder of its own, and precis to talk to it."""
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ENCODER = "all-minilm-l6-v2"
GENERATOR = "smollm2-135m-instruct"
MODELS = Path(os.environ.get("PRECIS_TEST_MODELS") or Path.home() / ".local/share/precis/models")
# No program here may take longer for one command; a busy machine with two cores needs a part of it.
DEADLINE_S = 120

precisd = precis = ""  # paths of the programs, set by run.py


def eventually(condition, what, seconds=30):
    """Asks `condition` until it answers something true, and returns that."""
    end = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"after {seconds} s still not so: {what}")
        time.sleep(0.02)


def environment():
    """Without settings of whoever runs the tests."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PRECIS_")}


class Result(NamedTuple):
    code: int
    out: str
    err: str

    def objects(self):
        """Standard output as JSON objects, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]


class Error(NamedTuple):
    code: str
    message: str


class Server:
    """A precisd with all roles, in a temporary folder. `flags` are its keys, with "_" for "-"."""

    def __init__(self, **flags):
        self.folder = Path(tempfile.mkdtemp(prefix="precis-e2e-"))
        self.flags = {"listen": "127.0.0.1:0", "data_dir": self.folder / "data", "models_dir": MODELS,
                      "encoder": ENCODER, "generator": GENERATOR, "metrics_listen": "", **flags}
        self.process = None
        self.address = ""

    def command(self):
        return [precisd] + [f"--{key.replace('_', '-')}={value}" for key, value in self.flags.items()]

    def start(self):
        """Returns when every role answers."""
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                            stderr=log, env=environment(), text=True)
        line = self.process.stdout.readline()
        found = re.search(r" listening on (\S+) ", line)
        assert found, f"precisd did not start: {line!r}; its log:\n{self.log()}"
        self.address = found[1]
        try:
            eventually(self.healthy, "every role is up")
        except AssertionError as error:
            raise AssertionError(f"{error}; precisd's log:\n{self.log()}") from None
        return self

    def healthy(self):
        assert self.process.poll() is None, "precisd ended"
        return self.cli("health").code == 0

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Asks it to end, as an init system would, and returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_S)

    def close(self):
        if self.process:
            self.kill()
            self.process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def popen(self, *args, **options):
        """A precis that runs beside the test."""
        return subprocess.Popen([precis, "--server", self.address, *map(str, args)], stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), text=True, **options)

    def cli(self, *args, stdin=""):
        done = subprocess.run([precis, "--server", self.address, *map(str, args)], input=stdin, capture_output=True,
                              env=environment(), text=True, errors="replace", timeout=DEADLINE_S)
        return Result(done.returncode, done.stdout, done.stderr)

    def json(self, *args, code=0, stdin=""):
        """What `precis --json ARGS` prints, as objects."""
        result = self.cli("--json", *args, stdin=stdin)
        assert result.code == code, f"precis {args} ended with {result.code}, not {code}: {result.out}{result.err}"
        return result.objects()

    def error(self, *args, stdin=""):
        """The one error of a command that must fail."""
        result = self.cli("--json", *args, stdin=stdin)
        assert result.code == 1, f"precis {args} ended with {result.code}, not 1: {result.out}{result.err}"
        lines = result.err.splitlines()
        assert len(lines) == 1, f"one error is one line, not: {result.err}"
        error = json.loads(lines[0])["error"]
        check_sentence(error["message"])
        return Error(error["code"], error["message"])

    def index(self, *paths, collection="default", code=0, flags=()):
        """Indexes, and returns the results of the documents and the summary."""
        *results, summary = self.json("index", *paths, "-c", collection, *flags, code=code)
        return results, summary["summary"]

    def uris(self, collection="default"):
        return {document["uri"] for document in self.json("docs", "list", "-c", collection)}

    def stats(self):
        return self.json("stats")[0]

    def cache(self, name):
        return next(cache for role in self.stats()["roles"] for cache in role["caches"] if cache["name"] == name)

    def running(self, role):
        """Calls that a role is busy with."""
        return sum(queue["running_count"] + queue["waiting_count"]
                   for stats in self.stats()["roles"] if stats["role"] == role for queue in stats["queues"])


def check_sentence(text):
    """An error is one sentence for people: not empty, on one line, no innards."""
    assert 10 <= len(text) <= 1500 and "\n" not in text, f"not one sentence: {text!r}"
    for innards in ("absl::", "grpc_", "std::", ".cc:", "Assertion"):
        assert innards not in text, f"the innards show in: {text!r}"
