"""Tokens of odd texts by llama.cpp and by Hugging Face's tokenizers: `vocabularies.py LIBRARIES [SMOLLM2_GGUF] > vocabularies.json`.

Needs `pip install tokenizers sentencepiece gguf numpy` and the Python sources of llama-cpp-python; LIBRARIES is the folder of llama.cpp's
libraries (benchmarks/embedded.py has both, see `llama()`). The vocabularies are trained here, on a text of this file, without cutting it
first, so that tokens reach over every place at which a way to cut could cut. Each is written as a GGUF file's metadata and as what
`tokenizer.json` holds; where the two libraries disagree, which is said in "apart", the publishers' (Hugging Face's) tokens are kept.
"""

import ctypes
import io
import json
import os
import random
import sys
import tempfile

import gguf
import sentencepiece
import tokenizers
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
SEEDS = [
    "The river ran past the mill, and the mill ground the grain.", "I'll say: it's 12,345.67 (or 1000000?) and we've 3 of 'em!",
    "def walk(self, n=10):\n    return [x ** 2 for x in range(n) if x % 3 == 0]\n", "  two  spaces,\t\ttabs \n\n\nlines \r\n \r\n end  ",
    "Grüße aus Köln, naïve café — déjà vu; Ὀδυσσεύς, Война и мир", "日本語のテキスト、漢字かな交じり文。中文也可以，没问题！ 한국어 문장",
    "العربية والأرقام ١٢٣ وفارسی ۴۵۶", "हिन्दी में नमस्ते १२३", "🎉🎊👩‍👩‍👧‍👦 👍🏽 🇩🇪🇫🇷 ☺️", "e\u0301 o\u0308 a\u030a \u1e9b\u0323 \u212b",
    "x=1;y=2;z=x+y;//comment\nif(a&&b){c->d();}else{e[0]=f;}", "HELLO World helloWorld HelloWORLD iPhone XMLHttpRequest",
    "'s 't 're 've 'm 'll 'd 'S 'T 'RE 'LL don'T I'D", "http://example.com/a/b?c=d&e=f#g user@host.org ~/.config/x_y-z",
    "²³¹½¾Ⅷ①２０２４ 1st 2nd ¼", "\u00a0nbsp\u2003em\u3000ideographic\u200bzero\u2028line\u0085nel", "~~~ ___ --- *** ### $$$ %%% ^^^ &&& @@@ !!! ???",
    "<|im_end|> <s> </s> [INST] <0x41> <|endoftext|>", "a </s> \n b  <mark>\t c</s>d <s> e", "\u0000\u0001\u0007\u001b[31mred\u007f", "rare \u0004x\u0016 \U000e0041\U00050000", "a" * 70, " " * 40, "\n" * 17, "1234567890" * 5, "ab" * 40,
    "ªºʰʲ ǅ ǈ ﬁ ﬀ ſ ı İ ß ẞ", "！＂＃＄％＆ ‘quoted’ “double” …、。", "\t \t\n \n\t  x", "''''\"\"\"```", "ꙮ 𐐷 𝔘𝔫𝔦 𓀀 𠜎", "word\u00adsoft\u2060join\ufeffbom",
]
PARTS = ["a", "Be", "the", " ", "  ", "\n", "\r\n", "\t", "1", "22", "333", "4444", ".", ",", "!", "'s", "'LL", "é", "e\u0301", "日", "かな", "한", "🎉", "👍🏽", "д", "Д", "-", "_", "(", "){", "/", "\u00a0", "<|im_end|>", "ǅ", "٣", "½", "न", "्", "$", "+", "=", "<", ">", "▁"]

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
CASED = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+%s|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*%s|%s| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
TEKKEN = CASED % ("", "", r"\p{N}")
GPT4O = CASED % (("(?i:'s|'t|'re|'ve|'m|'ll|'d)?",) * 2 + (r"\p{N}{1,3}",))
CJK = r"[一-龥ࠀ-一가-퟿]+"
DEEPSEEK_V3 = r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
# name -> (expressions in turn, normal form C, merges ignored for whole words)
WAYS = {
    "gpt-2": ([GPT2], False, False), "olmo": ([GPT2], True, False), "llama-bpe": ([LLAMA3], False, True), "dbrx": ([LLAMA3], False, False),
    "qwen2": ([QWEN2], True, False), "smollm": ([r"\p{N}", GPT2], False, False), "tekken": ([TEKKEN], False, True), "gpt-4o": ([GPT4O], False, False),
    "deepseek-llm": ([r"[\r\n]", r"\s?[\p{Lu}\p{Ll}\p{Lt}]+", r"\s?[!-/:-~！-／：-～‘-‟　-。]+", r"\s+$", CJK, r"\p{N}+"], False, False),
    "deepseek-coder": ([r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", CJK, r"\p{N}"], False, False),
    "deepseek-v3": ([r"\p{N}{1,3}", r"[一-龥぀-ゟ゠-ヿ]+", DEEPSEEK_V3], False, False),
    "default": ([r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]"], False, False),
}


def texts():
    draw = random.Random(7)
    mixed = ["".join(draw.choice(PARTS) for _ in range(draw.randint(1, 14))) for _ in range(230)]
    return [""] + SEEDS + mixed


class Library(ctypes.CDLL):
    """A library of another build than the bindings were written for may lack a few functions; those it has are the same."""

    def __getattr__(self, name):
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name.startswith("__"):
                raise
            return lambda *_: None


class Llama:
    """llama.cpp, for vocabularies alone."""

    def __init__(self, libraries):
        os.environ["LLAMA_CPP_LIB_PATH"] = libraries
        ctypes.CDLL = Library
        import llama_cpp as bindings

        self.library = library = bindings.llama_cpp._lib
        self.bindings = bindings
        self.quiet = bindings.llama_log_callback(lambda *_: None)
        library.llama_log_set(self.quiet, None)
        library.llama_backend_init()
        self.parameters = bindings.llama_model_default_params()
        self.parameters.vocab_only = True

    def tokens(self, path, listed, special=False):
        library = self.library
        library.llama_model_load_from_file.argtypes = [ctypes.c_char_p, type(self.parameters)]
        for function in (library.llama_model_load_from_file, library.llama_model_get_vocab):
            function.restype = ctypes.c_void_p
        library.llama_model_get_vocab.argtypes = [ctypes.c_void_p]
        library.llama_tokenize.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_bool, ctypes.c_bool]
        model = library.llama_model_load_from_file(path.encode(), self.parameters)
        assert model, f"llama.cpp can't read {path}"
        vocabulary = library.llama_model_get_vocab(model)
        found = []
        for text in listed:
            data = text.encode()
            room = (ctypes.c_int32 * (len(data) * 2 + 16))()
            count = library.llama_tokenize(vocabulary, data, len(data), room, len(room), False, special)
            found.append(list(room[:count]))
        return found


def byte_level_vocabulary(corpus):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=700, special_tokens=SPECIALS, initial_alphabet=alphabet, show_progress=False))
    model = json.loads(tokenizer.to_str())["model"]
    names = sorted(model["vocab"], key=model["vocab"].get)
    return names, [tuple(merge) for merge in model["merges"]]


def byte_level(names, merges, way):
    patterns, nfc, ignore = way
    tokenizer = Tokenizer(models.BPE(vocab={name: at for at, name in enumerate(names)}, merges=merges, ignore_merges=ignore))
    cuts = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in patterns]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(cuts + [pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    if nfc:
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def write(path, names, types, pre=None, merges=None, scores=None, prefix=None):
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("gpt2" if merges else "llama")
    writer.add_token_list(names)
    writer.add_token_types(types)
    if pre:
        writer.add_tokenizer_pre(pre)
        writer.add_token_merges([" ".join(merge) for merge in merges])
    else:
        writer.add_token_scores(scores)
        writer.add_add_space_prefix(prefix)
    writer.add_bos_token_id(1 if scores else 0)
    writer.add_eos_token_id(2)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def sentencepiece_vocabulary(corpus):
    out = io.BytesIO()
    lines = (line for text in corpus for line in text.splitlines() if line.strip())
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=lines, model_writer=out, model_type="bpe", vocab_size=620, byte_fallback=True, character_coverage=0.98,
        normalization_rule_name="identity", remove_extra_whitespaces=False, add_dummy_prefix=True, max_sentence_length=100000,
        user_defined_symbols=["<mark>", "\n\n"], minloglevel=2, num_threads=1, split_by_whitespace=False, split_by_number=False, split_by_unicode_script=False,
    )
    model = sentencepiece.SentencePieceProcessor(model_proto=out.getvalue())
    names, scores, types = [], [], []
    for at in range(model.vocab_size()):
        names.append(model.id_to_piece(at))
        scores.append(model.get_score(at))
        types.append(2 if model.is_unknown(at) else 3 if model.is_control(at) else 6 if model.is_byte(at) else 4 if names[-1] in ("<mark>", "\n\n") else 1)
    return model, names, scores, types


def merges_of(pieces, scores, types):
    """The merges that join as scores do, as converters make them."""
    there = {piece: score for piece, score, kind in zip(pieces, scores, types) if kind in (1, 4)}
    pairs = [(score, piece[:at], piece[at:]) for piece, score in there.items() for at in range(1, len(piece)) if piece[:at] in there and piece[at:] in there]
    return [[left, right] for _, left, right in sorted(pairs, key=lambda pair: -pair[0])]


def added(pieces, **flags):
    """The tokens that are found as a whole; `flags` are of those that mark something and aren't <unk> or <s>."""
    plain = dict(single_word=False, lstrip=False, rstrip=False, normalized=False)
    found = []
    for at, piece in enumerate(pieces):
        special = piece in ("<unk>", "<s>", "</s>")
        if special or piece in ("<mark>", "\n\n"):
            found.append(dict(id=at, content=piece, special=special, **(plain | (flags if piece in ("</s>", "<mark>") else {}))))
    return found


SPACES = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
UNSPACES = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}
BYTES = [{"type": "ByteFallback"}, {"type": "Fuse"}]
STRIP = {"type": "Strip", "content": " ", "start": 1, "stop": 0}
PREPEND = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, SPACES]}


def styles(pieces):
    """What tokenizer.json holds beside its vocabulary, in the style of families of models."""
    decoder = lambda *steps: {"type": "Sequence", "decoders": [UNSPACES, *BYTES, *steps]}
    metaspace = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False}
    gemma = {"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False}
    return {
        "llama-2": dict(added_tokens=added(pieces), normalizer=PREPEND, pre_tokenizer=None, decoder=decoder(STRIP)),
        "phi-3": dict(added_tokens=added(pieces, rstrip=True), normalizer=PREPEND, pre_tokenizer=None, decoder=decoder(STRIP)),
        "both strips": dict(added_tokens=added(pieces, rstrip=True, lstrip=True), normalizer=PREPEND, pre_tokenizer=None, decoder=decoder(STRIP)),
        "gemma": dict(added_tokens=added(pieces), normalizer=SPACES, pre_tokenizer=gemma, decoder=decoder()),
        "mistral": dict(added_tokens=added(pieces), normalizer=None, pre_tokenizer=metaspace, decoder=decoder(STRIP)),
    }


def json_files(pieces, scores, types, listed):
    """tokenizer.json in several styles, and the tokens by Hugging Face's tokenizers, which finds special ones too."""
    model = dict(type="BPE", dropout=None, unk_token="<unk>", continuing_subword_prefix=None, end_of_word_suffix=None, fuse_unk=True, byte_fallback=True, ignore_merges=False)
    model |= dict(vocab={piece: at for at, piece in enumerate(pieces)}, merges=merges_of(pieces, scores, types))
    made = {}
    for name, style in styles(pieces).items():
        tokenizer = Tokenizer.from_str(json.dumps(dict(version="1.0", truncation=None, padding=None, post_processor=None, model=model, **style)))
        made[name] = {"style": style, "ids": [tokenizer.encode(text, add_special_tokens=False).ids for text in listed]}
    return {"model": model, "styles": made}


def apart(one, other):
    return sum(a != b for a, b in zip(one, other))


def main():
    llama = Llama(sys.argv[1])
    listed, found = texts(), {}
    names, merges = byte_level_vocabulary(SEEDS * 2 + listed)
    # Whole words that merging doesn't reach: only files that ignore merges make them.
    names += [word for word in ("Ġgrain", "Ġground", "HELLO", "ĠiPhone", "Ġpast", "comment", "ĠXMLHttpRequest") if word not in names]
    kinds = [3 if name in SPECIALS else 1 for name in names]
    with tempfile.TemporaryDirectory() as folder:
        for name, way in WAYS.items():
            path = os.path.join(folder, f"{name}.gguf")
            write(path, names, kinds, name, merges)
            publisher = byte_level(names, merges, way)
            ids = [publisher.encode(text).ids for text in listed]
            found[name] = {"ids": ids, "apart": apart(ids, llama.tokens(path, listed))}
        model, pieces, scores, types = sentencepiece_vocabulary(SEEDS * 2 + listed)
        spm = {"tokens": pieces, "scores": scores, "types": types}
        for name, prefix in (("spm", True), ("spm without prefix", False)):
            path = os.path.join(folder, "spm.gguf")
            write(path, pieces, types, scores=scores, prefix=prefix)
            ids = llama.tokens(path, listed)
            off = apart(ids, [model.encode(text) for text in listed]) if prefix else None
            found[name] = {"ids": ids, "apart": off}
    smollm2 = llama.tokens(sys.argv[2], listed) if len(sys.argv) > 2 else None
    versions = {"tokenizers": tokenizers.__version__, "sentencepiece": sentencepiece.__version__, "llama-cpp-python": llama_version()}
    result = {"versions": versions, "texts": listed, "bytes": {"tokens": names, "types": kinds, "merges": [" ".join(merge) for merge in merges]}, "spm": spm, "ids": found, "json": json_files(pieces, scores, types, listed), "smollm2": smollm2}
    json.dump(result, sys.stdout, ensure_ascii=False, separators=(",", ":"))
    print({name: one["apart"] for name, one in found.items()}, file=sys.stderr)


def llama_version():
    import llama_cpp

    return llama_cpp.__version__


if __name__ == "__main__":
    main()
