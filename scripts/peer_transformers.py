#!/usr/bin/env python3
"""The former method on the same GPU: PyTorch and transformers, BF16, SDPA attention, on Qwen2.5-7B's shape with random weights.

Protocol of `qbench bench -p 0 -n 128`: 128 tokens one at a time from an empty cache, one unmeasured run, then --repetitions measured ones; the next
token is the likeliest and is known on the host before the next step starts. Two modes: eager, and torch.compile (reduce-overhead) with a static
cache. The loop calls the model itself, so what `generate` adds on top is left out: the peer is shown at its better.

  scripts/peer_transformers.py [--device cuda] [--json]
  scripts/peer_transformers.py --tiny          a small shape on the CPU, to check the script"""
import argparse
import json
import statistics
import sys
import time

SHAPE = dict(hidden_size=3584, num_hidden_layers=28, num_attention_heads=28, num_key_value_heads=4, intermediate_size=18944, vocab_size=152064,
             max_position_embeddings=32768, rms_norm_eps=1e-6, tie_word_embeddings=False)
TINY = dict(hidden_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, intermediate_size=128, vocab_size=512,
            max_position_embeddings=512, rms_norm_eps=1e-6, tie_word_embeddings=False)


def make_model(shape, device):
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM
    config = Qwen2Config(**shape, use_sliding_window=False, attn_implementation="sdpa")
    torch.manual_seed(1)
    # Drawn where they are used: 15 GB would take minutes through the host.
    with torch.device(device):
        before = torch.get_default_dtype()
        torch.set_default_dtype(torch.bfloat16)
        model = Qwen2ForCausalLM(config)
        torch.set_default_dtype(before)
    for name, weight in model.named_parameters():
        if weight.ndim == 2:
            torch.nn.init.normal_(weight, std=weight.shape[1] ** -0.5)
    return model.eval()


def decode(model, step, make_cache, tokens, device):
    """Seconds for so many tokens from an empty cache."""
    import torch
    cache = make_cache()
    ids = torch.tensor([[11]], device=device)
    if device == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    for position in range(tokens):
        ids = step(model, cache, ids, torch.tensor([position], device=device)).clone()
        ids.item()
    return time.perf_counter() - start


def one_step(model, cache, ids, position):
    import torch
    with torch.no_grad():
        logits = model(input_ids=ids, past_key_values=cache, use_cache=True, position_ids=position[None]).logits
    return logits[:, -1].argmax(dim=-1, keepdim=True)


def measure(mode, model, options):
    import torch
    from transformers import DynamicCache, StaticCache
    step, make_cache = one_step, DynamicCache
    if mode == "compile":
        # One cache for all runs: compiled graphs hold its addresses.
        static = StaticCache(config=model.config, max_cache_len=options.new_tokens + 8)
        compiled = torch.compile(one_step, mode="reduce-overhead" if options.device == "cuda" else "default", dynamic=False)

        def step(*arguments):
            torch.compiler.cudagraph_mark_step_begin()
            return compiled(*arguments)

        def make_cache():
            static.reset()
            return static
    start = time.perf_counter()
    decode(model, step, make_cache, options.new_tokens, options.device)
    warm_up = time.perf_counter() - start
    if mode == "compile":
        decode(model, step, make_cache, options.new_tokens, options.device)  # graphs are recorded in the second run
    rates = [options.new_tokens / decode(model, step, make_cache, options.new_tokens, options.device) for _ in range(options.repetitions)]
    return {"mode": "eager, SDPA, dynamic cache" if mode == "eager" else "torch.compile, SDPA, static cache", "tok_per_s_median": statistics.median(rates),
            "tok_per_s_min": min(rates), "tok_per_s_max": max(rates), "n": len(rates), "new_tokens": options.new_tokens, "warm_up_s": round(warm_up, 2), "samples": rates}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--tiny", action="store_true", help="a small shape, on the CPU")
    parser.add_argument("--new-tokens", type=int, default=128)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--modes", default="eager,compile")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    options = parser.parse_args()
    if options.tiny:
        options.device = "cpu"
    try:
        import torch
        import transformers
    except ImportError as e:
        print(json.dumps({"missing": f"{e.name} is not installed for {sys.executable}"}))
        return
    if options.device == "cuda" and not torch.cuda.is_available():
        print(json.dumps({"missing": "PyTorch sees no GPU"}))
        return
    model = make_model(TINY if options.tiny else SHAPE, options.device)
    rows = []
    for mode in options.modes.split(","):
        try:
            rows.append(measure(mode, model, options))
        except Exception as e:  # a peer that fails is reported, and does not hide the other one
            rows.append({"mode": mode, "error": f"{type(e).__name__}: {str(e).splitlines()[0][:200] if str(e) else ''}"})
    result = {"torch": torch.__version__, "transformers": transformers.__version__, "shape": "tiny" if options.tiny else "qwen2.5-7b", "dtype": "bf16",
              "gpu": torch.cuda.get_device_name() if options.device == "cuda" else "cpu", "rows": rows}
    print(json.dumps(result) if options.json else json.dumps(result, indent=1))


main()
