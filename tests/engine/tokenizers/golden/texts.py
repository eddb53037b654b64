"""Texts to compare tokenizers on, the same for the same seed: real ones, and ones made to break a tokenizer."""
import glob
import gzip
import os
import random

SCRIPTS = {
    "latin": "the quick brown fox jumps over lazy dogs naïve café Ångström Straße œuvre İstanbul ıgdır",
    "greek": "Ἡ γλῶσσα τοῦ ἀνθρώπου ΣΊΣΥΦΟΣ ὀδυσσεύς", "cyrillic": "Съешь ещё этих мягких французских булок Ёлка їжак",
    "cjk": "中文分词 漢字仮名交じり文 한국어 문장입니다 カタカナ ｶﾅ 㐀𠀀𪜶", "thai": "ภาษาไทยไม่มีช่องว่าง กำลังน้ำ",
    "arabic": "السَّلَامُ عَلَيْكُمْ ١٢٣ فارسی ۴۵۶", "hebrew": "שָׁלוֹם עולם", "hindi": "हिन्दी में किताब १२३ क्षत्रिय",
    "vietnamese": "Cửa Việt Tiếng Việt", "georgian": "ქართული ᲥᲐᲠᲗᲣᲚᲘ", "ethiopic": "አማርኛ፡ጽሑፍ።",
    "burmese": "မြန်မာစာ", "tamil": "தமிழ் மொழி", "khmer": "ភាសាខ្មែរ",
}
EMOJI = ["😀", "👍🏽", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪🇫🇷", "❤️", "☕", "🧑🏿‍🚀", "1️⃣", "⁉️", "🫠", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"]
MARKS = ["\u0301", "\u0300", "\u0323", "\u0327", "\u0345", "\u20dd", "\u1dc0", "\u0315", "\u05b0", "\u0f71", "\u3099"]
SPACES = [" ", "  ", "   ", "\t", "\n", "\n\n", "\r\n", "\r", "\u00a0", "\u3000", "\u2003", "\u0085", "\u2028", "\u200b",
          "\x0b", "\x0c", "\u1680", "\ufeff"]
CONTRACTIONS = ["'s", "'S", "'ll", "'LL", "'Ll", "'re", "'RE", "'ve", "'VE", "'m", "'M", "'t", "'T", "'d", "'D", "'ſ",
                "’s", "''", "'l", "'r", "'x", " 's", "' s"]
NUMBERS = ["0", "7", "42", "1234567890", "3.14159", "1,000,000", "１２３", "٣٤", "²³", "Ⅷ", "½", "0x1F", "1e-9", "v2.0.1",
           "二〇二六", "১২", "①②", "1st"]
PUNCT = list("!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~") + ["...", "——", "«", "»", "…", "¿", "、", "。", "！", "$", "€", "`", "^",
                                                      "==", "//", "/*", "*/", "->", "::", "&&", "||", "<|", "|>"]
SPECIAL = ["[CLS]", "[SEP]", "[MASK]", "[UNK]", "[PAD]", "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<s>", "</s>",
           "<unk>", "<pad>", "<bos>", "<eos>", "<mask>", "<start_of_turn>", "<end_of_turn>", "<0x0A>", "<|fim_prefix|>",
           "<|im_start", "im_end|>", "<repo_name>", "[cls]", "##ing", "▁the", "Ġthe", "▁▁", "<unused1>", "<b>", "</h1>"]
CODE = ["def f(x):\n    return x**2\n", "for (int i = 0; i < n; ++i) {\n\t\tsum += a[i];\n}\n", "SELECT * FROM t WHERE id='7';",
        "#include <vector>\n\ntemplate <class T>\n", "x = {'a': [1, 2, 3]}  # comment\n", "if(a!=b&&c||!d)return-1;",
        "https://example.org/a?b=c&d=%20e#f", "C:\\Users\\me\\file.txt", "snake_case camelCase PascalCase SCREAMING_CASE"]
DOCS = ["/usr/share/doc/python3.11/html/_sources/**/*.txt", "/usr/share/doc/debian/FAQ/**/*.txt*",
        "/usr/share/doc/**/*.html", "/usr/share/common-licenses/*", "/usr/share/doc/**/README*", "/usr/lib/python3/**/*.py"]


def real(count, rng):
    """Passages of real files of this machine: what there is decides what they are."""
    files = []
    for pattern in DOCS:
        files += sorted(glob.glob(pattern, recursive=True))[:1500]
    rng.shuffle(files)
    texts = []
    for path in files:
        if len(texts) >= count:
            break
        if not os.path.isfile(path):
            continue
        data = gzip.open(path).read() if path.endswith(".gz") else open(path, "rb").read()
        text = data.decode("utf-8", "replace")
        for _ in range(4):
            if len(text) > 20:
                begin = rng.randrange(len(text))
                texts.append(text[begin:begin + rng.choice([40, 200, 1000, 4000])])
    return texts[:count]


def piece(rng):
    kind = rng.randrange(12)
    if kind < 3:
        words = rng.choice(list(SCRIPTS.values())).split(" ")
        word = rng.choice(words)
        return rng.choice([word, word.upper(), word.lower(), word.title()])
    if kind == 3:
        return rng.choice(EMOJI)
    if kind == 4:
        return rng.choice("aeioucsngkAEIOÅ가ᄀか") + "".join(rng.choice(MARKS) for _ in range(rng.randrange(1, 4)))
    if kind == 5:
        return rng.choice(SPACES) * rng.choice([1, 1, 1, 2, 3, 5, 17])
    if kind == 6:
        return rng.choice(CONTRACTIONS)
    if kind == 7:
        return rng.choice(NUMBERS)
    if kind == 8:
        return rng.choice(PUNCT) * rng.choice([1, 1, 2, 4])
    if kind == 9:
        return rng.choice(SPECIAL)
    if kind == 10:
        return rng.choice(CODE)
    return "".join(chr(c) for c in (rng.randrange(rng.choice([0x20, 0x250, 0x3000, 0x110000])) for _ in range(3))
                   if not 0xD800 <= c < 0xE000)


def mixed(count, rng):
    texts = []
    for _ in range(count):
        glue = rng.choice(["", " ", " ", "\n"])
        texts.append(glue.join(piece(rng) for _ in range(rng.randrange(1, 12))))
    return texts


def vocabulary(count, tokens, rng):
    """Strings around the borders of real tokens: one's tail and the next one's head may form a third."""
    texts = []
    for _ in range(count):
        chosen = [rng.choice(tokens) for _ in range(rng.randrange(2, 7))]
        kind = rng.randrange(3)
        if kind == 1:
            chosen = [t[rng.randrange(len(t)):] for t in chosen]
        elif kind == 2:
            chosen = [t[:rng.randrange(1, len(t) + 1)] for t in chosen]
        texts.append("".join(chosen))
    return texts


def single(count, rng):
    """Single characters between letters, over all of Unicode."""
    texts = []
    for _ in range(count):
        c = rng.randrange(rng.choice([0x100, 0x3000, 0x20000, 0x110000]))
        if 0xD800 <= c < 0xE000:
            c = 0xFFFD
        texts.append(rng.choice(["a%sb", "%s", " %s ", "1%s2", "%s%s a", "'%s"]).replace("%s", chr(c)))
    return texts


CLUSTERS = ["a", "e", "\r", "\n", "\t", " ", "\u0301", "\u0323", "\u0340", "\u0344", "\u200d", "\u200c", "\u200b", "\u0600",
            "\u070f", "\U000110bd", "©", "™", "❤", "😀", "👍", "🏽", "🇩", "\ufe0f", "\u0915", "\u0937", "\u094d", "\u093c", "\u093e",
            "\u0903", "\u1000", "\u1039", "\u0d4e", "\u1100", "\u1161", "\u11a8", "\uac00", "\uac01", "\ua960", "\ud7b0", "\u00ad",
            "\ufb01", "\uff21", "\uff76", "\uff9e", "\u00bd", "\u212b", "\ufdfa", "\ufffd", "\x00", "\x01", "\u3000", "\u0e33"]


def clusters(count, rng):
    """Characters that stick together, in every way."""
    return ["".join(rng.choice(CLUSTERS) for _ in range(rng.randrange(1, 9))) for _ in range(count)]


def odd():
    long_words = ["a" * 99, "a" * 100, "a" * 101, "é" * 100, "ab" * 700, "x" * 5000, "中" * 300, "😀" * 120, "1" * 800,
                  " " * 500, "\n" * 300, "\t " * 200, "=" * 1000, "e\u0301" * 150, "\u0301\u0323" * 200, "'" * 300,
                  "▁" * 100, "the" * 400]
    return ["", " ", "\x00", "\ufffd", "\x7f\x80", "\ufeffBOM"] + long_words + SPECIAL + CODE + EMOJI + SPACES


def all_texts(tokenizer, count, seed):
    """About `count` texts for this tokenizer; the real ones only where `count` is large."""
    rng = random.Random(seed)
    marks = {"Ġ": " ", "Ċ": "\n", "▁": " ", "ĉ": "\t"}
    tokens = []
    for token in sorted(tokenizer.get_vocab()):
        text = tokenizer.decode([tokenizer.token_to_id(token)], skip_special_tokens=True)
        text = text if text and "\ufffd" not in text else "".join(marks.get(c, c) for c in token.replace("##", ""))
        if text:
            tokens.append(text)
    texts = odd() + mixed(count * 4 // 10, rng) + vocabulary(count * 2 // 10, tokens, rng) + single(count // 10, rng)
    return texts + (real(count * 3 // 10, rng) if count >= 5000 else [])
