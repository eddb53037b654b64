#!/usr/bin/env python3
"""Makes real_encoders.json: what PyTorch's transformers make of texts with the real all-mpnet-base-v2,
nomic-embed-text-v1.5 and SPLADE-tiny. Of dense vectors the first 192 values are stored, in 1/32767 of their greatest.

Usage: make_real_encoders_golden.py MODELS_FOLDER > real_encoders.json
Needs: torch, transformers (made with 2.15.0 and 5.24.0), tokenizers, gguf.
"""
import base64
import json
import sys

import numpy as np
import torch
import transformers as hf
from gguf import GGUFReader, dequantize
from tokenizers import Tokenizer

TEXTS = [
    "",
    "a",
    "Hello, world!",
    "What is the capital of France?",
    "Paris is the capital and most populous city of France.",
    "The quick brown fox jumps over the lazy dog.",
    "   leading and trailing white space \t\n",
    "Numbers: 3.14159, 1,000,000, -40, 0x7fff and 6.02e23.",
    "An identifier like max_position_embeddings or std::vector<int64_t>.",
    "def add(a, b):\n    return a + b  # the sum\n",
    "SELECT name, COUNT(*) FROM users WHERE age >= 21 GROUP BY name;",
    "It is not true that the engine never stops.",
    "\u00dcber die Stra\u00dfe l\u00e4uft ein gro\u00dfer \u00c4rger.",
    "L'\u00e9t\u00e9 dernier, No\u00ebl \u00e9tait d\u00e9j\u00e0 oubli\u00e9.",
    "\u041c\u043e\u0441\u043a\u0432\u0430 \u2014 \u0441\u0442\u043e\u043b\u0438\u0446\u0430 \u0420\u043e\u0441\u0441\u0438\u0438.",
    "\u6771\u4eac\u306f\u65e5\u672c\u306e\u9996\u90fd\u3067\u3059\u3002",
    "Emoji: \U0001F600 \U0001F680\U0001F30D and \u2764\ufe0f!",
    "search_query: What is TSNE?",
    "antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis",
    "The cat sat on the mat. " * 12,
    "Retrieval finds passages; compression keeps what matters; generation answers. " * 10,
]


def ids_of(tokenizer, text):
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer.encode(text).ids


def stored(vector):
    vector = vector[:192]
    scale = np.abs(vector).max()
    whole = np.round(vector / scale * 32767).astype("<i2")
    return base64.b64encode(whole.tobytes()).decode()


def dense(model, tokenizer, text):
    ids = torch.tensor([ids_of(tokenizer, text)])
    with torch.no_grad():
        hidden = model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state[0]
    return {"text": text, "tokens": ids.shape[1], "vector": stored(hidden.mean(0).double().numpy())}


def nomic(path, longest=2048, factor=None):
    tensors = {t.name: torch.from_numpy(dequantize(t.data, t.tensor_type).copy()) for t in GGUFReader(path).tensors}
    rope = {"rope_type": "default", "rope_theta": 1000.0}
    if factor:
        rope = {"rope_type": "dynamic", "rope_theta": 1000.0, "factor": factor}
    config = hf.NomicBertConfig(vocab_size=tensors["token_embd.weight"].shape[0], rope_parameters=rope)
    model = hf.NomicBertModel(config, add_pooling_layer=False).eval()
    state = {"embeddings.word_embeddings.weight": tensors["token_embd.weight"],
             "embeddings.token_type_embeddings.weight": tensors["token_types.weight"].reshape(-1, 768),
             "embeddings.LayerNorm.weight": tensors["token_embd_norm.weight"],
             "embeddings.LayerNorm.bias": tensors["token_embd_norm.bias"]}
    for i in range(12):
        a, b = "layers.%d." % i, "blk.%d." % i
        for part, t in zip("qkv", tensors[b + "attn_qkv.weight"].chunk(3)):
            state[a + "self_attn.%s_proj.weight" % part] = t
        for ours, theirs in (("self_attn.o_proj.weight", "attn_output.weight"), ("mlp.up_proj.weight", "ffn_up.weight"),
                             ("mlp.gate_proj.weight", "ffn_gate.weight"), ("mlp.down_proj.weight", "ffn_down.weight"),
                             ("post_attention_layernorm.weight", "attn_output_norm.weight"),
                             ("post_attention_layernorm.bias", "attn_output_norm.bias"),
                             ("post_mlp_layernorm.weight", "layer_output_norm.weight"),
                             ("post_mlp_layernorm.bias", "layer_output_norm.bias")):
            state[a + ours] = tensors[b + theirs]
    have = model.state_dict()
    types = state["embeddings.token_type_embeddings.weight"]
    if types.shape[0] < 2:
        state["embeddings.token_type_embeddings.weight"] = torch.cat([types, torch.zeros(2 - types.shape[0], 768)])
    missing = [k for k in have if k not in state and have[k].is_floating_point() and "inv_freq" not in k]
    assert not missing, missing
    model.load_state_dict(state, strict=False)
    return model


def main():
    folder = sys.argv[1]
    out = {}
    tokenizer = Tokenizer.from_file(folder + "/all-mpnet-base-v2/tokenizer.json")
    model = hf.MPNetModel.from_pretrained(folder + "/all-mpnet-base-v2", add_pooling_layer=False).eval()
    out["all-mpnet-base-v2"] = [dense(model, tokenizer, text) for text in TEXTS]

    # The vocabulary is that of bert-base-uncased, as MiniLM's is.
    tokenizer = Tokenizer.from_file(folder + "/all-minilm-l6-v2/tokenizer.json")
    path = folder + "/nomic-embed-text-v1.5/model.gguf"
    model = nomic(path)
    out["nomic-embed-text-v1.5"] = [dense(model, tokenizer, text) for text in TEXTS]
    if len(sys.argv) > 2:  # one text past the trained length, with nomic's scaling; takes a minute
        model = nomic(path, 8192, 2.0)
        out["nomic-embed-text-v1.5 long"] = [dense(model, tokenizer, "search_document: " + " ".join(
            "the river %d flows into the sea of number %d ." % (i, i * 7) for i in range(250)))]

    tokenizer = Tokenizer.from_file(folder + "/splade-tiny-msmarco/tokenizer.json")
    model = hf.BertForMaskedLM.from_pretrained(folder + "/splade-tiny-msmarco").eval()
    out["splade-tiny-msmarco"] = []
    for text in TEXTS:
        ids = torch.tensor([ids_of(tokenizer, text)])
        with torch.no_grad():
            logits = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0]
        weights = torch.log1p(torch.relu(logits)).max(0).values
        best = torch.argsort(weights, descending=True, stable=True)[:12].tolist()
        out["splade-tiny-msmarco"].append({
            "text": text, "tokens": ids.shape[1], "entries": int((weights > 0).sum()), "sum": float("%.6g" % weights.sum()),
            "best": [[i, float("%.6g" % weights[i])] for i in best]})
    json.dump(out, sys.stdout, separators=(",", ":"))
    print()


if __name__ == "__main__":
    main()
