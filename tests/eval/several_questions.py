#!/usr/bin/env python3
"""Several questions in one Ask: one prompt each (APART) or one prompt for all (TOGETHER)?

    tests/eval/sufficiency.py make --work DIR         makes the documents and questions
    tests/eval/several_questions.py --work DIR --server ADDRESS --model NAME [--groups 6] [--size 4]

Asks groups of questions apart, together, and together in three rounds, and prints for each way: labels that
were kept, seconds, tokens of prompts (computed and from the prefix cache) and of answers, answers that share words with
the gold section (F1 of content words, mean), and sentences that the citation check supports.
"""
import argparse
import json
import pathlib
import random
import re
import subprocess
import time

STOP = set("the a an of to in is are and or for that this it as with on be by can you your not from at which if".split())


def words(text):
    return {w for w in re.findall(r"[a-z0-9_]+", text.lower()) if w not in STOP and len(w) > 1}


def f1(answer, gold):
    a, g = words(re.sub(r"\[\d+\]", "", answer)), words(gold)
    common = len(a & g)
    return 2 * common / (len(a) + len(g)) if common else 0.0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--server", default="127.0.0.1:7777")
    parser.add_argument("--model", default="smollm2-135m-instruct")
    parser.add_argument("--bin", default="build/release/bin")
    parser.add_argument("--groups", type=int, default=6)
    parser.add_argument("--size", type=int, default=4)
    parser.add_argument("--budget", type=int, default=600)
    options = parser.parse_args()

    def precis(*args):
        command = [options.bin + "/precis", "--server", options.server, "--json", *map(str, args)]
        return [json.loads(l) for l in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()]

    precis("index", options.work / "docs" / "a", "-c", "sufficiency-a")
    items = [item for item in json.loads((options.work / "questions.json").read_text()) if item["side"] == "a"]
    random.Random(3).shuffle(items)
    ways = {"apart": [], "together": ["--together"], "together, 3 rounds": ["--together", "--rounds", 3]}
    totals = {way: dict(kept=0, asked=0, seconds=0.0, prompt=0, cached=0, answer=0, f1=0.0, cited=0, bare=0) for way in ways}
    for g in range(options.groups):
        group = items[g * options.size:(g + 1) * options.size]
        for way in (list(ways)[g % 3:] + list(ways)[:g % 3]):  # no way always has the warm prefix
            began = time.monotonic()
            events = precis("ask", *[item["question"] for item in group], "-c", "sufficiency-a", "--model", options.model,
                            "-b", options.budget, "-k", 5, "--max-tokens", 80, "--answer-always", *ways[way])
            t = totals[way]
            t["seconds"] += time.monotonic() - began
            usage, texts = events[-1]["usage"], {}
            for event in events:
                if "delta" in event:
                    q = event["delta"]["question_index"]
                    texts[q] = ("" if event["delta"]["restarts"] else texts.get(q, "")) + event["delta"]["text"]
            lost = [int(m[1]) for note in usage["notes"] for m in [re.match(r"(\d+) of \d+ labels", note)] if m]
            lost += [int(m[1]) for note in usage["notes"] for m in [re.search(r"; for (\d+) no round", note)] if m]
            t["asked"] += len(group)
            t["kept"] += len(group) - sum(lost)
            t["prompt"] += usage["tokens"]["prompt_tokens"]
            t["cached"] += usage["tokens"]["cached_prompt_tokens"]
            t["answer"] += usage["tokens"]["completion_tokens"]
            t["f1"] += sum(f1(texts.get(q, ""), item["text"]) for q, item in enumerate(group))
            t["cited"] += len({(e["citation"]["question_index"], e["citation"]["answer_range"]["begin"])
                               for e in events if "citation" in e})
            t["bare"] += sum("unsupported" in e for e in events)
        print(g + 1, "of", options.groups, flush=True)
    print(f"{options.model}, {options.groups} groups of {options.size} questions")
    for way, t in totals.items():
        print(f"{way}: labels kept {t['kept']} of {t['asked']}, {t['seconds']:.0f} s, prompt tokens {t['prompt']} "
              f"({t['cached']} cached), answer tokens {t['answer']}, F1 {t['f1'] / t['asked']:.3f}, supported sentences "
              f"{t['cited']} of {t['cited'] + t['bare']}")


if __name__ == "__main__":
    main()
