#!/usr/bin/env python3
"""Writes the golden files that golden_test.cc reads: texts and what the reference makes of them.

    pip install tokenizers==0.23.3 gguf==0.19.0
    python3 make_golden.py [NAME ...]     (names of models in the models folder, or tiny-* beside this script)

NAME.golden.z is a zlib stream of records, all numbers 32-bit little-endian: length and bytes of the text; FNV-1a hashes
of the ids without and with special tokens (added and parsed); of the bytes of the decoded plain ids, 0 where the
reference shows U+FFFD for bytes that we keep.

The tiny tokenizers are trained here on this script's own texts; `--tiny` makes them anew.
"""
import argparse
import glob
import os
import struct
import zlib

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import reference
import texts as corpus

HERE = os.path.dirname(os.path.abspath(__file__))
COUNT = 1600


def fnv(data):
    value = 0x811C9DC5
    for byte in data:
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value or 1


def golden(name):
    tiny = os.path.join(HERE, name, "tokenizer.json")
    tokenizer = reference.load(os.path.dirname(tiny) if os.path.exists(tiny) else name)
    data = b""
    chosen = [t for t in corpus.all_texts(tokenizer, COUNT, seed=2026) if len(t) < 2000]
    for text in chosen:
        raw = text.encode()
        ids = reference.encode(tokenizer, text).ids
        special = reference.encode(tokenizer, text, special=True, parse=True).ids
        decoded = tokenizer.decode(ids)
        data += struct.pack("<I", len(raw)) + raw
        data += struct.pack("<II", *(fnv(struct.pack(f"<{len(i)}I", *i)) for i in (ids, special)))
        data += struct.pack("<I", 0 if "\ufffd" in decoded else fnv(decoded.encode()))
    packed = zlib.compress(data, 9)
    with open(os.path.join(HERE, name + ".golden.z"), "wb") as out:
        out.write(packed)
    print(f"{name}: {len(chosen)} texts, {len(packed)} bytes")


def sentences():
    lines = list(corpus.SCRIPTS.values()) + corpus.CODE + corpus.EMOJI + corpus.NUMBERS
    lines += [line for t in glob.glob(os.path.join(HERE, "*.py")) for line in open(t, encoding="utf-8")]
    return lines


def save(name, tokenizer):
    os.makedirs(os.path.join(HERE, name), exist_ok=True)
    tokenizer.save(os.path.join(HERE, name, "tokenizer.json"), pretty=False)


def tiny_unigram():
    """XLM-R's shape: Unigram behind Metaspace, <mask> that takes the space before it, <s> ... </s>."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Strip(left=False, right=True)])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    special = [AddedToken(t, normalized=False, special=True) for t in ("<s>", "<pad>", "</s>", "<unk>")]
    special.append(AddedToken("<mask>", lstrip=True, normalized=False, special=True))
    tokenizer.train_from_iterator(sentences(), trainers.UnigramTrainer(
        vocab_size=700, special_tokens=special, unk_token="<unk>", show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    save("tiny-unigram", tokenizer)


def tiny_llama():
    """Llama's legacy shape: BPE over characters with byte fallback, normalised added tokens."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(),
                                           decoders.Strip(" ", 1, 0)])
    special = ["<unk>", "<s>", "</s>"] + ["<0x%02X>" % b for b in range(256)]
    tokenizer.train_from_iterator(sentences(), trainers.BpeTrainer(
        vocab_size=900, special_tokens=special, show_progress=False, max_token_length=12))
    import json
    data = json.loads(tokenizer.to_str())
    data["added_tokens"] = [t for t in data["added_tokens"] if not t["content"].startswith("<0x")]
    tokenizer = Tokenizer.from_str(json.dumps(data))
    tokenizer.add_tokens([AddedToken("fox jumps", normalized=True, special=False, single_word=True),
                          AddedToken("  \t", normalized=True, special=False, rstrip=True)])
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A", special_tokens=[("<s>", 1)])
    save("tiny-llama", tokenizer)


def tiny_roberta():
    """GPT-2's byte-level BPE with RoBERTa's prefix space and surroundings."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(sentences(), trainers.BpeTrainer(
        vocab_size=700, special_tokens=["<s>", "<pad>", "</s>", "<unk>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    save("tiny-roberta", tokenizer)


def tiny_cased():
    """A cased BERT: accents and case stay."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=60))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(cleanup=False)
    tokenizer.train_from_iterator(sentences(), trainers.WordPieceTrainer(
        vocab_size=700, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False))
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    save("tiny-cased", tokenizer)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--tiny", action="store_true")
    args = parser.parse_args()
    if args.tiny:
        for make in (tiny_unigram, tiny_llama, tiny_roberta, tiny_cased):
            make()
    tiny = sorted(os.path.basename(p) for p in glob.glob(os.path.join(HERE, "tiny-*")) if os.path.isdir(p))
    for name in args.names or reference.NAMES + tiny:
        golden(name)


if __name__ == "__main__":
    main()
