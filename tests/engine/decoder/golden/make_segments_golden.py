"""Writes segments.json: segments scored by PyTorch `transformers` with made-up weights, one byte a token.

    pip install numpy torch transformers==5.24.0
    python make_segments_golden.py

The three rules are written down here from the papers and the published packages, apart from the engine's own code:
infini-retri 0.0.3 (attention of one layer, summed over heads), XL3M (entropy of the next token), LLMLingua 0.2.2
(get_condition_ppl of the question after a document). The models are those of make_families_golden.py with a window of
512; only what differs from their configuration is here, since that script needs llama.cpp's converter.
"""

import json
import os

import numpy as np
import torch
import transformers as tf

from make_tiny_golden import values

HERE = os.path.dirname(os.path.abspath(__file__))
BEFORE, BETWEEN = "Read the text and answer the question.\n\n", "\n\n"
PUBLISHED_END = " We can get the answer to this question in the given documents."
SEGMENTS = [
    "The mill stood by the river. ", "In 1851 it burned down. ", "Nobody was hurt. ", "Its owner, Ada Pell, built it anew. ",
    "The new one had two wheels. ", "Trout came back in spring. ", "It closed in 1932. ", "Today it is a school. ",
]
QUESTION = "Who built the mill anew?"


def model_of(name):
    with open(os.path.join(HERE, "families.json")) as f:
        case = next(c for c in json.load(f) if c["name"] == name)
    settings = {k: v for k, v in case["config"].items() if k not in ("architectures", "transformers_version")}
    settings["max_position_embeddings"] = 512
    config = tf.AutoConfig.for_model(**settings)
    config.dtype = torch.float32
    model = tf.AutoModelForCausalLM.from_config(config, attn_implementation="eager").float().eval()
    gemma = case["gemma"]
    with torch.no_grad():
        for key, p in model.named_parameters():
            norm = "norm" in key
            middle = 1.0 if norm and not gemma else 0.0
            spread = 0.3 if norm else 1.0 if "embed_tokens" in key else 0.5 if "lm_head" in key or key.endswith(".bias") else 0.3
            v = np.float32(middle) + np.float32(spread) * values(key, p.numel())
            p.copy_(torch.from_numpy(v.astype(np.float32)).reshape(p.shape))
    return model


def ids(text):
    return list(text.encode())


def forward(model, tokens):
    with torch.no_grad():
        return model(torch.tensor([tokens]), output_attentions=True)


def infini(model, segments, question, window, top, phrase, layer):
    """Scores as SegmentScorer says; and how clear the choice of tokens was."""
    before, asked = ids(BEFORE), ids(BETWEEN + question)
    pieces = [ids(s) for s in segments]
    scores, carried, row_weights, margin, at = [0.0] * len(pieces), [], None, np.inf, 0
    while at < len(pieces):
        chunk, size = [], 0
        while at < len(pieces) and (not chunk or size + len(pieces[at]) <= window):
            size += len(pieces[at])
            chunk.append(at)
            at += 1
        read = carried + chunk
        context = [t for s in read for t in pieces[s]]
        out = forward(model, before + context + asked)
        weights = out.attentions[layer][0].sum(0).double()  # over heads
        rows = weights[-len(asked):]
        over_context = rows[:, len(before):len(before) + len(context)]
        if row_weights is None:
            row_weights = rows[:, -len(asked):].sum(1)
        kernel = torch.ones(1, 1, phrase, dtype=torch.float64)
        smooth = torch.nn.functional.conv1d(over_context[:, None], kernel, padding="same")[:, 0]
        weighted = smooth * row_weights[:, None] * row_weights[:, None]
        tokens = weighted.sum(0).numpy()
        order = np.argsort(-tokens, kind="stable")
        chosen = set(order[:top].tolist())
        carried, begin = [], 0
        ends = {}
        for s in read:
            mine = range(begin, begin + len(pieces[s]))
            begin += len(pieces[s])
            scores[s] = max(tokens[i] for i in mine) / tokens.max()
            ends[s] = max(tokens[i] for i in mine)
            if chosen & set(mine):
                carried.append(s)
        if top < len(order):  # segments differ by their best tokens: which of them is just in, and which just out
            limit = tokens[order[top - 1]]
            inside = [v for v in ends.values() if v >= limit]
            outside = [v for v in ends.values() if v < limit]
            if outside:
                margin = min(margin, (limit - max(outside)) / tokens.max(), (min(inside) - tokens[order[top]]) / tokens.max())
    for s in carried:
        scores[s] += 1
    return scores, margin


def xl3m(model, segments, question, count):
    scores = []
    for s in segments:
        logits = forward(model, ids(s) + ids(BETWEEN + question)).logits[0].double()
        rows = logits[-(count or len(ids(question))):]
        logp = torch.log_softmax(rows, -1)
        scores.append(float((logp.exp() * logp).sum(-1).mean()))
    return scores


def likelihood(model, segments, question, published):
    scores = []
    for s in segments:
        asked = ids(question + PUBLISHED_END) if published else ids(question)
        tokens = ids(s) + ([] if published else ids(BETWEEN)) + asked
        logp = torch.log_softmax(forward(model, tokens).logits[0].double(), -1)
        first = len(tokens) - len(asked)
        scores.append(float(np.mean([logp[i - 1, tokens[i]] for i in range(first, len(tokens))])))
    return scores


def main():
    cases = []
    for name in ("qwen2", "llama2", "gemma3"):
        model = model_of(name)

        def add(scores, **options):
            cases.append({"model": name, "options": options, "scores": [round(v, 7) for v in scores]})

        for window, top, phrase, layer in ((1024, 300, 8, -1), (64, 12, 8, -1), (64, 9, 5, 1), (100, 20, 1, 0)):
            scores, margin = infini(model, SEGMENTS, QUESTION, window, top, phrase, layer)
            print(name, window, top, phrase, layer, "margin", margin, np.round(scores, 3))
            assert margin > 1e-4, "another choice would be as good: take other segments"
            add(scores, scoring="attention", window_tokens=window, top_tokens=top, phrase_tokens=phrase, layer=layer)
        for count in (1, 3, 0):
            add(xl3m(model, SEGMENTS, QUESTION, count), scoring="entropy", entropy_tokens=count)
        for published in (False, True):
            add(likelihood(model, SEGMENTS, QUESTION, published), scoring="likelihood", published=published)
    with open(os.path.join(HERE, "segments.json"), "w") as f:
        json.dump({"segments": SEGMENTS, "question": QUESTION, "cases": cases}, f, separators=(",", ":"))
        f.write("\n")


if __name__ == "__main__":
    main()
