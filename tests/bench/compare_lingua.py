"""`lingua` beside llmlingua 0.2.2 with the same causal LM and texts: speed, rate reached, and what is left of the answers.

    cmake --build build/release --target compress_bench
    PEERS_HOME/venv/bin/python compare_lingua.py speed --hf MODEL_FOLDER --gguf MODEL_FOLDER --encoder MINILM_FOLDER --text FILE
    PEERS_HOME/venv/bin/python compare_lingua.py quality --hf ... --gguf ... --set QUESTION_SET --items 20

The reference needs transformers 4.40.2 (shared/peers/setup.sh); MODEL_FOLDER of --hf is by prep_llmlingua.py. Both run on
--threads threads, one after the other in every round, in an order that turns; the ratio is taken inside a round.

quality: items of a question set (tests/eval) that have answers and passages. Each side compresses the passages at the rate
asked; ours once more at the rate that the reference reached ("equal"), since it does not keep to what it is asked. Judge:
mean log-probability of the gold answer's tokens after context and question, by the same model in PyTorch.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

RATES = (0.5, 0.25, 0.1)
REFERENCE = {  # how users call it: without a question, and as LongLLMLingua
    "plain": lambda question: {},
    "contrast": lambda question: dict(question=question, rank_method="longllmlingua", condition_in_question="after",
                                      condition_compare=True, concate_question=False),
}
OURS = {"plain": "lingua:contrast=off", "contrast": "lingua:contrast=on", "shifted": "lingua:contrast=off,mask=shifted",
        "extractive": "extractive"}


class Ours:
    """compress_bench, kept running; one round a line."""

    def __init__(self, args, text, rate, method, query):
        encoder = args.encoder if method == "extractive" else "-"
        command = [args.bench, encoder, args.gguf, text, repr(rate), method] + ([query] if query else [])
        if args.threads:
            command = ["taskset", "-c", ",".join(str(c) for c in range(args.threads))] + command
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def round(self, show=False):
        self.process.stdin.write("show\n" if show else "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("compress_bench ended: see its message above")
        return json.loads(line)

    def text(self):
        result = self.round(show=True)
        self.process.stdin.close()
        return result, self.process.stdout.read().strip()


def load_reference(args):
    import tiktoken
    import torch
    from transformers import AutoTokenizer
    if args.threads:
        torch.set_num_threads(args.threads)
    tokenizer = AutoTokenizer.from_pretrained(args.hf)
    tiktoken.encoding_for_model = lambda name: tokenizer  # it would fetch one
    from llmlingua import PromptCompressor
    return PromptCompressor(args.hf, device_map="cpu"), tokenizer


def speed(args):
    reference, tokenizer = load_reference(args)
    words = open(args.text, encoding="utf-8", errors="replace").read().split()
    passages = [" ".join(words[i:i + 200]) for i in range(0, min(len(words), 1600), 200)]
    query = args.query
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n\n".join(passages))
        file.flush()
        for rate in RATES:
            ours = {name: Ours(args, file.name, rate, method, query if name in ("contrast", "extractive") else "")
                    for name, method in OURS.items()}
            runs = {}
            for name, options in REFERENCE.items():
                def run(options=options(query)):
                    begin = time.perf_counter()
                    r = reference.compress_prompt(passages, rate=rate, **options)
                    return r["origin_tokens"] / (time.perf_counter() - begin), r["compressed_tokens"] / r["origin_tokens"]
                runs["llmlingua " + name] = run
            for name, process in ours.items():
                def run(process=process):
                    r = process.round()
                    return r["tokens_in"] / r["seconds"], r["tokens_out"] / r["tokens_in"]
                runs["ours " + name] = run
            results = {name: [] for name in runs}
            names = list(runs)
            for i in range(args.rounds):
                for name in names[i % len(names):] + names[:i % len(names)]:
                    results[name].append(runs[name]())
            for name, values in results.items():
                base = "llmlingua contrast" if name == "ours contrast" else "llmlingua plain"
                ratio = statistics.median(v[0] / b[0] for v, b in zip(values, results[base]))
                print(f"rate {rate:4}  {name:20} {statistics.median(v[0] for v in values):8.0f} tokens/s  "
                      f"{ratio:6.2f} x {base:18}  kept {values[0][1]:.3f}", flush=True)


def quality(args):
    import torch
    reference, tokenizer = load_reference(args)
    documents = {}
    for line in open(os.path.join(args.set, "documents.jsonl")):
        d = json.loads(line)
        documents[d["id"]] = d["text"]
    items = []
    for line in open(os.path.join(args.set, "questions.jsonl")):
        q = json.loads(line)
        ids = list(dict.fromkeys(q["gold_documents"] + q["passages"]))[:args.passages]
        if q["answerable"] and q["answers"]:
            items.append((q["question"], q["answers"][0], [documents[i][:args.bytes] for i in sorted(ids)]))
    items = items[:args.items]

    def judge(context, question, answer):
        prompt = f"{context}\n\nQuestion: {question}\nAnswer:"
        ids = tokenizer(prompt, add_special_tokens=False)["input_ids"]
        gold = tokenizer(" " + answer, add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            logits = reference.model(torch.tensor([ids + gold])).logits[0, len(ids) - 1:-1]
        logp = torch.log_softmax(logits.float(), -1)
        return float(logp[torch.arange(len(gold)), torch.tensor(gold)].mean())

    sums, kept = {}, {}

    def note(name, value, rate):
        sums.setdefault(name, []).append(value)
        kept.setdefault(name, []).append(rate)

    for number, (question, answer, passages) in enumerate(items):
        print(f"item {number + 1} of {len(items)}", file=sys.stderr, flush=True)
        whole = "\n\n".join(passages)
        note("everything", judge(whole, question, answer), 1)
        note("nothing", judge("", question, answer), 0)
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write(whole)
            file.flush()
            for rate in RATES:
                for name, options in REFERENCE.items():
                    r = reference.compress_prompt(passages, rate=rate, **options(question))
                    reached = r["compressed_tokens"] / r["origin_tokens"]
                    note(f"{rate} llmlingua {name}", judge(r["compressed_prompt"], question, answer), reached)
                    for label, at in (("", rate), (" equal", reached)):
                        result, text = Ours(args, file.name, at, OURS[name], question if name != "plain" else "").text()
                        note(f"{rate} ours {name}{label}", judge(text, question, answer),
                             result["tokens_out"] / result["tokens_in"])
                result, text = Ours(args, file.name, rate, OURS["shifted"], "").text()
                note(f"{rate} ours shifted", judge(text, question, answer), result["tokens_out"] / result["tokens_in"])
                result, text = Ours(args, file.name, rate, OURS["extractive"], question).text()
                note(f"{rate} ours extractive", judge(text, question, answer),
                     result["tokens_out"] / result["tokens_in"])
    for name in sums:
        pairs = ""
        for base in (f"{name.split()[0]} llmlingua plain", f"{name.split()[0]} llmlingua contrast"):
            if base in sums and base != name:
                better = sum(a > b for a, b in zip(sums[name], sums[base]))
                pairs += f"  better than {base.split(' ', 1)[1]} in {better} of {len(items)}"
        print(f"{name:28} log-likelihood {statistics.mean(sums[name]):7.3f}  kept {statistics.mean(kept[name]):.3f}{pairs}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=("speed", "quality"))
    parser.add_argument("--hf", required=True)
    parser.add_argument("--gguf", required=True)
    parser.add_argument("--encoder", default="-")
    parser.add_argument("--bench", default="build/release/tests/compress/compress_bench")
    parser.add_argument("--text")
    parser.add_argument("--query", default="What is the main point?")
    parser.add_argument("--set")
    parser.add_argument("--items", type=int, default=20)
    parser.add_argument("--passages", type=int, default=8)
    parser.add_argument("--bytes", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    (speed if args.mode == "speed" else quality)(args)


if __name__ == "__main__":
    main()
