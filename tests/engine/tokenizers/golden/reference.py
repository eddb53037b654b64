"""The reference tokenizers: Hugging Face `tokenizers`, from a model's own tokenizer.json or built from the vocabulary
inside a GGUF file with the published components of that model's family."""
import json
import os

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

MODELS = os.environ.get("PRECIS_TEST_MODELS") or os.path.expanduser("~/.local/share/precis/models")
NAMES = ["all-minilm-l6-v2", "smollm2-135m-instruct", "qwen2.5-coder-0.5b-instruct", "gemma-3-270m"]

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)


def isolated(regex):
    return pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(regex), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])


def byte_level(pre):
    gpt2 = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    if pre in ("gpt2", "gpt-2"):
        return None, gpt2
    if pre in ("smollm", "starcoder"):
        return None, pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), gpt2])
    if pre == "qwen2":
        return normalizers.NFC(), isolated(QWEN2)
    if pre == "llama-bpe":
        return None, isolated(LLAMA3)
    raise ValueError(pre)


def score_merges(tokens, scores, types):
    """What makes a BPE by merges out of one by scores: every split of every token, best score first."""
    vocab = {t: i for i, t in enumerate(tokens) if types[i] in (NORMAL, USER_DEFINED)}
    merges = []
    for token, i in vocab.items():
        for k in range(1, len(token)):
            if token[:k] in vocab and token[k:] in vocab:
                merges.append((-scores[i], i, token[:k], token[k:]))
    merges.sort(key=lambda m: m[:2])
    return [(left, right) for _, _, left, right in merges]


def from_gguf(path):
    from gguf import GGUFReader
    fields = GGUFReader(path).fields

    def get(key, default=None):
        return fields["tokenizer.ggml." + key].contents() if "tokenizer.ggml." + key in fields else default

    tokens, types = get("tokens"), get("token_type")
    model = get("model")
    if model == "gpt2":
        merges = [tuple(m.split(" ")) for m in get("merges")]
        pre = get("pre")
        vocab = {t: i for i, t in enumerate(tokens) if pre != "llama-bpe" or types[i] == NORMAL}
        tokenizer = Tokenizer(models.BPE(vocab, merges, ignore_merges=pre == "llama-bpe"))
        tokenizer.normalizer, tokenizer.pre_tokenizer = byte_level(pre)
        tokenizer.decoder = decoders.ByteLevel()
    elif model == "llama":
        vocab = {t: i for i, t in enumerate(tokens)}
        unknown = tokens[get("unknown_token_id") if get("unknown_token_id") is not None else types.index(UNKNOWN)]
        tokenizer = Tokenizer(models.BPE(vocab, score_merges(tokens, get("scores"), types), unk_token=unknown,
                                         fuse_unk=True, byte_fallback=True))
        steps = [normalizers.Replace(" ", "\u2581")]
        ends = [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]
        if get("add_space_prefix", True):
            steps.insert(0, normalizers.Prepend("\u2581"))
            ends.append(decoders.Strip(" ", 1, 0))
        tokenizer.normalizer = normalizers.Sequence(steps)
        tokenizer.decoder = decoders.Sequence(ends)
    elif model == "bert":
        # The file marks tokens that begin a word with U+2581 instead of those that continue one with ##.
        plain = [t[1:] if t[0] == "\u2581" and len(t) > 1 else t if k in (CONTROL, UNKNOWN) else "##" + t
                 for t, k in zip(tokens, types)]
        tokenizer = Tokenizer(models.WordPiece({t: i for i, t in enumerate(plain)}, unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.BertNormalizer()
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.post_processor = processors.TemplateProcessing(
            "[CLS] $A [SEP]", special_tokens=[(t, plain.index(t)) for t in ("[CLS]", "[SEP]")])
        tokenizer.decoder = decoders.WordPiece()
        tokens = plain
    else:
        raise ValueError(model)
    if get("add_bos_token", model == "llama" or get("pre") == "llama-bpe") and model != "bert":
        tokenizer.post_processor = processors.TemplateProcessing(
            tokens[get("bos_token_id")] + " $A", special_tokens=[(tokens[get("bos_token_id")], get("bos_token_id"))])
    tokenizer.add_special_tokens([AddedToken(t, normalized=False) for t, k in zip(tokens, types)
                                  if k in (CONTROL, UNKNOWN)])
    tokenizer.add_tokens([AddedToken(t, normalized=False, special=False) for t, k in zip(tokens, types)
                          if k == USER_DEFINED])
    return tokenizer


def load(name_or_path):
    """A Tokenizer without truncation and padding."""
    path = name_or_path if os.path.exists(name_or_path) else os.path.join(MODELS, name_or_path)
    if os.path.isdir(path):
        own = os.path.join(path, "tokenizer.json")
        path = own if os.path.exists(own) else os.path.join(path, "model.gguf")
    tokenizer = Tokenizer.from_file(path) if path.endswith(".json") else from_gguf(path)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


PLAIN = {}


def without_special(tokenizer):
    """Where special tokens are text, the model must not find them either; a Unigram model of the reference would."""
    if not isinstance(tokenizer.model, models.Unigram):
        return tokenizer
    if id(tokenizer) not in PLAIN:
        data = json.loads(tokenizer.to_str())
        special = {t["content"] for t in data["added_tokens"] if t["special"]}
        for entry in data["model"]["vocab"]:
            if entry[0] in special:
                entry[0] = "\U0010fffe" + entry[0]
        data["added_tokens"] = [t for t in data["added_tokens"] if not t["special"]]
        data["post_processor"] = None
        PLAIN[id(tokenizer)] = Tokenizer.from_str(json.dumps(data))
    return PLAIN[id(tokenizer)]


def encode(tokenizer, text, special=False, parse=False):
    if not parse:
        tokenizer = without_special(tokenizer)
    tokenizer.encode_special_tokens = not parse
    return tokenizer.encode(text, add_special_tokens=special)
