#!/usr/bin/env python3
"""Where relevance and citation thresholds separate best, with the real encoder on real documents.

Needs a server that has the collection `docs` of deploy/quickstart, and build/release with its tests.

    tests/eval/thresholds.py [--bin build/release/bin] [--checker build/release/tests/citation_thresholds] [--server ADDRESS]

1. Relevance: the best cosine of a passage to each question of debian_questions.json, answerable or not; the table says
   how many of either kind a floor would let through.
2. Citations: each answer with the passages of its question (must be supported) and with those of another question
   (must not be), through the citation checker with the encoder of the models folder; citation_thresholds.cc prints
   what each pair of thresholds lets through.
"""
import argparse
import json
import os
import pathlib
import subprocess

HERE = pathlib.Path(__file__).parent


def passages(options, question):
    command = [options.bin + "/precis", "--server", options.server, "--json", "search", "--collection", options.collection,
               question]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["passages"]


def best_cosine(found):
    return max(passage["scores"].get("dense", 0) for passage in found)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", default="build/release/bin")
    parser.add_argument("--checker", default="build/release/tests/citation_thresholds")
    parser.add_argument("--server", default="127.0.0.1:7777")
    parser.add_argument("--collection", default="docs")
    parser.add_argument("--models", default=os.path.expanduser("~/.local/share/precis/models"))
    parser.add_argument("--pairs", help="write the pairs of part 2 to this file and do not check them")
    options = parser.parse_args()
    questions = json.loads((HERE / "debian_questions.json").read_text())

    answerable = [(q, passages(options, q["question"])) for q in questions["answerable"]]
    known = sorted(best_cosine(found) for _, found in answerable)
    unknown = sorted(best_cosine(passages(options, q)) for q in questions["unanswerable"])
    print("best cosine, answerable:  ", " ".join(f"{value:.2f}" for value in known))
    print("best cosine, unanswerable:", " ".join(f"{value:.2f}" for value in unknown))
    print("floor  answerable kept  unanswerable kept")
    for floor in [step / 20 for step in range(4, 17)]:
        print(f"{floor:.2f}   {sum(v >= floor for v in known):2} of {len(known)}         "
              f"{sum(v >= floor for v in unknown):2} of {len(unknown)}")

    lines = []
    for i, (question, found) in enumerate(answerable):
        others = answerable[(i + 1) % len(answerable)][1]
        own = {passage["chunk_id"] for passage in found}
        for supported, texts in ((1, found), (0, [p for p in others if p["chunk_id"] not in own])):
            lines.append(json.dumps({"answer": question["answer"], "supported": supported,
                                     "passages": [passage["text"] for passage in texts]}))
    if options.pairs:
        pathlib.Path(options.pairs).write_text("\n".join(lines) + "\n")
        return
    subprocess.run([options.checker, options.models + "/all-minilm-l6-v2"], input="\n".join(lines) + "\n", text=True,
                   check=True)


if __name__ == "__main__":
    main()
