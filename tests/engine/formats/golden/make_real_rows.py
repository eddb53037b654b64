#!/usr/bin/env python3
"""Prints the table of real_files_test.cc: for one tensor of each type in the real models, the start of the
SHA-256 of its first row as the reference dequantises it.

Needs: pip install gguf==0.19.0 numpy. Usage: make_real_rows.py MODELS_FOLDER
"""
import hashlib
import pathlib
import sys

import numpy as np
from gguf import GGUFReader, quants

for model in ("smollm2-135m-instruct", "qwen2.5-coder-0.5b-instruct", "gemma-3-270m"):
    path = pathlib.Path(sys.argv[1]) / model / "model.gguf"
    if not path.exists():
        continue
    seen = set()
    for tensor in GGUFReader(path).tensors:
        if tensor.tensor_type in seen:
            continue
        seen.add(tensor.tensor_type)
        first = np.atleast_2d(tensor.data)[:1]
        row = np.ascontiguousarray(quants.dequantize(first, tensor.tensor_type), dtype=np.float32)
        shape = ", ".join(str(n) for n in reversed(tensor.shape.tolist()))
        print(f'    {{"{model}", "{tensor.name}", TensorType::k{tensor.tensor_type.name}, {{{shape}}}, '
              f'"{hashlib.sha256(row.tobytes()).hexdigest()[:16]}"}},')
