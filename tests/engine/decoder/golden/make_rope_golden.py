"""Writes rope.json: frequencies and attention factors of every RoPE scaling by transformers' ROPE_INIT_FUNCTIONS.

    pip install torch transformers==5.24.0
    python make_rope_golden.py

"rope" is the text of a config.json with what the scaling needs; "length" the sequence for which the frequencies are.
"""

import json
import os

import transformers as tf
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

LONG_64 = [1 + 0.05 * i + 0.002 * i * i for i in range(64)]
SHORT_64 = [1 + 0.01 * i for i in range(64)]

# rope_parameters, head size, max_position_embeddings, lengths
CASES = [
    (dict(rope_type="default", rope_theta=10000.0), 64, 2048, [1]),
    (dict(rope_type="linear", rope_theta=1e6, factor=8.0), 256, 131072, [1]),
    (dict(rope_type="dynamic", rope_theta=10000.0, factor=2.0), 128, 2048, [1, 2048, 2049, 3000, 4096]),
    (dict(rope_type="dynamic", rope_theta=5000.0, factor=8.0), 16, 256, [256, 257, 2000]),
    (dict(rope_type="yarn", rope_theta=1e6, factor=4.0, original_max_position_embeddings=32768), 128, 131072, [1]),
    (dict(rope_type="yarn", rope_theta=10000.0, factor=16.0, original_max_position_embeddings=4096, beta_fast=16.0,
          beta_slow=2.0, truncate=False), 128, 65536, [1]),
    (dict(rope_type="yarn", rope_theta=10000.0, factor=40.0, original_max_position_embeddings=4096, mscale=0.707,
          mscale_all_dim=0.5), 64, 163840, [1]),
    (dict(rope_type="yarn", rope_theta=10000.0, factor=4.0, original_max_position_embeddings=64,
          attention_factor=1.25), 16, 256, [1]),
    (dict(rope_type="llama3", rope_theta=500000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
          original_max_position_embeddings=8192), 128, 131072, [1]),
    (dict(rope_type="llama3", rope_theta=500000.0, factor=32.0, low_freq_factor=1.0, high_freq_factor=4.0,
          original_max_position_embeddings=8192), 64, 131072, [1]),
    (dict(rope_type="longrope", rope_theta=10000.0, short_factor=SHORT_64[:48], long_factor=LONG_64[:48],
          original_max_position_embeddings=4096), 96, 131072, [1, 4097]),
    (dict(rope_type="longrope", rope_theta=10000.0, short_factor=SHORT_64[:48], long_factor=LONG_64[:48],
          partial_rotary_factor=0.75, original_max_position_embeddings=4096), 128, 131072, [1, 4097]),
    (dict(rope_type="longrope", rope_theta=10000.0, short_factor=SHORT_64[:48], long_factor=LONG_64[:48], factor=8.0,
          attention_factor=1.1, original_max_position_embeddings=4096), 96, 32768, [4097]),
]


def main():
    golden = []
    for parameters, head_dim, context, lengths in CASES:
        config = tf.LlamaConfig(hidden_size=4 * head_dim, num_attention_heads=4, max_position_embeddings=context,
                                rope_parameters=dict(parameters))
        for length in lengths:
            kind = parameters["rope_type"]
            if kind == "default":
                from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

                frequencies, factor = LlamaRotaryEmbedding.compute_default_rope_parameters(config)
            else:
                frequencies, factor = ROPE_INIT_FUNCTIONS[kind](config, "cpu", seq_len=length)
            golden.append({
                "config": {"max_position_embeddings": context, "rope_parameters": parameters},
                "head_dim": head_dim,
                "length": length,
                "attention_factor": float(factor),
                "frequencies": [float(f"{float(x):.8g}") for x in frequencies],
            })
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "rope.json"), "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(g, separators=(",", ":")) for g in golden) + "\n]\n")


if __name__ == "__main__":
    main()
