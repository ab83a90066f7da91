#!/usr/bin/env python3
"""Makes the embedded model: text -> tokenizer -> training -> BF16 checkpoint -> held-out figures -> golden.

Usage: train.py --out DIR [--steps N] [--batch N] [--bytes N] [--stage all|figures|golden]

Writes model/, heldout.txt and golden.safetensors under DIR, and prints figures. The stages `figures` and `golden` read
model/ and heldout.txt from there. The golden is transformers' answer, and ours must agree with it.
"""
import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

import tokenizer as tokenizer_files
from generate import SEPARATOR, generate
from llama import Llama

TRAIN_SEED, HELDOUT_SEED = 11, 12
HELDOUT_BYTES = 180_000
CONTEXT = 512
CONFIG = {
    "architectures": ["LlamaForCausalLM"], "attention_bias": False, "attention_dropout": 0.0, "bos_token_id": 1022,
    "eos_token_id": 1023, "head_dim": 32, "hidden_act": "silu", "hidden_size": 256, "initializer_range": 0.02,
    "intermediate_size": 512, "max_position_embeddings": CONTEXT, "mlp_bias": False, "model_type": "llama",
    "num_attention_heads": 8, "num_hidden_layers": 3, "num_key_value_heads": 2,
    "rms_norm_eps": 1e-05, "rope_scaling": None, "rope_theta": 10000.0, "tie_word_embeddings": True,
    "torch_dtype": "bfloat16", "vocab_size": 1024,
}
BOS, EOS = CONFIG["bos_token_id"], CONFIG["eos_token_id"]


def make_texts(size):
    """Training documents, and held-out ones none of which is a training document."""
    train = generate(TRAIN_SEED, size)
    seen = set(train)
    heldout = [text for text in generate(HELDOUT_SEED, HELDOUT_BYTES) if text not in seen]
    return train, SEPARATOR.join(heldout) + "\n"


def training_stream(encoder, texts):
    """One array of ids: documents joined as in a file, every fourth one ended by EOS and followed by BOS instead."""
    joined = [text if i % 4 == 3 else text + SEPARATOR for i, text in enumerate(texts)]
    out = []
    for i, encoding in enumerate(encoder.encode_batch_fast(joined, add_special_tokens=False)):
        out.append(np.array(encoding.ids + ([EOS, BOS] if i % 4 == 3 else []), dtype=np.int16))
    return np.concatenate(out)


def loss_of(model, windows):
    """Mean negative log-likelihood of every token but the first of each window, in nats."""
    logits = model(windows)[:, :-1]
    return F.cross_entropy(logits.flatten(0, 1).float(), windows[:, 1:].flatten())


def optimizer_for(model, peak):
    matrices = [p for p in model.parameters() if p.dim() == 2]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    return torch.optim.AdamW([{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}],
                             lr=peak, betas=(0.9, 0.95))


def train(stream, steps, batch, device, peak=2e-3, warmup=300):
    """Windows at random places, BOS first as when the model is measured; linear warm-up, then a cosine to zero."""
    torch.manual_seed(1)
    torch.set_float32_matmul_precision("high")
    model = Llama(CONFIG).to(device)
    optimizer = optimizer_for(model, peak)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda s: min((s + 1) / warmup, 0.5 + 0.5 * math.cos(math.pi * s / steps)))
    step_loss = torch.compile(loss_of) if device == "cuda" else loss_of
    ids = torch.from_numpy(stream).to(device)
    offsets = torch.arange(CONTEXT, device=device)
    started = time.time()
    for step in range(steps):
        windows = ids[torch.randint(len(ids) - CONTEXT, (batch, 1), device=device) + offsets].long()
        windows[:, 0] = BOS
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            loss = step_loss(model, windows)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 500 == 0 or step == steps - 1:
            print(f"step {step} of {steps}: loss {loss.item():.4f}, {time.time() - started:.0f} s", flush=True)
    return model.cpu()


def save_model(model, folder):
    save_file({name: t.detach().to(torch.bfloat16).contiguous() for name, t in model.state_dict().items()},
              folder / "model.safetensors", metadata={"format": "pt"})
    tokenizer_files.write_json(folder / "config.json", CONFIG)
    tokenizer_files.write_json(folder / "generation_config.json", {"bos_token_id": BOS, "eos_token_id": EOS})


def load_model(folder):
    """The stored BF16 weights, computed with in float32."""
    model = Llama(json.loads((folder / "config.json").read_text()))
    model.load_state_dict({name: t.float() for name, t in load_file(folder / "model.safetensors").items()})
    return model.eval()


def unigram(stream, ids):
    """Nats per token of `ids` under the token frequencies of `stream`, one added to each."""
    counts = np.bincount(stream, minlength=CONFIG["vocab_size"]) + 1
    return float(-np.log(counts / counts.sum())[ids].mean())


@torch.no_grad()
def measure(out, stream):
    """Held-out figures. Windows as `nibble verify` and llama-perplexity cut them: BOS first, the second half scored."""
    text = (out / "heldout.txt").read_text(encoding="utf-8").removesuffix("\n")
    encoder = Tokenizer.from_file(str(out / "model/tokenizer.json"))
    ids = np.array(encoder.encode(text).ids)
    windows = torch.from_numpy(ids[:len(ids) // CONTEXT * CONTEXT].reshape(-1, CONTEXT)).clone()
    windows[:, 0] = BOS
    model = load_model(out / "model")
    logprobs = torch.cat([F.log_softmax(model(w), -1) for w in windows.split(8)])
    nll = -logprobs[:, :-1].gather(-1, windows[:, 1:, None]).squeeze(-1).double()
    top1 = (logprobs[:, :-1].argmax(-1) == windows[:, 1:]).double()
    scored = slice(CONTEXT // 2, None)
    baseline = unigram(stream, ids[1:])
    return {
        "heldout_bytes": len(text.encode()), "heldout_tokens": len(ids), "windows": len(windows),
        "training_tokens": len(stream), "parameters": sum(p.numel() for p in model.parameters()),
        "unigram_perplexity": math.exp(baseline),
        "perplexity": math.exp(nll[:, scored].mean()), "perplexity_all_positions": math.exp(nll.mean()),
        "top1": top1[:, scored].mean().item(),
        "bits_per_byte": nll.mean().item() / math.log(2) * len(ids) / len(text.encode()),
    }


@torch.no_grad()
def write_golden(out, length=32):
    """Logits and hidden states as transformers computes them from the stored files (float32, eager attention)."""
    from transformers import LlamaForCausalLM
    text = (out / "heldout.txt").read_text(encoding="utf-8").split(SEPARATOR)
    encoder = Tokenizer.from_file(str(out / "model/tokenizer.json"))
    documents = [ids for ids in (encoder.encode(t).ids for t in text) if len(ids) > length]
    ids = torch.tensor([d[:length] for d in documents[:2]])
    model = LlamaForCausalLM.from_pretrained(out / "model", dtype=torch.float32, attn_implementation="eager").eval()
    # The last layer's output before the final norm is not among `hidden_states`: take it where the norm gets it.
    last = []
    model.model.norm.register_forward_pre_hook(lambda _, inputs: last.append(inputs[0]))
    answer = model(ids, output_hidden_states=True)
    hidden = [*answer.hidden_states[:-1], last[0]]
    difference = (load_model(out / "model")(ids) - answer.logits).abs().max().item() / answer.logits.abs().max().item()
    print(f"golden: ours differs from transformers by {difference:.1e} of the largest logit")
    assert difference < 1e-5
    save_file({"input_ids": ids, "logits": answer.logits.contiguous(),
               **{f"hidden_{i}": h[0].contiguous() for i, h in enumerate(hidden)}}, out / "golden.safetensors")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=12000)
    parser.add_argument("--batch", type=int, default=64, help="windows a step")
    parser.add_argument("--bytes", type=int, default=48_000_000, help="training text")
    parser.add_argument("--stage", choices=["all", "figures", "golden"], default="all")
    args = parser.parse_args()
    model_folder = args.out / "model"
    if args.stage == "golden":
        return write_golden(args.out)

    texts, heldout = make_texts(args.bytes)
    if args.stage == "all":
        model_folder.mkdir(parents=True, exist_ok=True)
        (args.out / "heldout.txt").write_text(heldout, encoding="utf-8")
        tokenizer_files.make((text + SEPARATOR for text in texts[:20000]), CONFIG["vocab_size"], model_folder)
    stream = training_stream(Tokenizer.from_file(str(model_folder / "tokenizer.json")), texts)
    print(f"{len(texts)} training documents, {len(stream)} tokens", flush=True)
    if args.stage == "all":
        device = "cuda" if torch.cuda.is_available() else "cpu"
        save_model(train(stream, args.steps, args.batch, device), model_folder)
        write_golden(args.out)
    assert (args.out / "heldout.txt").read_text(encoding="utf-8") == heldout, "heldout.txt is of another grammar"
    print(json.dumps(measure(args.out, stream), indent=2))


if __name__ == "__main__":
    main()
