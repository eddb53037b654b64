"""Writes t5.json: made-up T5 1.0, T5 1.1 and mT5 models under PyTorch `transformers`.

    pip install numpy torch transformers==5.24.0
    python make_t5_golden.py

A weight is middle + spread * u(name, index) as in make_families_golden.py, so that the C++ test makes the very same
file. For each case: config.json as the published models have it, the tensors with their shapes, some logits after each
of some forced tokens, and a greedy text.
"""

import json
from pathlib import Path

import numpy as np
import torch
import transformers as tf

from make_tiny_golden import values

VOCABULARY = 300
LOGITS = list(range(0, VOCABULARY, 13))
INPUT, FORCED, GREEDY = 160, 45, 16
KEPT = [0, 1, 7, 8, 15, 16, 17, 30, 44]  # forced positions whose logits are kept

BASE = dict(vocab_size=VOCABULARY, d_model=64, d_kv=16, d_ff=96, num_layers=2, num_heads=4,
            relative_attention_num_buckets=32, layer_norm_epsilon=1e-6, n_positions=256,
            decoder_start_token_id=0, pad_token_id=0, eos_token_id=1)
CASES = {
    "t5": dict(model_type="t5", num_decoder_layers=3, feed_forward_proj="relu"),
    "t5-1.1": dict(model_type="t5", d_kv=24, num_heads=3, feed_forward_proj="gated-gelu", tie_word_embeddings=False),
    "t5-silu": dict(model_type="t5", feed_forward_proj="gated-silu", tie_word_embeddings=False, d_model=96),
    "mt5": dict(model_type="mt5", d_kv=8, feed_forward_proj="gated-gelu", tie_word_embeddings=False,
                relative_attention_num_buckets=8, relative_attention_max_distance=20),
}


def weight(name, shape):
    count = int(np.prod(shape))
    norm = "norm" in name
    middle, spread = (1.0, 0.3) if norm else (0.0, 0.5 if "lm_head" in name else 0.3)
    data = np.float32(middle) + np.float32(spread) * values(name, count)
    return torch.from_numpy(data.astype(np.float32).reshape(shape))


def tokens(n, salt):
    return [2 + (i * 37 + i * i * 11 + 5 + salt * 101) % (VOCABULARY - 2) for i in range(n)]


def make(name):
    config = {**BASE, **CASES[name]}
    kind = config["model_type"]
    cls, config_cls = ((tf.T5ForConditionalGeneration, tf.T5Config) if kind == "t5"
                       else (tf.MT5ForConditionalGeneration, tf.MT5Config))
    kwargs = {k: v for k, v in config.items() if k != "model_type"}
    model = cls(config_cls(**kwargs)).eval()
    tied = config.get("tie_word_embeddings", True)
    if not tied:  # transformers 5 ties at first and lets a file with two matrices undo it
        model.lm_head.weight = torch.nn.Parameter(torch.empty(VOCABULARY, config["d_model"]))
    tensors = {}
    with torch.no_grad():
        for key, p in model.named_parameters():
            p.copy_(weight(key, tuple(p.shape)))
            tensors[key] = list(p.shape)
    assert ("lm_head.weight" in tensors) == (not tied), tensors.keys()
    case = {"name": name, "config": config, "tensors": tensors, "gemma": False, "inputs": []}
    for length, salt in ((INPUT, 1), (1, 2), (20, 3)):
        ids = tokens(length, salt)
        forced = [0] + tokens(FORCED - 1, salt + 10)
        with torch.no_grad():
            out = model(input_ids=torch.tensor([ids]), decoder_input_ids=torch.tensor([forced]), use_cache=False)
            greedy = [0]
            margins = []
            encoded = model.encoder(input_ids=torch.tensor([ids]))
            while len(greedy) <= GREEDY and greedy[-1] != 1:
                logits = model(encoder_outputs=encoded, decoder_input_ids=torch.tensor([greedy]), use_cache=False).logits[0, -1]
                top = torch.topk(logits, 2)
                margins.append(round(float(top.values[0] - top.values[1]), 5))
                greedy.append(int(top.indices[0]))
            generated = model.generate(torch.tensor([ids]), max_new_tokens=GREEDY, do_sample=False, num_beams=1,
                                       use_cache=False)
        assert generated[0].tolist() == greedy[: generated.shape[1]], (generated, greedy)
        print(name, length, "least margin", min(margins), "largest logit", float(out.logits.abs().max()))
        case["inputs"].append({
            "ids": ids, "forced": forced, "greedy": greedy[1:],
            "logits": {str(p): [round(float(out.logits[0, p, v]), 6) for v in LOGITS] for p in KEPT},
        })
    return case


def main():
    torch.manual_seed(0)
    path = Path(__file__).with_name("t5.json")
    path.write_text("[\n" + ",\n".join(json.dumps(make(name)) for name in CASES) + "\n]\n")


if __name__ == "__main__":
    main()
