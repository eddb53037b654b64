#!/usr/bin/env python3
"""Compares our tokenizers with the reference on many texts; zero mismatches are wanted.

    pip install tokenizers==0.23.3 gguf==0.19.0
    python3 compare.py BUILD/tests/tokenize_lines [--count 12000] [--seed 1] [MODEL ...]

MODEL is a name in the models folder (PRECIS_TEST_MODELS), a folder, a GGUF file or a tokenizer.json's folder.
"""
import argparse
import subprocess
import sys
import time

import reference
import texts as corpus


def run(binary, model, texts, *flags):
    data = b"".join(b"%d\n%s" % (len(t), t) for t in (t.encode() for t in texts))
    return subprocess.run([binary, model, *flags], input=data, capture_output=True, check=True).stdout.decode()


def show(text, expected, got, tokenizer):
    print("  text    ", ascii(text[:300]))
    at = next((i for i, (a, b) in enumerate(zip(expected, got)) if a != b), min(len(expected), len(got)))
    name = tokenizer.id_to_token
    print("  expected", at, [(i, name(i)) for i in expected[at:at + 6]])
    print("  got     ", at, [(i, name(i)) for i in got[at:at + 6]], flush=True)


def compare(binary, model, count, seed):
    tokenizer = reference.load(model)
    texts = corpus.all_texts(tokenizer, count, seed)
    path = model if "/" in model else reference.MODELS + "/" + model
    bad = 0
    for flags in ([], ["special", "parse"]):
        lines = run(binary, path, texts, *flags).split("\n")
        for text, line in zip(texts, lines, strict=False):
            expected = reference.encode(tokenizer, text, "special" in flags, "parse" in flags).ids
            got = [int(i) for i in line.split()] if not line.startswith("error") else []
            if got != expected or line.startswith("error"):
                bad += 1
                if bad <= 5:
                    show(text, expected, got, tokenizer)
    lines = run(binary, path, texts, "decode").split("\n")
    wrong = 0
    for text, line in zip(texts, lines, strict=False):
        ids = reference.encode(tokenizer, text).ids
        expected, got = tokenizer.decode(ids), bytes.fromhex(line).decode("utf-8", "replace")
        if expected != got and "\ufffd" not in expected:
            wrong += 1
            if wrong <= 5:
                print("  decoded ", ascii(got[:200]), "\n  expected", ascii(expected[:200]))
    print(f"{model}: {len(texts)} texts twice (plain; with special tokens), {bad} mismatches; "
          f"{wrong} of {len(texts)} decoded wrongly", flush=True)
    return bad + wrong


def speed(binary, model):
    tokenizer = reference.load(model)
    import random
    texts = corpus.real(2000, random.Random(7))
    size = sum(len(t.encode()) for t in texts)
    tokenizer.encode_special_tokens = True
    start = time.perf_counter()
    for text in texts:
        tokenizer.encode(text, add_special_tokens=False)
    theirs = size / (time.perf_counter() - start) / 1e6
    path = model if "/" in model else reference.MODELS + "/" + model
    print(f"{model}: {size / 1e6:.1f} MB of real text; tokenizers {theirs:.1f} MB/s, ours "
          f"{run(binary, path, texts, 'time').strip()}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("models", nargs="*", default=reference.NAMES)
    parser.add_argument("--count", type=int, default=12000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--speed", action="store_true", help="measure instead, on one thread")
    args = parser.parse_args()
    if args.speed:
        for model in args.models:
            speed(args.binary, model)
        return 0
    return 1 if sum(compare(args.binary, m, args.count, args.seed) for m in args.models) else 0


if __name__ == "__main__":
    sys.exit(main())
