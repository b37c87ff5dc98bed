#!/usr/bin/env python3
"""qbench against llama.cpp on this machine: same GGUF, same threads, processes interleaved, medians of at least five with their spread.

Models: Qwen2.5-0.5B's shape with random weights in BF16, Q8_0, Q4_0 and Q4_K_M (made here with the Python package gguf and llama-quantize),
and the demo model. Tests: a prompt of 512 tokens and the decoding of 32. A ratio above 1 means that qbench is faster.

  scripts/bench_peers.py --qbench build/release/qbench --llama-build DIR [--repetitions 5] [--threads 2] [--device cpu|cuda|cuda:N]
                         [--markdown results/peers.md]

  scripts/bench_peers.py --qbench build/cuda/qbench --llama-build DIR --device cuda --models qwen2.5-coder-7b-q4_k_m.gguf --gen-tokens 128

With --device cuda both run on that GPU, all layers on it and with flash attention, and the title says which one it was; the build of llama.cpp needs
-DGGML_CUDA=ON. --models also takes paths of GGUF files. `qbench compare` reads the json of either, too.
"""
import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys

RANDOM = ("BF16", "Q8_0", "Q4_0", "Q4_K_M")
DEMO = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHAPE = dict(hidden=896, layers=24, heads=14, kv_heads=2, head_dim=64, ffn=4864, vocab=151936)


def write_random_model(path):
    """Qwen2.5-0.5B's tensors in BF16, normal with deviation 1/sqrt(in); a vocabulary of numbered tokens, since none is used."""
    import gguf
    import numpy as np
    s = SHAPE
    rng = np.random.default_rng(1)
    writer = gguf.GGUFWriter(str(path), "qwen2")
    writer.add_name("qwen2.5-0.5b-random")
    writer.add_context_length(32768)
    writer.add_embedding_length(s["hidden"])
    writer.add_block_count(s["layers"])
    writer.add_feed_forward_length(s["ffn"])
    writer.add_head_count(s["heads"])
    writer.add_head_count_kv(s["kv_heads"])
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(1e6)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_BF16)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(["t", "0"] + [f"t{i}" for i in range(s["vocab"] - 2)])
    writer.add_token_types([1] * s["vocab"])
    writer.add_token_merges(["t 0"])
    writer.add_eos_token_id(0)

    def matrix(name, rows, cols):
        values = rng.standard_normal((rows, cols), dtype=np.float32) / np.float32(cols**0.5)
        writer.add_tensor(name, gguf.quants.quantize(values, gguf.GGMLQuantizationType.BF16), raw_dtype=gguf.GGMLQuantizationType.BF16)

    def vector(name, size, centre):
        writer.add_tensor(name, (centre + 0.1 * rng.standard_normal(size)).astype(np.float32))

    kv = s["kv_heads"] * s["head_dim"]
    matrix("token_embd.weight", s["vocab"], s["hidden"])
    vector("output_norm.weight", s["hidden"], 1)
    for layer in range(s["layers"]):
        p = f"blk.{layer}."
        vector(p + "attn_norm.weight", s["hidden"], 1)
        vector(p + "ffn_norm.weight", s["hidden"], 1)
        for name, rows in (("attn_q", s["hidden"]), ("attn_k", kv), ("attn_v", kv)):
            matrix(f"{p}{name}.weight", rows, s["hidden"])
            vector(f"{p}{name}.bias", rows, 0)
        matrix(p + "attn_output.weight", s["hidden"], s["hidden"])
        matrix(p + "ffn_gate.weight", s["ffn"], s["hidden"])
        matrix(p + "ffn_up.weight", s["ffn"], s["hidden"])
        matrix(p + "ffn_down.weight", s["hidden"], s["ffn"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def prepare(work, llama, wanted):
    """Path of each wanted model, made once and kept."""
    work.mkdir(parents=True, exist_ok=True)
    paths = {}
    full = work / "qwen2.5-0.5b-BF16.gguf"
    for name in wanted:
        if name.endswith(".gguf"):
            paths[pathlib.Path(name).stem] = pathlib.Path(name)
            continue
        if name == "demo":
            done = subprocess.run([pathlib.Path(__file__).parent / "fetch_demo.sh"], capture_output=True, text=True)
            if done.returncode == 0:
                paths[name] = pathlib.Path(done.stdout.strip())
            else:
                print(f"skipped: demo model: {done.stderr.strip()}", file=sys.stderr)
            continue
        if not full.exists():
            print(f"writing {full} ...", file=sys.stderr)
            write_random_model(full)
        path = work / f"qwen2.5-0.5b-{name}.gguf"
        if not path.exists():
            subprocess.run([llama / "llama-quantize", full, path, name, "2"], check=True, capture_output=True)
        paths[name] = path
    return paths


def run_json(command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stderr[-2000:]}")
    return json.loads(done.stdout)


def gpu_number(device):
    return int(device.partition(":")[2] or 0)


def check_llama_device(row, options):
    """llama-bench takes what its build has: a CPU build ignores -ngl, a CUDA build helps itself to the GPU."""
    on_cuda = "CUDA" in row["backends"].upper()
    if options.device != "cpu" and not on_cuda:
        sys.exit(f"--device {options.device}: this llama.cpp was built for {row['backends']}; build it with -DGGML_CUDA=ON")
    if options.device == "cpu" and row["backends"].upper() not in ("CPU", "BLAS"):
        sys.exit(f"--device cpu: this llama.cpp was built for {row['backends']} and would use it; build one for the CPU alone")


def measure_llama(bench, path, options):
    place = [] if options.device == "cpu" else ["-ngl", 999, "-sm", "none", "-mg", gpu_number(options.device), "-fa", 1]
    rows = run_json([bench, "-m", path, "-p", options.prompt_tokens, "-n", options.gen_tokens, "-t", options.threads, "-r", 1, "-o", "json", *place])
    check_llama_device(rows[0], options)
    options.llama_commit = rows[0]["build_commit"]
    return {f"pp{r['n_prompt']}" if r["n_prompt"] else f"tg{r['n_gen']}": r["avg_ts"] for r in rows}


def measure_qbench(binary, path, options):
    rows = run_json([binary, "bench", "--models", path, "--prompt-tokens", options.prompt_tokens, "--gen-tokens", options.gen_tokens,
                     "--threads", options.threads, "-r", 1, "--device", options.device, "--format", "json", *options.extra.split()])
    failed = [r for r in rows if r["status"] != "ok"]
    if failed:
        sys.exit(f"qbench: {failed[0]['error']}")
    if not rows[0]["device"].startswith(options.device.partition(":")[0]):
        sys.exit(f"--device {options.device}: qbench ran on {rows[0]['device']}")
    options.description = rows[0]["device_description"]
    return {r["test"]: r["tok_per_s_median"] for r in rows}


def check_gpu(options, path):
    """Ends where there is no such GPU, in the words of qbench, before anything is measured."""
    done = subprocess.run([options.qbench, "bench", "--models", str(path), "--prompt-tokens", "16", "--gen-tokens", "0", "-r", "1", "--device", options.device,
                           "--format", "json"], capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or [f"qbench ended with exit status {done.returncode}"])[-1]
        print(f"bench_peers.py: nothing measured on {options.device}: {said}", file=sys.stderr)
        sys.exit(2)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--qbench", required=True)
    parser.add_argument("--llama-build", required=True, type=pathlib.Path)
    parser.add_argument("--models", default="BF16,Q8_0,Q4_0,Q4_K_M,demo")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--prompt-tokens", type=int, default=512)
    parser.add_argument("--gen-tokens", type=int, default=32)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path.home() / ".cache" / "qbench" / "peers")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N, of both")
    parser.add_argument("--extra", default="", help="more options for qbench bench")
    parser.add_argument("--markdown", type=pathlib.Path)
    options = parser.parse_args()
    if options.repetitions < 5:
        parser.error("--repetitions: at least 5, since medians of fewer say little on a shared machine")
    if options.device != "cpu" and not re.fullmatch(r"cuda(:\d+)?", options.device):
        parser.error("--device: expected cpu, cuda or cuda:N")
    llama = options.llama_build / "bin"
    head = ["| model | test | llama.cpp | qbench | ratio | spread |", "|---|---|---:|---:|---:|---|"]
    print("\n".join(head), flush=True)
    lines = []
    models = prepare(options.work, llama, options.models.split(","))
    if models and options.device != "cpu":
        check_gpu(options, next(iter(models.values())))
    for name, path in models.items():
        pairs = []
        for turn in range(options.repetitions):  # who begins alternates, so that warming up favours nobody
            if turn % 2:
                ours, theirs = measure_qbench(options.qbench, path, options), measure_llama(llama / "llama-bench", path, options)
            else:
                theirs, ours = measure_llama(llama / "llama-bench", path, options), measure_qbench(options.qbench, path, options)
            pairs.append((theirs, ours))
        for test in pairs[0][1]:
            ratios = [ours[test] / theirs[test] for theirs, ours in pairs]
            label = "SmolLM2-135M Q4_1 (demo)" if name == "demo" else f"Qwen2.5-0.5B shape {name}" if name in RANDOM else name
            lines.append(f"| {label} | {test} | {statistics.median(p[0][test] for p in pairs):.1f} | {statistics.median(p[1][test] for p in pairs):.1f} | "
                         f"{statistics.median(ratios):.2f} | [{min(ratios):.2f}, {max(ratios):.2f}] |")
            print(lines[-1], flush=True)
    if not lines:
        sys.exit("nothing was measured")
    what = f"{options.description}, {options.device}, {options.threads} threads" if options.device == "cpu" else f"{options.description}, {options.device}"
    title = f"{what}, llama.cpp {options.llama_commit}, n = {options.repetitions} interleaved processes each; tokens/s medians; ratio = qbench / llama.cpp, median of the pairs [min, max]"
    print("\n" + title)
    if options.markdown:
        options.markdown.write_text("\n".join([title, "", *head, *lines]) + "\n")


main()
