#!/usr/bin/env python3
"""Makes families/: tiny encoders of every family with random weights, and what PyTorch's transformers compute with them.

For each family one NAME.safetensors (F16; the encoder, a head for sequences, one for tokens and, where the engine reads
it, the one for masked tokens) and one entry of families.json: config.json, token ids, hidden states (base64 of F32), logits,
SPLADE vectors. Also the buckets of MPNet's distances.
Usage: make_family_golden.py FOLDER      Needs: torch, transformers (made with 2.15.0 and 5.24.0), safetensors.
"""
import base64
import json
import os
import sys

import numpy as np
import torch
import transformers as hf
from safetensors.torch import save_file
from transformers.models.mpnet.modeling_mpnet import MPNetEncoder

VOCABULARY, HIDDEN, HEADS, LAYERS, INNER, POSITIONS = 48, 16, 2, 2, 24, 44
SIZES = dict(vocab_size=VOCABULARY, hidden_size=HIDDEN, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
             intermediate_size=INNER, max_position_embeddings=POSITIONS, num_labels=2)
LENGTHS = [3, 17, 40]


def ids_of(length):
    # 5 .. 47: none of the special tokens, the padding token least of all.
    return [5 + (i * i * 7 + i * 11 + length) % (VOCABULARY - 5) for i in range(length)]


def randomise(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            noise = torch.randn(p.shape, generator=generator)
            if p.dim() == 1:
                value = 0.2 * noise + (1.0 if "norm" in name.lower() and name.endswith("weight") else 0.0)
            else:
                value = 0.35 * noise
            p.copy_(value.half().float())


def copy_into(target, source):
    """The encoder's weights (and whatever else has the same name and shape) of one model in another."""
    have = source.state_dict()
    with torch.no_grad():
        for name, p in target.named_parameters():
            if name in have and have[name].shape == p.shape:
                p.copy_(have[name])


def rounded(t):
    return [float("%.6g" % x) for x in t.flatten().tolist()]


def stored(t):
    return base64.b64encode(t.numpy().astype("<f4").tobytes()).decode()


def merged(models):
    tensors = {}
    for model in models:
        for name, t in model.state_dict().items():
            if not t.is_floating_point() or name.endswith(("decoder.weight", "decoder.bias", "vocab_projector.weight",
                                                           "lm_head.bias")):
                continue
            tensors[name] = t.half().contiguous().clone()
    return tensors


def run(name, config, seq, tok, mlm, mlm_key, seed, rename=lambda n: n, types=False):
    sequence = seq(config).eval()
    randomise(sequence, seed)
    token = tok(config).eval() if tok else None
    masked = mlm(config).eval() if mlm else None
    for i, model in enumerate([token, masked]):
        if model is not None:
            randomise(model, seed + 1 + i)
            copy_into(model, sequence)
    entry = {"config": json.loads(config.to_json_string(use_diff=False)), "cases": []}
    for length in LENGTHS:
        ids = torch.tensor([ids_of(length)])
        arguments = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        with torch.no_grad():
            base = sequence.base_model(**arguments).last_hidden_state[0]
            case = {"ids": ids[0].tolist(), "hidden": stored(base)}
            pair = dict(arguments)
            if types:
                second = length // 2
                pair["token_type_ids"] = torch.tensor([[0] * second + [1] * (length - second)])
                case["second"] = second
            case["sequence_logits"] = rounded(sequence(**pair).logits[0])
            if token is not None:
                case["token_logits"] = rounded(token(**arguments).logits[0])
            if masked is not None:
                logits = masked(**arguments).logits[0]
                case["splade"] = rounded(torch.log1p(torch.relu(logits)).max(dim=0).values)
        entry["cases"].append(case)
    tensors = {rename(k): v for k, v in merged([m for m in (sequence, token, masked) if m is not None]).items()}
    return entry, tensors


def nomic():
    """transformers' own NomicBert; the file has the names of the published models. Each text gets a model of its own:
    the reference keeps the base of the longest text that it has seen."""
    trained, factor = 16, 2.0
    config = hf.NomicBertConfig(
        **{**SIZES, "max_position_embeddings": trained}, hidden_act="silu", layer_norm_eps=1e-12,
        rope_parameters={"rope_type": "dynamic", "rope_theta": 1000.0, "factor": factor})
    entry = {"cases": []}
    for length in LENGTHS:
        model = hf.NomicBertModel(config).eval()
        randomise(model, 41)
        ids = torch.tensor([ids_of(length)])
        with torch.no_grad():
            hidden = model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state[0]
        entry["cases"].append({"ids": ids[0].tolist(), "hidden": stored(hidden)})
    state = {k: v.half() for k, v in model.state_dict().items() if v.is_floating_point() and "inv_freq" not in k}
    tensors = {}
    for k, v in state.items():
        for old, new in (("embeddings.LayerNorm", "emb_ln"), ("layers.", "encoder.layers."),
                         ("self_attn.o_proj", "attn.out_proj"), ("up_proj", "fc11"), ("gate_proj", "fc12"),
                         ("down_proj", "fc2"), ("post_attention_layernorm", "norm1"), ("post_mlp_layernorm", "norm2")):
            k = k.replace(old, new)
        if "q_proj" in k:
            parts = [state[old] for old in state if ".%s.self_attn." % k.split(".")[2] in old and "o_proj" not in old]
            assert len(parts) == 3
            layer = k.split(".")[2]
            parts = [state["layers.%s.self_attn.%s_proj.weight" % (layer, c)] for c in "qkv"]
            tensors["encoder.layers.%s.attn.Wqkv.weight" % layer] = torch.cat(parts).contiguous()
        elif "k_proj" not in k and "v_proj" not in k and "pooler" not in k:
            tensors[k] = v.contiguous().clone()
    entry["config"] = dict(
        model_type="nomic_bert", n_embd=HIDDEN, n_layer=LAYERS, n_head=HEADS, n_inner=INNER, n_positions=64,
        vocab_size=VOCABULARY, type_vocab_size=2, layer_norm_epsilon=1e-12, activation_function="swiglu",
        rotary_emb_base=1000, rotary_emb_fraction=1.0, rotary_scaling_factor=factor, max_trained_positions=trained,
        qkv_proj_bias=False, mlp_fc1_bias=False, mlp_fc2_bias=False, prenorm=False)
    return entry, tensors


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    distil = hf.DistilBertConfig(vocab_size=VOCABULARY, dim=HIDDEN, n_layers=LAYERS, n_heads=HEADS, hidden_dim=INNER,
                                 max_position_embeddings=POSITIONS, num_labels=2, seq_classif_dropout=0.0)
    modern = hf.ModernBertConfig(**{**SIZES, "num_hidden_layers": 4}, local_attention=8, global_attn_every_n_layers=3, pad_token_id=0, bos_token_id=1,
                                 eos_token_id=2, cls_token_id=1, sep_token_id=2, classifier_pooling="mean",
                                 attn_implementation="eager")
    families = {
        "bert": run("bert", hf.BertConfig(**SIZES, type_vocab_size=2), hf.BertForSequenceClassification,
                    hf.BertForTokenClassification, hf.BertForMaskedLM, "cls", 1, types=True),
        "roberta": run("roberta", hf.RobertaConfig(**SIZES, type_vocab_size=1, pad_token_id=1, layer_norm_eps=1e-5),
                       hf.RobertaForSequenceClassification, None, None, "", 11),
        "xlm-roberta": run("xlm-roberta", hf.XLMRobertaConfig(**{**SIZES, "num_hidden_layers": 1}, type_vocab_size=1,
                                                              pad_token_id=1, layer_norm_eps=1e-5),
                           hf.XLMRobertaForSequenceClassification, hf.XLMRobertaForTokenClassification, None, "", 13),
        "mpnet": run("mpnet", hf.MPNetConfig(**SIZES, relative_attention_num_buckets=32, layer_norm_eps=1e-5),
                     hf.MPNetForSequenceClassification, hf.MPNetForTokenClassification, None, "", 21),
        "distilbert": run("distilbert", distil, hf.DistilBertForSequenceClassification,
                          hf.DistilBertForTokenClassification, hf.DistilBertForMaskedLM, "vocab", 31),
        "nomic_bert": nomic(),
        "modernbert": run("modernbert", modern, hf.ModernBertForSequenceClassification,
                          hf.ModernBertForTokenClassification, None, "", 51),
    }
    distances = list(range(-600, 601))
    buckets = MPNetEncoder.relative_position_bucket(torch.tensor(distances), num_buckets=32, max_distance=128)
    out = {"mpnet_buckets": {"first": distances[0], "buckets": buckets.tolist()}, "families": {}}
    keep = {"model_type", "architectures", "hidden_size", "num_hidden_layers", "num_attention_heads",
            "intermediate_size", "max_position_embeddings", "vocab_size", "type_vocab_size", "layer_norm_eps",
            "hidden_act", "pad_token_id", "id2label", "relative_attention_num_buckets", "dim", "n_layers", "n_heads",
            "hidden_dim", "activation", "norm_eps", "hidden_activation", "norm_bias", "attention_bias", "mlp_bias",
            "rope_parameters", "layer_types", "local_attention", "global_attn_every_n_layers", "classifier_activation",
            "classifier_bias", "classifier_pooling", "position_embedding_type"}
    for name, (entry, tensors) in families.items():
        if name != "nomic_bert":
            entry["config"] = {k: v for k, v in entry["config"].items() if k in keep}
        out["families"][name] = entry
        save_file(tensors, os.path.join(folder, name + ".safetensors"))
    with open(os.path.join(folder, "families.json"), "w", encoding="utf-8") as f:
        json.dump(out, f, separators=(",", ":"))
        f.write("\n")


if __name__ == "__main__":
    main()
