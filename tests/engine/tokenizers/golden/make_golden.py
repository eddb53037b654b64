#!/usr/bin/env python3
"""Writes the golden files that golden_test.cc reads: texts and what the reference makes of them.

    pip install tokenizers==0.23.3 gguf==0.19.0
    python3 make_golden.py [NAME ...]     (names of models in the models folder, or tiny-* beside this script)

NAME.golden.z is a zlib stream of records, all numbers 32-bit little-endian: length and bytes of the text; FNV-1a hashes
of the ids without and with special tokens (added and parsed); of the bytes of the decoded plain ids, 0 where the
reference shows U+FFFD for bytes that we keep.

The tiny tokenizers are trained here on this script's own texts; `--tiny` makes them (or those that are named) anew.
The tokenizers of XLM-R and T5 are too large to be kept here: fetch.py gets them.
"""
import argparse
import glob
import os
import random
import struct
import zlib

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import charsmap
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
    if isinstance(tokenizer.normalizer, normalizers.Precompiled | normalizers.Sequence):
        chosen += corpus.clusters(COUNT if "graphemes" in name else COUNT // 4, random.Random(2026))
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


def small_map():
    """What SentencePiece's nmt_nfkc maps, for some characters: with keys of several characters, one of them beginning
    another, and keys that become nothing."""
    import unicodedata
    singles = [chr(c) for block in (range(0xFF01, 0xFFA0), range(0x2160, 0x2180), range(0xB2, 0xBF), range(0xFB00, 0xFB07))
               for c in block] + list("™…ﷺÅΩ①½")
    pairs = [base + mark for base in "aeioucnsAEIO" for mark in "\u0300\u0301\u0323\u0327\u0308"]
    pairs += ["\uff76\uff9e", "\u1100\u1161", "\u1100\u1161\u11a8", "\uac00\u11a8", "e\u0323\u0302"]
    replacements = {t: unicodedata.normalize("NFKC", t) for t in singles + pairs}
    replacements |= {c: " " for c in "\t\n\r\x0b\x0c\u00a0\u3000\u2003\u2028\u200b\ufeff\ufffd"}
    replacements |= {c: "" for c in "\x01\x02\x07\x7f\u00ad"}
    return {k: v for k, v in replacements.items() if k != v} | {"\u0340": "\u0300", "\u0344": "\u0308\u0301"}


def tiny_xlmr():
    """XLM-R's real shape: Unigram behind a precompiled charsmap, runs of spaces joined."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.Precompiled(charsmap.build(small_map())),
                                                 normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    special = [AddedToken(t, normalized=False, special=True) for t in ("<s>", "<pad>", "</s>", "<unk>")]
    tokenizer.train_from_iterator(sentences(), trainers.UnigramTrainer(
        vocab_size=700, special_tokens=special, unk_token="<unk>", show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing("<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    save("tiny-xlmr", tokenizer)


def tiny_graphemes():
    """Shows how the reference cuts graphemes: one token for each that is short, else one for each of its characters."""
    tokenizer = Tokenizer(models.BPE({"Z": 0, "?": 1}, [], unk_token="?"))
    tokenizer.normalizer = normalizers.Precompiled(charsmap.every_byte())
    save("tiny-graphemes", tokenizer)


TINY = {"tiny-unigram": tiny_unigram, "tiny-llama": tiny_llama, "tiny-roberta": tiny_roberta, "tiny-cased": tiny_cased,
        "tiny-xlmr": tiny_xlmr, "tiny-graphemes": tiny_graphemes}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--tiny", action="store_true")
    args = parser.parse_args()
    if args.tiny:
        for name in args.names or TINY:
            TINY[name]()
    tiny = sorted(os.path.basename(p) for p in glob.glob(os.path.join(HERE, "tiny-*")) if os.path.isdir(p))
    for name in args.names or reference.NAMES + tiny:
        golden(name)


if __name__ == "__main__":
    main()
