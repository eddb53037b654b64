"""A decoder beside another engine's, in one run, rounds interleaved, one process a round.

    python compare_decoding.py LLM_BENCH PEER MODEL.gguf [--threads 2] [--rounds 5] [--prefill 512] [--tokens 64]
                               [--peer-model OTHER.gguf ...]

PEER is a program with llm_bench's arguments and keys (llama_peer over llama.cpp's C API). Prints one JSON object a figure:
the medians of both and the median of the per-round ratios (above 1: ours is faster).
With --peer-model the peer also runs the same model in other quantisations (peers/requantize.py), each a line of its own.
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
    parser.add_argument("--peer-model", action="append", default=[])
    arguments = parser.parse_args()
    # OMP_WAIT_POLICY=passive makes llama.cpp several times slower; users do not set it.
    environment = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}

    def run(program, model):
        command = [program, "gen", model, arguments.threads, arguments.prefill, arguments.tokens, arguments.streams,
                   str(int(arguments.tokens) // 2)]
        result = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        return json.loads(result.stdout.strip().splitlines()[-1])

    # The first is ours; the peer also runs what else its user could have chosen.
    entrants = [("ours", arguments.llm_bench, arguments.model), ("peer", arguments.peer, arguments.model)]
    entrants += [(os.path.basename(m), arguments.peer, m) for m in arguments.peer_model]
    rounds = []
    for index in range(arguments.rounds):
        # The order turns, so that a neighbour's load falls on all.
        turn = index % len(entrants)
        rounds.append({name: run(program, model) for name, program, model in entrants[turn:] + entrants[:turn]})
    keys = [k for k in rounds[0]["ours"] if k in rounds[0]["peer"] and k not in ("weights_bytes", "params")]
    for key in keys:
        lower_is_better = key.endswith("_ms") or key.endswith("_mb") or key.endswith("_s")
        for name, _, _ in entrants[1:]:
            pairs = [(r["ours"][key], r[name][key]) for r in rounds]
            ratios = [(p / o if lower_is_better else o / p) for o, p in pairs if o and p]
            print(json.dumps({"figure": key, "peer_model": name, "ours": round(statistics.median(o for o, _ in pairs), 2),
                              "peer": round(statistics.median(p for _, p in pairs), 2),
                              "ratio": round(statistics.median(ratios), 2) if ratios else None,
                              "ratio_min": round(min(ratios), 2) if ratios else None,
                              "ratio_max": round(max(ratios), 2) if ratios else None, "rounds": arguments.rounds}),
                  flush=True)


if __name__ == "__main__":
    main()
