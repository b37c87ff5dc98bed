"""What scripts/gpu-validate.sh runs: tests on the GPU, parity with the CPU, limits, measurements; report.json and report.md after every step.

Each step is a program with a time limit. What does not fit into the budget any more is skipped and named; a step that fails does not end the rest.
--dry-run proves the plumbing on a machine without a GPU: the emulated device and tiny models for correctness, the CPU for the measurements, whose
figures then mean nothing and are marked so."""
import argparse
import array
import datetime
import json
import math
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
DEMO = "SmolLM2-135M-Instruct.Q4_1.gguf"
# Issue of this core: share of the time that reading weights and KV at the measured read bandwidth takes. (catalogue name, precision, depth, goal)
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
TINY = "tests/fixtures/quantised/llama-BF16.gguf"
PARITY = ["tests/fixtures/engine/qwen3", "tests/fixtures/engine/qwen3moe-mixed", "tests/fixtures/engine/qwen2-tied", "tests/fixtures/quantised/llama-Q4_K_M.gguf",
          "tests/fixtures/quantised/qwen3-Q8_0.gguf"]
KL_MOST = 0.02  # nats, mean over tokens; BF16 activations and another order of sums explain far less on models of this size
SANITIZER_CASES = "*matvec equals*,*gate_up*,*router*,*sees the window*,*matmul equals*"


def parse_arguments():
    p = argparse.ArgumentParser(prog="gpu-validate.sh", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--budget", type=float, default=1500, help="seconds for everything (1500)")
    p.add_argument("--out", type=pathlib.Path, help="folder of the report (results/measured/<gpu>-<date>)")
    p.add_argument("--bin", type=pathlib.Path, help="folder of prebuilt programs, searched with its folders below; default: builds preset cuda")
    p.add_argument("--device", default="cuda", help="device under test (cuda)")
    p.add_argument("--python", default=sys.executable, help="interpreter with torch and transformers, for the peer (this one)")
    p.add_argument("--checkpoint", help="a checkpoint on disk whose loading is timed with the page cache dropped (needs root)")
    p.add_argument("--dry-run", action="store_true", help="emulated device, tiny models, measurements on the CPU: proves the plumbing, measures nothing")
    options = p.parse_args()
    if options.budget <= 0:
        p.error(f"--budget {options.budget}: expected more than 0 seconds")
    if options.bin is None:
        options.bin = ROOT / "build" / ("release" if options.dry_run else "cuda")
    if options.dry_run and options.device == "cuda":
        options.device = "cuda-emulated"
    return options


class Step(Exception):
    """A step that did not pass; the text is the reason."""


class Skip(Exception):
    """A step that could not run here; the text is the reason."""


class Validation:
    def __init__(self, options):
        self.o = options
        self.end = time.monotonic() + options.budget
        self.steps = []
        self.limits = {}
        self.facts = {}
        self.bench_device = "cpu" if options.dry_run else options.device
        self.qbench = self.program("qbench")
        if self.qbench is None:
            sys.exit(f"gpu-validate.sh: no qbench below {options.bin}; build it, or name another folder with --bin")
        self.environment = dict(os.environ, QBENCH_SOURCE_DIR=str(ROOT), QBENCH_DATA_DIR=str(ROOT))

    def program(self, name):
        found = [self.o.bin / name, *sorted(self.o.bin.rglob(name))]
        return next((p.resolve() for p in found if p.is_file() and os.access(p, os.X_OK)), None)

    def run(self, *command, limit):
        """Standard output; Step with the last words when it fails or runs out of time."""
        left = self.end - time.monotonic()
        try:
            done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=max(1.0, min(limit, left)), cwd=ROOT, env=self.environment)
        except subprocess.TimeoutExpired as e:
            raise Step(f"stopped after {e.timeout:.0f} s: {' '.join(map(str, command))}") from e
        except OSError as e:
            raise Step(f"cannot run {command[0]}: {e.strerror}") from e
        if done.returncode:
            words = (done.stdout[-1500:] + done.stderr[-1500:]).strip()
            raise Step(f"exit {done.returncode}: {words}")
        return done.stdout

    def step(self, name, seconds, work):
        """Runs the work when about so many seconds are left; records and writes the report either way."""
        left = self.end - time.monotonic()
        entry = {"step": name, "status": "passed", "seconds": None, "detail": "", "values": {}}
        start = time.monotonic()
        if left < seconds:
            entry.update(status="skipped", detail=f"takes about {seconds} s, {max(0, left):.0f} s of the budget are left")
        else:
            print(f"gpu-validate: {name} ({left:.0f} s left)", flush=True)
            try:
                entry["values"] = work() or {}
            except Skip as e:
                entry.update(status="skipped", detail=str(e))
            except Step as e:
                entry.update(status="failed", detail=str(e))
            except (KeyError, ValueError, AttributeError) as e:  # an answer of another form than expected ends its step alone
                entry.update(status="failed", detail=f"unexpected answer: {type(e).__name__}: {e}")
            entry["seconds"] = round(time.monotonic() - start, 1)
        if entry["status"] != "passed":
            print(f"gpu-validate: [{entry['status']}] {name}: {entry['detail'].splitlines()[-1] if entry['detail'] else ''}", flush=True)
        self.steps.append(entry)
        self.write_report()

    # --- what is there

    def read_facts(self):
        doctor = json.loads(self.run(self.qbench, "doctor", "--json", limit=120))
        cuda = doctor["cuda"]
        self.facts = {"cuda": cuda, "cpu": doctor["cpu"]["model"], "driver": doctor["gpu"]["driver"], "build": doctor["build"],
                      "device": self.o.device, "dry_run": self.o.dry_run, "started_utc": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")}
        if self.o.device.startswith("cuda") and self.o.device != "cuda-emulated" and not cuda["devices"]:
            sys.exit(f"gpu-validate.sh: {cuda['missing'] or 'no GPU'}")
        index = int(self.o.device.partition(":")[2] or 0)
        gpu = "dry-run" if self.o.dry_run else cuda["devices"][index]["name"] if cuda["devices"] else self.o.device
        self.facts["gpu"] = gpu
        if self.o.out is None and self.o.dry_run:
            self.o.out = ROOT / "build" / "gpu-validate-dry-run"
        if self.o.out is None:
            slug = re.sub(r"[^a-z0-9]+", "-", gpu.lower().replace("nvidia", "")).strip("-")
            self.o.out = ROOT / "results" / "measured" / f"{slug}-{datetime.date.today().isoformat()}"
        self.o.out.mkdir(parents=True, exist_ok=True)

    # --- correctness

    def device_tests(self, name):
        emulated = self.o.device == "cuda-emulated"
        program = self.program(name.removesuffix("_device") if emulated else name)
        if program is None:
            raise Skip(f"{name} is not in {self.o.bin}")
        # The emulation's own tests run in test.sh; here a few cases prove that they are started and counted.
        filters = ["-tc=*matvec equals*,*says what it is*"] if emulated else []
        text = self.run(program, *filters, limit=600)
        if "[skipped] every case" in text:
            raise Skip(re.search(r"\[skipped\] every case of \S+: (.*)", text)[1])
        counts = re.search(r"test cases:\s*(\d+)\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed", text)
        if not counts or int(counts[1]) == 0:
            raise Step("the program printed no summary of its cases")
        return {"cases": int(counts[1]), "passed": int(counts[2]), "skipped_parts": len(re.findall(r"^\[skipped\]", text, re.M))}

    def logits(self, model, device, folder, ids):
        npy = folder / f"{device.replace(':', '-')}.npy"
        self.run(self.qbench, "perplexity", "-m", model, "--device", device, "--token-ids", ids, "--method", "all", "--dump-logits", npy, "--json", limit=300)
        return read_npy(npy)

    def greedy(self, model, device, ids, count):
        text = self.run(self.qbench, "generate", "-m", model, "--device", device, "--token-ids", ids, "--greedy", "--ignore-eos", "--max-new-tokens", count, "--json",
                        limit=300)
        return json.loads(text)["output_ids"]

    def parity(self, model, vocab_tokens=24, new_tokens=24):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            ids = folder / "ids.json"
            ids.write_text(json.dumps([(7 * i * i + 3 * i + 11) % 120 for i in range(vocab_tokens)]))
            rows_cpu, rows_gpu = (self.logits(model, device, folder, ids) for device in ("cpu", self.o.device))
            if len(rows_cpu) != len(rows_gpu):
                raise Step(f"{len(rows_gpu)} rows of logits, {len(rows_cpu)} on the CPU")
            kls = [kl(a, b) for a, b in zip(rows_cpu, rows_gpu)]
            mean = sum(kls) / len(kls)
            if not mean <= KL_MOST:
                raise Step(f"mean KL of the logits to the CPU's {mean:.3g}, at most {KL_MOST}")
            cpu, gpu = (self.greedy(model, device, ids, new_tokens) for device in ("cpu", self.o.device))
            same = next((i for i, (a, b) in enumerate(zip(cpu, gpu)) if a != b), len(cpu))
            if same < len(cpu):
                # Where the two best logits are nearly equal, rounding decides; the CPU's own gap there says whether it was.
                ids.write_text(json.dumps(json.loads(ids.read_text()) + cpu[:same]))
                best = sorted(self.logits(model, "cpu", folder, ids)[-1])[-2:]
                deviation = spread(rows_cpu[-1])
                if best[1] - best[0] > 0.1 * deviation:
                    raise Step(f"greedy token {same} is {gpu[same]}, on the CPU {cpu[same]}, whose logit leads by {best[1] - best[0]:.3g}")
            return {"tokens": len(kls), "kl_mean": mean, "kl_max": max(kls), "greedy_equal": same, "greedy_of": len(cpu)}

    def demo(self):
        cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "qbench" / DEMO
        if not cache.is_file():
            raise Skip(f"the demo model is not at {cache}; scripts/fetch_demo.sh gets it")
        return self.parity(cache, 8 if self.o.dry_run else 64, 4 if self.o.dry_run else 48)

    def sanitizer(self, tool):
        local = sorted(ROOT.glob(".cache/cuda/nvidia/cu*/bin/compute-sanitizer"))
        path = shutil.which("compute-sanitizer") or (local[-1] if local else None)
        program = self.program("test_kernels_cuda_device")
        if path is None or program is None or self.o.device == "cuda-emulated":
            raise Skip("needs a GPU" if self.o.device == "cuda-emulated" else "compute-sanitizer or test_kernels_cuda_device is not here")
        self.run(path, "--tool", tool, "--error-exitcode", "9", program, f"-tc={SANITIZER_CASES}", limit=400)

    # --- measurements

    def measure_limits(self):
        found = json.loads(self.run(self.qbench, "doctor", "--limits", "--json", limit=120))["limits"]
        mine = [entry for entry in found if entry["device"].split(":")[0] == self.bench_device.split(":")[0]]
        if not mine:
            raise Step(f"no limits of {self.bench_device}")
        self.limits = mine[0]
        return self.limits

    def bench(self, model, precision, *arguments, limit=300):
        if self.o.dry_run:
            model, precision = TINY, "auto"
            small = {"4096": "32", "16384": "32", "32000": "48", "128": "8", "32": "2", "5": "2"}
            arguments = [small.get(str(a), a) for a in arguments]
        else:
            model = f"synthetic:{model}"
        rows = json.loads(self.run(self.qbench, "bench", "-m", model, "--precision", precision, "--device", self.bench_device, *arguments, "-o", "json", limit=limit))
        bad = [row for row in rows if row["status"] != "ok"]
        if bad or not rows:
            raise Step(bad[0]["error"] if bad else "no rows")
        return rows

    def decode(self, model, precision, depth, goal):
        row = self.bench(model, precision, "-p", 0, "-n", 128, "-d", depth, "-r", 5, "--kv-type", "bf16")[0]
        rate = row["tok_per_s_median"]
        values = {"tok_per_s": rate, "tok_per_s_min": row["tok_per_s_min"], "tok_per_s_max": row["tok_per_s_max"], "n": len(row["samples"]),
                  "load_ms": row["load_ms"], "goal_share": goal}
        positions = row["depth"] + row["gen_tokens"] / 2
        read = row["decode_read_bytes"] + row["kv_bytes"] / row["context"] / row["batch"] * positions
        values["bytes_per_token"] = read
        if self.limits.get("read_gbps"):
            values["share_of_floor"] = rate * read / (self.limits["read_gbps"] * 1e9)
        return values

    def prefill(self, model, precision, tokens, goal):
        row = self.bench(model, precision, "-p", tokens, "-n", 0, "-r", 3)[0]
        values = {"tok_per_s": row["tok_per_s_median"], "tok_per_s_min": row["tok_per_s_min"], "tok_per_s_max": row["tok_per_s_max"], "n": len(row["samples"]), "goal_share": goal}
        values["tflops"] = 2 * weights_of_layers(model) * row["tok_per_s_median"] / 1e12
        if self.limits.get("matmul_tflops"):
            values["share_of_matmul"] = values["tflops"] / self.limits["matmul_tflops"]
        return values

    def batch(self, model, precision, batch, goal):
        one = self.bench(model, precision, "-p", 0, "-n", 128, "-r", 3)[0]
        many = self.bench(model, precision, "-p", 0, "-n", 128, "-r", 3, "--batch", batch)[0]
        return {"tok_per_s_batch_1": one["tok_per_s_median"], "tok_per_s": many["tok_per_s_median"], "batch": many["batch"],
                "times_batch_1": many["tok_per_s_median"] / one["tok_per_s_median"], "goal_times": goal}

    def load(self):
        if not self.o.checkpoint:
            raise Skip("no --checkpoint")
        self.run("sync", limit=120)
        try:
            pathlib.Path("/proc/sys/vm/drop_caches").write_text("3\n")
        except OSError as e:
            raise Skip(f"the page cache cannot be dropped: {e.strerror}") from e
        path = pathlib.Path(self.o.checkpoint)
        size = path.stat().st_size if path.is_file() else sum(f.stat().st_size for f in path.glob("*.safetensors"))
        row = json.loads(self.run(self.qbench, "bench", "-m", path, "--device", self.bench_device, "-p", 0, "-n", 1, "-r", 1, "-o", "json", limit=600))[0]
        if row["status"] != "ok":
            raise Step(row["error"])
        return {"load_ms": row["load_ms"], "file_bytes": size, "gb_per_s": size / row["load_ms"] / 1e6}

    def peer(self):
        arguments = ["--tiny", "--new-tokens", 8, "--repetitions", 2, "--modes", "eager"] if self.o.dry_run else ["--device", "cuda"]
        text = self.run(self.o.python, ROOT / "scripts" / "peer_transformers.py", "--json", *arguments, limit=900)
        peer = json.loads(text)
        if "missing" in peer:
            raise Skip(peer["missing"])
        own = next((s["values"].get("tok_per_s") for s in self.steps if s["step"].startswith(f"decode {DECODE[0][0]} {DECODE[0][1]} at 0")), None)
        for row in peer["rows"]:
            row["qbench_times"] = own / row["tok_per_s_median"] if own and row.get("tok_per_s_median") else None
        return {**peer, "goal_times_eager": PEER_GOAL}

    # --- the report

    def write_report(self):
        counts = {status: sum(s["status"] == status for s in self.steps) for status in ("passed", "failed", "skipped")}
        write(self.o.out / "report.json", json.dumps({"facts": self.facts, "limits": self.limits, "counts": counts, "steps": self.steps}, indent=1) + "\n")
        write(self.o.out / "report.md", markdown(self.facts, counts, self.steps))

    def everything(self):
        self.step("facts", 0, lambda: {"gpu": self.facts["gpu"]})
        for model in PARITY[: 2 if self.o.dry_run else None]:
            self.step(f"parity {pathlib.Path(model).name}", 10, lambda m=model: self.parity(ROOT / m))
        self.step("limits", 10, self.measure_limits)
        decode = DECODE[: 2 if self.o.dry_run else None]
        for model, precision, depth, goal in decode[:3]:
            self.step(f"decode {model} {precision} at {depth}", 30, lambda a=(model, precision, depth, goal): self.decode(*a))
        self.step("kernels on the device", 20, lambda: self.device_tests("test_kernels_cuda_device"))
        self.step("backend on the device", 30, lambda: self.device_tests("test_backend_cuda_device"))
        for model, precision, depth, goal in decode[3:]:
            self.step(f"decode {model} {precision} at {depth}", 40, lambda a=(model, precision, depth, goal): self.decode(*a))
        for model, precision, tokens, goal in PREFILL[: 1 if self.o.dry_run else None]:
            self.step(f"prefill {model} {precision} of {tokens}", 30, lambda a=(model, precision, tokens, goal): self.prefill(*a))
        self.step("batch 32 {} {}".format(*BATCH), 60, lambda: self.batch(*BATCH))
        self.step("peer: transformers", 20 if self.o.dry_run else 120, self.peer)
        self.step("parity demo model", 20, self.demo)
        self.step("load", 20, self.load)
        for tool in ("memcheck", "racecheck", "synccheck"):
            self.step(f"compute-sanitizer {tool}", 60, lambda t=tool: self.sanitizer(t))


def weights_of_layers(model):
    """Weights that every token of a prompt meets: of the layers, active experts only. The head meets the last token alone, and attention's own
    operations are left out, so a rate made of this is on the low side."""
    shape = next(m for m in json.loads((ROOT / "configs" / "models.json").read_text())["models"] if model in (m["name"], *m.get("aliases", [])))["shape"]
    hidden, head_dim = shape["hidden"], shape["head_dim"]
    attention = hidden * head_dim * (2 * shape["heads"] + 2 * shape["kv_heads"])
    if shape.get("experts"):
        ffn = 3 * hidden * shape["expert_ffn"] * shape["experts_used"] + hidden * shape["experts"]
    else:
        ffn = 3 * hidden * shape["ffn"]
    return shape["layers"] * (attention + ffn)


def read_npy(path):
    """Rows of a two-dimensional float32 NumPy file (format 1.0)."""
    data = path.read_bytes()
    if data[:6] != b"\x93NUMPY":
        raise Step(f"{path} is no NumPy file")
    length = int.from_bytes(data[8:10], "little")
    rows, cols = map(int, re.search(rb"'shape':\s*\((\d+),\s*(\d+)", data[10:10 + length]).groups())
    numbers = array.array("f", data[10 + length:])
    if len(numbers) != rows * cols:
        raise Step(f"{path}: {len(numbers)} numbers, expected {rows} x {cols}")
    return [numbers[r * cols:(r + 1) * cols] for r in range(rows)]


def log_softmax(row):
    most = max(row)
    total = math.log(sum(math.exp(x - most) for x in row))
    return [x - most - total for x in row]


def kl(a, b):
    """KL divergence of softmax(b) from softmax(a), in nats; infinite where b has no numbers."""
    if not all(map(math.isfinite, b)):
        return math.inf
    return max(0.0, sum(math.exp(p) * (p - q) for p, q in zip(log_softmax(a), log_softmax(b))))


def spread(row):
    mean = sum(row) / len(row)
    return math.sqrt(sum((x - mean) ** 2 for x in row) / len(row))


def write(path, text):
    part = path.with_suffix(path.suffix + ".part")
    part.write_text(text)
    part.replace(path)


def number(value):
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e5 else f"{value:.0f}"
    return str(value)


def markdown(facts, counts, steps):
    lines = [f"# {facts['gpu']}, {facts['started_utc'][:10]}", ""]
    if facts["dry_run"]:
        lines += ["**Dry run: emulated device, tiny models, times of the CPU. No figure here says anything about a GPU.**", ""]
    cuda = facts["cuda"]
    lines += [f"Driver {facts['driver'] or '-'} (CUDA {cuda['driver_version'] or '-'}), runtime {cuda['runtime_version'] or '-'}, kernels for sm {cuda['architectures'] or '-'}; "
              f"host {facts['cpu']}; build {facts['build']['version']} {facts['build']['git_sha'][:12]}.", "",
              "{passed} passed, {failed} failed, {skipped} skipped".format(**counts), "", "| step | status | s | result |", "|---|---|---:|---|"]
    for s in steps:
        values = ", ".join(f"{key} {number(value)}" for key, value in s["values"].items() if not isinstance(value, (list, dict)))
        detail = " ".join(s["detail"].split())[:300].replace("|", "/")
        lines.append(f"| {s['step']} | {s['status']} | {'' if s['seconds'] is None else s['seconds']} | {detail or values} |")
        for row in s["values"].get("rows", []):
            lines.append(f"| {s['step']}: {row['mode']} | | | " + ", ".join(f"{k} {number(v)}" for k, v in row.items() if k != "mode" and v is not None and not isinstance(v, list)) + " |")
    return "\n".join(lines) + "\n"


def main():
    options = parse_arguments()
    validation = Validation(options)
    validation.read_facts()
    validation.everything()
    counts = {status: sum(s["status"] == status for s in validation.steps) for status in ("passed", "failed", "skipped")}
    print("gpu-validate: {passed} passed, {failed} failed, {skipped} skipped; {}".format(options.out / "report.md", **counts))
    sys.exit(1 if counts["failed"] else 0)


if __name__ == "__main__":
    main()
