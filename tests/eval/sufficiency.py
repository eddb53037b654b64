#!/usr/bin/env python3
"""When Ask should say that it has no answer: fits and tests the calibration in compress/sufficiency.cc.

    tests/eval/sufficiency.py make  --work DIR
        Questions from Debian's python3-doc: the FAQ's headings (taken away from their sections) and the glossary's
        terms. Their documents are written into two folders, half into each: what one holds, the other lacks.
    tests/eval/sufficiency.py run   --work DIR --server ADDRESS --model NAME [--count N] [--bin build/release/bin]
        Indexes both folders, asks every question of both with --measure-evidence, and appends what was measured to
        DIR/NAME.jsonl; goes on where it stopped.
    tests/eval/sufficiency.py fit   --work DIR --model NAME
        Fits on one half of the pages, chooses the thresholds there, and prints the lines for sufficiency.cc and what
        they do on the other half, with 95 % intervals by bootstrap over questions.

Each question counts twice: with its document (an answer is right) and without (a refusal is). Pages of the FAQ and letters
of the glossary are split, never their questions. Whether an answer is true is not judged here, only whether there is one.
"""
import argparse
import hashlib
import html.parser
import json
import math
import pathlib
import random
import re
import subprocess

DOCS = pathlib.Path("/usr/share/doc/python3.11/html")
FEATURES = ["similarity", "coverage", "question_logprob", "question_gain"]
ANSWER_FEATURES = ["answer_logprob", "answer_gain"]


class Text(html.parser.HTMLParser):
    """The text of a page of python3-doc; headings and glossary terms are marked with control characters."""

    def __init__(self):
        super().__init__()
        self.out, self.skip, self.body = [], 0, False

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.skip += tag in ("script", "style", "nav")
        self.body |= tag == "div" and (attributes.get("role") == "main" or "body" in attributes.get("class", "").split())
        if tag in ("p", "li", "dt", "dd", "pre", "div", "section", "tr", "br"):
            self.out.append("\n")
        if re.fullmatch("h[1-6]", tag):
            self.out.append("\n\x01")
        if tag == "dt" and attributes.get("id", "").startswith("term-"):
            self.out.append("\n\x02")

    def handle_endtag(self, tag):
        self.skip -= tag in ("script", "style", "nav")
        if re.fullmatch("h[1-6]|p|dd|dt|pre", tag):
            self.out.append("\n")

    def handle_data(self, data):
        if self.body and not self.skip:
            self.out.append(data)


def text_of(path):
    parser = Text()
    parser.feed(path.read_text())
    return "".join(parser.out).replace("\u00b6", "")


def clean(text):
    return re.sub(r"\n\s*\n+", "\n\n", re.sub(r"[ \t]+", " ", text)).strip()


def questions():
    items = []
    for path in sorted((DOCS / "faq").glob("*.html")):
        for part in text_of(path).split("\x01")[1:]:
            heading, _, body = part.partition("\n")
            heading, body = heading.strip(), clean(body)
            if heading.endswith("?") and 200 < len(body) < 4000:
                items.append({"page": "faq/" + path.stem, "question": heading, "text": body})
    for entry in text_of(DOCS / "glossary.html").split("\x02")[1:]:
        term, _, body = entry.partition("\n")
        term, body = term.strip(), clean(body)
        if 120 < len(body) < 2500 and re.search(r"\w", term):
            items.append({"page": "glossary/" + term[0].lower(), "text": f"{term}\n{body}",
                          "question": f'What does the term "{term}" mean in Python?'})
    for item in items:
        item["id"] = hashlib.sha256((item["page"] + item["question"]).encode()).hexdigest()[:10]
        item["side"] = "ab"[int(item["id"], 16) % 2]
    return items


def make(options):
    items = questions()
    for item in items:
        folder = options.work / "docs" / item["side"]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / (item["id"] + ".txt")).write_text(item["text"])
    (options.work / "questions.json").write_text(json.dumps(items, indent=1))
    print(len(items), "questions from", len({item["page"] for item in items}), "pages")


def run(options):
    def precis(*args):
        command = [options.bin + "/precis", "--server", options.server, "--json", *map(str, args)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{command} failed: {done.stderr}")
        return [json.loads(line) for line in done.stdout.splitlines()]

    for side in "ab":
        precis("index", options.work / "docs" / side, "-c", "sufficiency-" + side)
    items = json.loads((options.work / "questions.json").read_text())
    random.Random(1).shuffle(items)
    out = options.work / (options.model + ".jsonl")
    done = {(line["id"], line["side"]) for line in map(json.loads, out.open())} if out.exists() else set()
    with out.open("a") as file:
        for i, item in enumerate(items[:options.count]):
            for side in "ab":
                if (item["id"], side) in done:
                    continue
                events = precis("ask", item["question"], "-c", "sufficiency-" + side, "--model", options.model, "-b",
                                options.budget, "-k", 5, "--max-tokens", 60, "--measure-evidence", "--answer-always")
                usage = events[-1]["usage"]
                answer = "".join(event["delta"]["text"] for event in events if "delta" in event)
                file.write(json.dumps({"id": item["id"], "page": item["page"], "side": side,
                                       "answerable": side == item["side"], "answer": answer,
                                       "outcome": usage["outcomes"][0], "evidence": usage["evidence"][0],
                                       "timings": {t["stage"]: int(t["duration_us"]) for t in usage["timings"]}}) + "\n")
                file.flush()
            print(f"{i + 1} of {min(options.count, len(items))}", flush=True)


def row_of(line):
    """Features; None where the model itself refused, which needs no likelihood."""
    evidence = line["evidence"]
    if "answer_logprob_without" not in evidence:
        return None
    return {**evidence, "question_gain": evidence["question_logprob"] - evidence["question_logprob_without"],
            "answer_gain": evidence["answer_logprob"] - evidence["answer_logprob_without"]}


def fit_logistic(rows, labels, names, ridge=1.0):
    """Weights on raw features: gradient descent on standardised ones, with an L2 penalty and non-negative weights (each
    of the features can only speak for an answer)."""
    means = {n: sum(r[n] for r in rows) / len(rows) for n in names}
    scales = {n: math.sqrt(sum((r[n] - means[n]) ** 2 for r in rows) / len(rows)) or 1 for n in names}
    data = [[(r[n] - means[n]) / scales[n] for n in names] for r in rows]
    weights, bias = [0.0] * len(names), 0.0
    for _ in range(4000):
        gradient, bias_gradient = [ridge * w for w in weights], 0.0
        for x, y in zip(data, labels):
            error = 1 / (1 + math.exp(-bias - sum(w * v for w, v in zip(weights, x)))) - y
            bias_gradient += error
            for j, v in enumerate(x):
                gradient[j] += error * v
        weights = [max(0.0, w - 0.5 * g / len(rows)) for w, g in zip(weights, gradient)]
        bias -= 0.5 * bias_gradient / len(rows)
    raw = {n: w / scales[n] for n, w in zip(names, weights)}
    raw["bias"] = bias - sum(raw[n] * means[n] for n in names)
    return raw


def probability(weights, row):
    return 1 / (1 + math.exp(-sum(w * row.get(n, 1) for n, w in weights.items() if n != "bias") - weights["bias"]))


def auc(scores):
    good = [s for s, y in scores if y]
    bad = [s for s, y in scores if not y]
    wins = sum((g > b) + (g == b) / 2 for g in good for b in bad)
    return wins / max(1, len(good) * len(bad))


def interval(lines, measure, rounds=1000):
    """95 % by bootstrap over questions, both of whose askings go together."""
    groups = {}
    for line in lines:
        groups.setdefault(line["id"], []).append(line)
    keys, random_ = sorted(groups), random.Random(2)
    values = sorted(measure([l for key in random_.choices(keys, k=len(keys)) for l in groups[key]])
                    for _ in range(rounds))
    return f"{measure(lines):.3f} [{values[int(0.025 * rounds)]:.3f}, {values[int(0.975 * rounds)]:.3f}]"


def rates(verdicts):
    """(false answers among the unanswerable, refusals among the answerable)"""
    no = [v for v, y in verdicts if not y]
    yes = [v for v, y in verdicts if y]
    return sum(no) / max(1, len(no)), 1 - sum(yes) / max(1, len(yes))


def fit(options):
    lines = [json.loads(line) for line in (options.work / (options.model + ".jsonl")).open()]
    # The largest page first into the smaller half.
    sizes = {}
    for line in lines:
        sizes[line["page"]] = sizes.get(line["page"], 0) + 1
    halves, total = {}, [0, 0]
    for page, size in sorted(sizes.items(), key=lambda item: (-item[1], item[0])):
        halves[page] = int(total[1] < total[0])
        total[halves[page]] += size
    refused = [line for line in lines if row_of(line) is None]
    measured = [{**line, **row_of(line)} for line in lines if row_of(line) is not None]
    dev = [line for line in measured if halves[line["page"]] == 0]
    test = [line for line in measured if halves[line["page"]] == 1]
    print(f"{options.model}: {len(dev)} askings to fit on, {len(test)} held out; the model itself refused or said nothing "
          f"in {len(refused)} ({sum(line['answerable'] for line in refused)} of them answerable), which are left out")
    labels = [int(line["answerable"]) for line in dev]
    before = fit_logistic(dev, labels, FEATURES)
    after = fit_logistic(dev, labels, FEATURES + ANSWER_FEATURES)
    for line in measured:
        line["before"], line["after"] = probability(before, line), probability(after, line)

    def quantile(values, part):
        values = sorted(values)
        return values[min(len(values) - 1, int(part * len(values)))]

    # A refusal that is wrong costs more than an answer that is: of the fitting half's answerable questions at most a part
    # of --wrongly is refused, half of it at once. Streamed at once: what few of the others reach.
    known = [line for line in dev if line["answerable"]]
    refuse_below = quantile([line["before"] for line in known], options.wrongly / 2)
    answer_from = max(refuse_below, quantile([line["before"] for line in dev if not line["answerable"]], 0.85))
    doubtful = [line for line in known if refuse_below <= line["before"] < answer_from] or known
    answer_above = quantile([line["after"] for line in doubtful], options.wrongly / 2 * len(known) / len(doubtful))

    def answered(line):
        if line["before"] < refuse_below:
            return False
        return line["before"] >= answer_from or line["after"] >= answer_above

    def logistic(w):
        names = ["bias", *FEATURES, *ANSWER_FEATURES]
        return "{" + ", ".join(f"{w.get(n, 0):.3f}" for n in names) + "}"

    numbers = [before.get(n, 0) for n in ["bias", *FEATURES]] + [refuse_below, answer_from]
    numbers += [after.get(n, 0) for n in ["bias", *FEATURES, *ANSWER_FEATURES]] + [answer_above]
    print("precisd --refusal-calibration=" + ",".join(f"{n:.3f}" for n in numbers))
    print(f'      {{"{options.model}", {logistic(before)}, {refuse_below:.3f}, {answer_from:.3f}, {logistic(after)}, '
          f"{answer_above:.3f}}},")
    for name, part in (("dev", dev), ("held out", test)):
        print(name)
        for feature in FEATURES + ANSWER_FEATURES:
            print(f"  AUC {feature}: {auc([(line[feature], line['answerable']) for line in part]):.3f}")
        for stage in ("before", "after"):
            print(f"  AUC {stage}:", interval(part, lambda ls: auc([(l[stage], l["answerable"]) for l in ls])))
        print("  false answers:   ", interval(part, lambda ls: rates([(answered(l), l["answerable"]) for l in ls])[0]))
        print("  wrongly refused: ", interval(part, lambda ls: rates([(answered(l), l["answerable"]) for l in ls])[1]))
        held = [line for line in part if refuse_below <= line["before"] < answer_from]
        print(f"  held back: {len(held) / max(1, len(part)):.3f}; refused at once: "
              f"{sum(line['before'] < refuse_below for line in part) / max(1, len(part)):.3f}")
    for stage in ("judge", "prefill", "decode"):
        times = sorted(line["timings"].get(stage, 0) / 1e3 for line in measured)
        print(f"median {stage}: {times[len(times) // 2]:.0f} ms")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["make", "run", "fit"])
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--server", default="127.0.0.1:7777")
    parser.add_argument("--model", default="smollm2-135m-instruct")
    parser.add_argument("--bin", default="build/release/bin")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--budget", type=int, default=320)
    parser.add_argument("--wrongly", type=float, default=0.1)
    options = parser.parse_args()
    {"make": make, "run": run, "fit": fit}[options.command](options)


if __name__ == "__main__":
    main()
