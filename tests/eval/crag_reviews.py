#!/usr/bin/env python3
"""CRAG on real reviews: prompt tokens for 4 to 75 reviews against plain concatenation, and what of the opinions is left.

The reviews are those of vaderSentiment==3.3.2's source distribution: additional_resources/hutto_ICWSM_2014.tar.gz holds
amazonReviewSnippets_GroundTruth.txt, sentences of some 300 Amazon reviews with their mean sentiment by twenty people. It
names no products, only reviews in file order, where those of a product stand together; N reviews here are the first N
whose ids follow each other from --first on, so that more than a product's own are pooled.

Flat tokens are true of any budget. So beside them: the mean human sentiment of the kept sentences against that of all, and
the part of kept sentences that go against the majority, each beside random whole reviews at equal tokens (20 draws).

    crag_reviews.py --precisd BIN --precis BIN --reviews amazonReviewSnippets_GroundTruth.txt [--summaries generator]

Needs only Python; starts a precisd of its own. With --summaries generator a generator writes the summaries, which keep no
sentence as it was: then only the tokens are told.
"""
import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))
import harness  # noqa: E402

SIZES = (4, 10, 20, 40, 75)


def read_reviews(path):
    """Reviews in file order, each a list of (sentence, sentiment)."""
    reviews = {}
    for line in Path(path).read_text(encoding="utf-8", errors="replace").splitlines():
        name, sentiment, text = line.split("\t", 2)
        reviews.setdefault(int(name.split("_")[0]), []).append((" ".join(text.split()), float(sentiment)))
    return [reviews[key] for key in sorted(reviews)]


def kept_sentences(result, reviews, texts):
    """Sentiments of the sentences of which at least half is verbatim in the context."""
    kept = {}
    for span in result["context"]["spans"]:
        if span.get("verbatim"):
            source = span.get("source", {})
            kept.setdefault(int(span.get("passageIndex", 0)), []).append(
                (int(source.get("begin", 0)), int(source.get("end", 0))))
    sentiments = []
    for i, review in enumerate(reviews):
        at = 0
        for sentence, sentiment in review:
            begin = at
            end = begin + len(sentence.encode())
            at = end + 1
            covered = sum(max(0, min(end, e) - max(begin, b)) for b, e in kept.get(i, []))
            if 2 * covered >= end - begin:
                sentiments.append(sentiment)
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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--precisd", required=True)
    parser.add_argument("--precis", required=True)
    parser.add_argument("--reviews", required=True)
    parser.add_argument("--budget", type=int, default=468, help="tokens of the context (the paper's at 75 reviews)")
    parser.add_argument("--first", type=int, default=0, help="place of the first review in the file")
    parser.add_argument("--query", default="What do buyers think of it?")
    parser.add_argument("--summaries", default="extractive", choices=("extractive", "generator"))
    parser.add_argument("--generator", default=harness.GENERATOR)
    args = parser.parse_args()
    harness.precisd, harness.precis = args.precisd, args.precis
    reviews = read_reviews(args.reviews)[args.first:]
    print(f"{len(reviews)} reviews from {args.first} on; budget {args.budget} tokens; summaries: {args.summaries}")
    print(f"{'reviews':>7} {'plain':>7} {'crag':>6} {'cut':>7} {'seconds':>8}   sentiment: {'all':>6} {'crag':>6} "
          f"{'random':>6} (error {'crag':>5} {'random':>6})   against the majority: {'all':>5} {'crag':>5} {'random':>6}")
    server = harness.Server(generator=args.generator).start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            texts, files = [], []
            for i, review in enumerate(reviews[:max(SIZES)]):
                texts.append("\n".join(sentence for sentence, _ in review))
                files.append(Path(folder) / f"review-{i:03}.txt")
                files[-1].write_text(texts[-1], encoding="utf-8")
            for n in SIZES:
                start = time.monotonic()
                result = server.json("compress", *files[:n], "-q", args.query, "--budget", args.budget, "--no-cache",
                                     "-m", f"crag:summaries={args.summaries}")[0]
                seconds = time.monotonic() - start
                receipt = result["receipt"]
                assert not receipt.get("fallbacks"), receipt["fallbacks"]
                plain, crag = int(receipt["tokensIn"]), int(receipt["tokensOut"])
                assert crag <= args.budget
                line = f"{n:7} {plain:7} {crag:6} {100 * (1 - crag / plain):6.1f}% {seconds:8.1f}"
                if args.summaries == "extractive":
                    everything = [s for review in reviews[:n] for _, s in review]
                    kept = kept_sentences(result, reviews[:n], texts)
                    share = [plain * len(text) / sum(map(len, texts[:n])) for text in texts[:n]]
                    draws = [[s for i in random_reviews(share, args.budget, seed) for _, s in reviews[i]]
                             for seed in range(20)]
                    draws = [draw for draw in draws if draw] or [everything]
                    error = abs(mean(kept) - mean(everything))
                    random_error = mean([abs(mean(draw) - mean(everything)) for draw in draws])
                    line += (f"              {mean(everything):6.2f} {mean(kept):6.2f} "
                             f"{mean([mean(d) for d in draws]):6.2f}        {error:5.2f} {random_error:6.2f} "
                             f"                        {minority(everything, everything):5.2f} "
                             f"{minority(kept, everything):5.2f} "
                             f"{mean([minority(d, everything) for d in draws]):6.2f}")
                print(line, flush=True)
    finally:
        server.close()


if __name__ == "__main__":
    main()
