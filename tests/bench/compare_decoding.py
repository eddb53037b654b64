"""A decoder beside another engine's, in one run, rounds interleaved, one process a round.

    python compare_decoding.py LLM_BENCH PEER MODEL.gguf [--threads 2] [--rounds 5] [--prefill 512] [--tokens 64]

PEER is a program with llm_bench's arguments and keys (llama_peer over llama.cpp's C API). Prints one JSON object a figure:
the medians of both and the median of the per-round ratios (above 1: ours is faster).
"""
import argparse
import json
import os
import statistics
import subprocess


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("llm_bench")
    parser.add_argument("peer")
    parser.add_argument("model")
    parser.add_argument("--threads", default="2")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--prefill", default="512")
    parser.add_argument("--tokens", default="64")
    parser.add_argument("--streams", default="8")
    arguments = parser.parse_args()
    # OMP_WAIT_POLICY=passive makes llama.cpp several times slower; users do not set it.
    environment = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}

    def run(program):
        command = [program, "gen", arguments.model, arguments.threads, arguments.prefill, arguments.tokens,
                   arguments.streams, str(int(arguments.tokens) // 2)]
        result = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        return json.loads(result.stdout.strip().splitlines()[-1])

    rounds = []
    for index in range(arguments.rounds):
        # The order turns, so that a neighbour's load falls on both.
        if index % 2 == 0:
            ours, peer = run(arguments.llm_bench), run(arguments.peer)
        else:
            peer, ours = run(arguments.peer), run(arguments.llm_bench)
        rounds.append((ours, peer))
    keys = [k for k in rounds[0][0] if k in rounds[0][1] and k not in ("weights_bytes", "params")]
    for key in keys:
        ours = statistics.median(o[key] for o, _ in rounds)
        peer = statistics.median(p[key] for _, p in rounds)
        lower_is_better = key.endswith("_ms") or key.endswith("_mb") or key.endswith("_s")
        ratios = [(p[key] / o[key] if lower_is_better else o[key] / p[key]) for o, p in rounds if o[key] and p[key]]
        print(json.dumps({"figure": key, "ours": round(ours, 2), "peer": round(peer, 2),
                          "ratio": round(statistics.median(ratios), 2) if ratios else None,
                          "ratio_min": round(min(ratios), 2) if ratios else None,
                          "ratio_max": round(max(ratios), 2) if ratios else None, "rounds": arguments.rounds}))


if __name__ == "__main__":
    main()
