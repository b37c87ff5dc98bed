"""Measurements of gpu_validate.py, each judged by its goal."""
import json
import os
import pathlib
import shutil
import tempfile
import time

from gpu_validation import disk, studies
from gpu_validation.checks import demo_path
from gpu_validation.numbers import shape_of, weights_of_layers
from gpu_validation.runner import ROOT, Runner, Skip, Step

# Goals of this core: share of the time that reading weights and KV at the measured read bandwidth takes. (catalogue name, precision, depth, goal)
DECODE = [
    ("qwen2.5-coder-7b-instruct", "bf16", 0, 0.90),
    ("qwen3-30b-a3b", "bf16", 0, 0.70),
    ("qwen2.5-coder-7b-instruct", "q4_k_m", 0, 0.75),
    ("qwen2.5-coder-7b-instruct", "bf16", 16384, 0.85),
    ("qwen3-4b", "bf16", 0, 0.85),
    ("qwen2.5-0.5b", "bf16", 0, 0.55),
    ("qwen2.5-coder-32b-instruct", "bf16", 0, 0.93),
    ("qwen3-30b-a3b", "q4_k_m", 0, 0.45),
    ("qwen2.5-coder-7b-instruct", "bf16", 32000, 0.85),
    ("qwen3-32b", "bf16", 0, 0.93),
    ("qwen2.5-coder-32b-instruct", "q4_k_m", 0, 0.85),
    ("qwen3-4b", "q4_k_m", 0, 0.62),
]
PREFILL = [("qwen2.5-coder-7b-instruct", "bf16", 4096, 0.60), ("qwen3-30b-a3b", "bf16", 4096, 0.25)]
BATCH = ("qwen2.5-coder-7b-instruct", "bf16", 32, 20.0)
PEER_GOAL = 3.0
LOAD_SHARE = 0.9            # of the disk's own read rate: two readings of one disk differ by some per cent
SYNTHETIC_LOAD_MS = 10_000
CACHED_SHARE = 0.02         # of a checkpoint; with more in the page cache its load would not be the disk's
CHECKPOINT = "qwen2.5-coder-7b-instruct"
TINY_CHECKPOINT = dict(hidden=128, layers=2, heads=2, kv_heads=1, head_dim=64, ffn=256, vocab=40000, context=128, rms_eps=1e-6, rope_theta=10000, tied_head=False)
TINY = "tests/fixtures/quantised/llama-BF16.gguf"


def decode_name(model, precision, depth):
    return f"decode {model} {precision} at {depth}"


class Measurements(Runner):
    def measure_limits(self):
        found = json.loads(self.run(self.qbench, "doctor", "--limits", "--json", limit=180))["limits"]
        name = "cuda:0" if self.bench_device == "cuda" else self.bench_device
        mine = next((entry for entry in found if entry["device"] == name), None)
        if mine is None or mine.get("error"):
            raise Step(mine["error"] if mine else f"no limits of {name}")
        self.row["values"].update(mine)
        if not mine["read_gbps"] or not mine["matmul_tflops"]:
            raise Step(f"{name}: read_gbps {mine['read_gbps']}, matmul_tflops {mine['matmul_tflops']}: no figure to judge by")
        self.limits = mine

    def bench(self, model, precision, *arguments, limit=300):
        if self.o.dry_run:
            model, precision = TINY, "auto"
            small = {"4096": "32", "16384": "32", "32000": "48", "128": "8", "32": "2", "5": "2"}
            arguments = [small.get(str(a), a) for a in arguments]
        else:
            model = f"synthetic:{model}"
        return self.bench_file(model, "--precision", precision, *arguments, limit=limit)

    def bench_file(self, model, *arguments, limit):
        """The row; Step with its error when it failed."""
        done = self.call(self.qbench, "bench", "-m", model, "--device", self.bench_device, *arguments, "-o", "json", limit=limit)
        try:
            rows = json.loads(done.stdout)
        except ValueError as e:
            raise Step(f"exit {done.returncode}: {(done.stdout[-1500:] + done.stderr[-1500:]).strip()}") from e
        bad = next((row for row in rows if row["status"] != "ok"), None)
        if bad or len(rows) != 1 or done.returncode:
            raise Step(bad["error"] if bad else f"exit {done.returncode}, {len(rows)} rows: {done.stderr[-1500:].strip()}")
        return rows[0]

    def note_rates(self, row):
        values = {"tok_per_s": row["tok_per_s_median"], "tok_per_s_min": row["tok_per_s_min"], "tok_per_s_max": row["tok_per_s_max"], "n": len(row["samples"]),
                  "load_ms": row["load_ms"], "instruction_sets": row["instruction_sets"], "paths": row["paths"]}
        self.row["values"].update(values)
        if not row["tok_per_s_median"]:
            raise Step("the row has no rate")
        return row["tok_per_s_median"]

    def decode(self, model, precision, depth, goal):
        row = self.bench(model, precision, "-p", 0, "-n", 128, "-d", depth, "-r", 5, "--kv-type", "bf16")
        rate = self.note_rates(row)
        self.judge("load_ms", row["load_ms"], most=SYNTHETIC_LOAD_MS)
        positions = row["depth"] + row["gen_tokens"] / 2
        read = row["decode_read_bytes"] + row["kv_bytes"] / row["context"] / row["batch"] * positions
        self.row["values"]["bytes_per_token"] = read
        self.judge("share_of_floor", rate * read / (self.limit_of("read_gbps") * 1e9), least=goal)

    def prefill(self, model, precision, tokens, goal):
        row = self.bench(model, precision, "-p", tokens, "-n", 0, "-r", 3)
        tflops = 2 * weights_of_layers(model) * self.note_rates(row) / 1e12
        self.row["values"]["tflops"] = tflops
        library = "prompts by cuBLASLt" in (row["instruction_sets"] or "")
        self.judge("share_of_matmul", tflops / self.limit_of("matmul_tflops"), least=goal,
                   note="" if library or self.o.dry_run else "no cuBLASLt is found here, without which it cannot be met")

    def batch(self, model, precision, batch, goal):
        one = self.bench(model, precision, "-p", 0, "-n", 128, "-r", 3)
        many = self.bench(model, precision, "-p", 0, "-n", 128, "-r", 3, "--batch", batch)
        rate = self.note_rates(many)
        self.row["values"].update(tok_per_s_batch_1=one["tok_per_s_median"], batch=many["batch"])
        self.judge("times_batch_1", rate / one["tok_per_s_median"], least=goal)

    def study(self, model, precision, prompt, generated):
        """--breakdown and --ablate of a prompt and of decoding; without a name of the tiny model, whose weights the caches hold."""
        paths = "flash,fusion" if self.bench_device == "cpu" else "flash,graph,fusion"
        name = f"synthetic:{model}" if model else TINY
        for kind, test in (("prefill", ["-p", prompt, "-n", 0]), ("decode", ["-p", 0, "-n", generated])):
            row = self.bench_file(name, "--precision", precision, *test, "-r", 2, "--breakdown", "--ablate", paths, limit=300)
            try:
                found = studies.check(row, model is not None)
            except ValueError as e:
                raise Step(f"{kind}: {e}") from e
            self.row["values"].update({key if key.startswith(kind) else f"{kind}_{key}": value for key, value in found.items()})

    def drawing(self, model, precision):
        """A token's time, greedy and drawn as by the text pass. With synthetic weights nearly every token stays possible; the demo model's text is the usual case."""
        models = [("synthetic", TINY, "auto") if self.o.dry_run else ("synthetic", f"synthetic:{model}", precision)]
        models += [("demo", demo_path(), "auto")] if demo_path().is_file() else []
        with tempfile.TemporaryDirectory() as folder:
            ids = pathlib.Path(folder) / "ids.json"
            ids.write_text(json.dumps([(7 * i * i + 3 * i + 11) % 120 for i in range(64)]))
            for label, path, own_precision in models:
                for kind, sampling in (("greedy", ["--greedy"]), ("drawn", ["--temperature", 0.7, "--top-p", 0.9])):
                    text = self.run(self.qbench, "generate", "-m", path, "--precision", own_precision, "--device", self.bench_device, "--token-ids", ids, "--ignore-eos",
                                    "--max-new-tokens", 4 if self.o.dry_run else 128, *sampling, "--json", limit=300)
                    self.row["values"][f"{label}_{kind}_ms_per_token"] = json.loads(text)["timings"]["itl_mean_ms"]

    def load(self):
        if self.o.checkpoint and not self.o.dry_run:
            return self.load_from(self.o.checkpoint)
        if self.o.write_checkpoint is None and not self.o.dry_run:
            raise Skip("no --checkpoint, and no --write-checkpoint that may write one")
        shape = TINY_CHECKPOINT if self.o.dry_run else shape_of(CHECKPOINT)
        below = self.report.folder if self.o.write_checkpoint is None else self.o.write_checkpoint
        below.mkdir(parents=True, exist_ok=True)
        needed = disk.checkpoint_bytes(shape) * 1.1
        if shutil.disk_usage(below).free < needed:
            raise Skip(f"{below} has no {needed / 1e9:.0f} GB free")
        with tempfile.TemporaryDirectory(prefix="qbench-checkpoint-", dir=below) as folder:
            try:
                disk.write_checkpoint(pathlib.Path(folder) / "model", shape, lambda: time.monotonic() < self.end)
            except TimeoutError as e:
                raise Skip(f"the budget ran out: {e}") from e
            self.load_from(pathlib.Path(folder) / "model")

    def load_from(self, path):
        files = disk.files_of(path)
        if not files:
            raise Step(f"{path} holds no checkpoint")
        everything = not self.o.dry_run  # the cache of the whole machine, which a dry run has no business to drop
        disk.forget(files, everything)
        before, how = disk.read_rate(files)
        cache = disk.forget(files, everything)
        held = disk.cached_share(files)
        self.row["values"].update(page_cache=cache, cached_share=held, disk_read_by=how)
        if held > CACHED_SHARE:
            raise Skip(f"the page cache holds {100 * held:.0f} % of {path}, and could not be dropped (root may)")
        row = self.bench_file(path, "-p", 0, "-n", 1, "-r", 1, limit=600)
        size = sum(f.stat().st_size for f in files)
        disk.forget(files, everything)
        after, _ = disk.read_rate(files)
        # What lies below a virtual machine's disk may keep what was read: the faster of the two readings counts.
        rate = size / row["load_ms"] / 1e6
        self.row["values"].update(load_ms=row["load_ms"], file_bytes=size, gb_per_s=rate, disk_gb_per_s=max(before, after) / 1e9, disk_gb_per_s_before=before / 1e9)
        self.judge("share_of_disk", rate * 1e9 / max(before, after), least=LOAD_SHARE)

    def peer(self):
        arguments = ["--tiny", "--new-tokens", 8, "--repetitions", 2, "--modes", "eager"] if self.o.dry_run else ["--device", "cuda"]
        environment = dict(os.environ)  # PyTorch brings its own libraries
        if "CUDA_VISIBLE_DEVICES" in self.environment:
            environment["CUDA_VISIBLE_DEVICES"] = self.environment["CUDA_VISIBLE_DEVICES"]
        peer = json.loads(self.run(self.o.python, ROOT / "scripts" / "peer_transformers.py", "--json", *arguments, limit=900, environment=environment))
        if "missing" in peer:
            raise Skip(peer["missing"])
        self.row["values"].update(peer)
        # Both in the same run on the same GPU.
        model, precision, depth, _ = DECODE[0]
        own = self.ran.get(decode_name(model, precision, depth), {"values": {}})["values"].get("tok_per_s")
        if not own:
            own = self.bench(model, precision, "-p", 0, "-n", 128, "-r", 5, "--kv-type", "bf16")["tok_per_s_median"]
        self.row["values"]["qbench_tok_per_s"] = own
        for row in peer["rows"]:
            if row.get("tok_per_s_median"):
                row["qbench_times"] = own / row["tok_per_s_median"]
        eager = next((row["qbench_times"] for row in peer["rows"] if row["mode"].startswith("eager") and "qbench_times" in row), None)
        if eager is not None:
            self.judge("times_eager", eager, least=PEER_GOAL)
        wrong = [f"{row['mode']}: {row.get('error') or 'no rate'}" for row in peer["rows"] if "qbench_times" not in row]
        if wrong or eager is None:
            raise Step("; ".join(wrong) or "no row of eager mode")
