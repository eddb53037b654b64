#!/usr/bin/env python3
"""CRAG on real reviews: prompt tokens for 4 to 75 reviews against plain concatenation, and what of the opinions is left.

Reads the set `reviews` of make_sets: reviews of one kind of product with the mean sentiment that twenty people gave each
sentence, several draws a size. Flat tokens are true of any budget. So beside them: how far the mean human sentiment of the kept
sentences is from that of all, and the part of kept sentences that go against the majority, each beside random whole reviews
at equal tokens (20 orders).

    tests/eval/make_sets SETS reviews
    tests/eval/crag_reviews.py --precisd BIN --precis BIN --set SETS/reviews [--split heldout] [--draws 1] [--summaries generator]

Starts a precisd of its own. With --summaries generator a generator writes the summaries, which keep no sentence as it was:
then only the tokens are told.
"""
import argparse
import json
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))
import harness  # noqa: E402


def read(path, split, draws):
    """({review id: {"text", "sentences"}}, questions of the split, the first `draws` of each corpus and size, small ones first)."""
    documents = {d["id"]: d for d in map(json.loads, (path / "documents.jsonl").read_text(encoding="utf-8").splitlines())}
    questions, seen = [], {}
    lines = (path / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    for question in sorted(map(json.loads, lines), key=lambda q: (len(q["passages"]), q["id"])):
        key = question["corpus"], len(question["passages"])
        seen[key] = seen.get(key, 0) + 1
        if split in ("both", question["split"]) and seen[key] <= draws:
            questions.append(question)
    return documents, questions


def kept_sentiments(result, reviews):
    """Sentiments of the sentences of which at least half is verbatim in the context."""
    kept = {}
    for span in result["context"]["spans"]:
        if span.get("verbatim"):
            source = span.get("source", {})
            kept.setdefault(int(span.get("passage_index", 0)), []).append((int(source.get("begin", 0)), int(source.get("end", 0))))
    sentiments = []
    for i, review in enumerate(reviews):
        for sentence in review["sentences"]:
            begin, end = sentence["begin"], sentence["end"]
            covered = sum(max(0, min(end, e) - max(begin, b)) for b, e in kept.get(i, []))
            if 2 * covered >= end - begin:
                sentiments.append(sentence["sentiment"])
    return sentiments


def mean(values):
    return sum(values) / len(values) if values else float("nan")


def minority(values, of):
    """The part of `values` whose sign is not that of the mean of `of`."""
    sign = 1 if mean(of) >= 0 else -1
    return mean([1.0 if v * sign < 0 else 0.0 for v in values])


def random_reviews(tokens, budget, seed):
    order = list(range(len(tokens)))
    random.Random(seed).shuffle(order)
    chosen, left = [], budget
    for i in order:
        if tokens[i] <= left:
            chosen.append(i)
            left -= tokens[i]
    return chosen


def measure(server, folder, reviews, question, args):
    """One draw: a dict of what the table tells."""
    files = []
    for i, review in enumerate(reviews):
        files.append(Path(folder) / f"review-{i:03}.txt")
        files[-1].write_text(review["text"], encoding="utf-8")
    start = time.monotonic()
    result = server.json("compress", *files, "-q", question, "--budget", args.budget, "--no-cache", "-m",
                         f"crag:summaries={args.summaries}")[0]
    seconds = time.monotonic() - start
    receipt = result["receipt"]
    assert not receipt.get("fallbacks"), receipt["fallbacks"]
    plain, crag = int(receipt["tokens_in"]), int(receipt["tokens_out"])
    assert crag <= args.budget
    row = {"plain": plain, "crag": crag, "cut": 1 - crag / plain, "seconds": seconds}
    if args.summaries == "extractive":
        everything = [s["sentiment"] for review in reviews for s in review["sentences"]]
        kept = kept_sentiments(result, reviews)
        characters = sum(len(review["text"]) for review in reviews)
        share = [plain * len(review["text"]) / characters for review in reviews]
        draws = [[s["sentiment"] for i in random_reviews(share, args.budget, seed) for s in reviews[i]["sentences"]]
                 for seed in range(20)]
        draws = [draw for draw in draws if draw] or [everything]
        row.update({
            "all": mean(everything), "kept": mean(kept), "error": abs(mean(kept) - mean(everything)),
            "random error": mean([abs(mean(draw) - mean(everything)) for draw in draws]),
            "minority": minority(everything, everything), "kept minority": minority(kept, everything),
            "random minority": mean([minority(draw, everything) for draw in draws])})
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--precisd", required=True)
    parser.add_argument("--precis", required=True)
    parser.add_argument("--set", required=True, type=Path, help="the folder of the set `reviews`")
    parser.add_argument("--split", default="heldout", choices=("dev", "heldout", "both"))
    parser.add_argument("--draws", type=int, default=5, help="of each corpus and size, at most (%(default)s)")
    parser.add_argument("--budget", type=int, default=468, help="tokens of the context (%(default)s: the paper's at 75 reviews)")
    parser.add_argument("--summaries", default="extractive", choices=("extractive", "generator"))
    parser.add_argument("--generator", default=harness.GENERATOR)
    args = parser.parse_args()
    harness.precisd, harness.precis = args.precisd, args.precis
    harness.DEADLINE_S = 3600  # a generator takes minutes for 75 reviews
    documents, questions = read(args.set, args.split, args.draws)
    sizes = sorted({len(q["passages"]) for q in questions})
    print(f"set {args.set}, split {args.split}; budget {args.budget} tokens; summaries: {args.summaries}; means over draws")
    print(f"{'reviews':>7} {'draws':>5} {'plain':>7} {'crag':>6} {'cut':>7} {'seconds':>8}   off by: {'crag':>5} {'random':>6}   "
          f"against the majority: {'all':>5} {'crag':>5} {'random':>6}")
    server = harness.Server(generator=args.generator).start()
    try:
        for size in sizes:
            rows = []
            for question in (q for q in questions if len(q["passages"]) == size):
                with tempfile.TemporaryDirectory() as folder:
                    rows.append(measure(server, folder, [documents[name] for name in question["passages"]], question["question"], args))
            of = {key: mean([row[key] for row in rows]) for key in rows[0]}
            line = f"{size:7} {len(rows):5} {of['plain']:7.0f} {of['crag']:6.0f} {100 * of['cut']:6.1f}% {of['seconds']:8.1f}"
            if args.summaries == "extractive":
                line += (f"           {of['error']:5.2f} {of['random error']:6.2f}                         {of['minority']:5.2f} "
                         f"{of['kept minority']:5.2f} {of['random minority']:6.2f}")
            print(line, flush=True)
    finally:
        server.close()


if __name__ == "__main__":
    main()
