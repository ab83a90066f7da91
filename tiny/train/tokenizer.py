"""The embedded model's tokenizer: byte-level BPE of our own text inside Llama 3's pipeline, in its published form."""
import json

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

BOS, EOS = "<|begin_of_text|>", "<|end_of_text|>"
# llama.cpp knows this expression as pre-tokenizer "llama-bpe".
SPLIT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
         r"|\s*[\r\n]+|\s+(?!\S)|\s+")


def byte_level(add_prefix_space, trim_offsets, use_regex):
    return {"type": "ByteLevel", "add_prefix_space": add_prefix_space, "trim_offsets": trim_offsets,
            "use_regex": use_regex}


PRE_TOKENIZER = {"type": "Sequence", "pretokenizers": [
    {"type": "Split", "pattern": {"Regex": SPLIT}, "behavior": "Isolated", "invert": False},
    byte_level(False, True, False)]}


def special(id_, content):
    return {"id": id_, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": False, "special": True}


def prepend_bos(bos_id):
    first, second = ({"SpecialToken": {"id": BOS, "type_id": i}} for i in (0, 1))
    a, b = ({"Sequence": {"id": name, "type_id": i}} for i, name in enumerate("AB"))
    template = {"type": "TemplateProcessing", "single": [first, a], "pair": [first, a, second, b],
                "special_tokens": {BOS: {"id": BOS, "ids": [bos_id], "tokens": [BOS]}}}
    return {"type": "Sequence", "processors": [byte_level(True, False, True), template]}


def learn(texts, size):
    """Vocabulary (token -> id) and merges of `size` byte-level tokens."""
    tokenizer = Tokenizer.from_str(json.dumps({**json.loads(Tokenizer(models.BPE()).to_str()),
                                               "pre_tokenizer": PRE_TOKENIZER}))
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]


def make(texts, vocab_size, folder):
    """Writes the tokenizer files into `folder`; BOS and EOS are the last two of `vocab_size` tokens."""
    vocab, merges = learn(texts, vocab_size - 2)
    specials = [special(vocab_size - 2, BOS), special(vocab_size - 1, EOS)]
    write_json(folder / "tokenizer.json", {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": specials, "normalizer": None,
        "pre_tokenizer": PRE_TOKENIZER, "post_processor": prepend_bos(vocab_size - 2),
        "decoder": byte_level(True, True, True),
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": True,
                  "vocab": dict(sorted(vocab.items(), key=lambda item: item[1])), "merges": merges}})
    write_json(folder / "tokenizer_config.json", {
        "added_tokens_decoder": {str(s["id"]): {k: v for k, v in s.items() if k != "id"} for s in specials},
        "bos_token": BOS, "eos_token": EOS, "clean_up_tokenization_spaces": False, "model_max_length": 512,
        "tokenizer_class": "PreTrainedTokenizerFast"})
    write_json(folder / "special_tokens_map.json", {"bos_token": BOS, "eos_token": EOS})


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
