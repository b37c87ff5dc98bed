"""Correctness in gpu_validate.py: the test programs on the device, parity with the CPU, compute-sanitizer."""
import json
import os
import pathlib
import re
import shutil
import tempfile

from gpu_validation.numbers import kl, read_npy, spread
from gpu_validation.runner import ROOT, Runner, Skip, Step

DEMO = "SmolLM2-135M-Instruct.Q4_1.gguf"
KL_MOST = 0.02  # nats, mean over tokens; BF16 activations and another order of sums explain far less on models of this size
SANITIZER_CASES = "*matvec equals*,*gate_up*,*router*,*sees the window*,*matmul equals*"


def demo_path():
    named = os.environ.get("QBENCH_DEMO_MODEL")
    return pathlib.Path(named) if named else pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "qbench" / DEMO


class Checks(Runner):
    def cases(self, text):
        """How many test cases ran, from doctest's summary."""
        if skipped := re.search(r"\[skipped\] every case of \S+: (.*)", text):
            raise Skip(skipped[1])
        counts = re.search(r"test cases:\s*(\d+)\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed", text)
        if not counts:
            raise Step("the program printed no summary of its cases")
        if int(counts[1]) == 0:
            raise Step("no test case ran")
        self.row["values"].update(cases=int(counts[1]), passed=int(counts[2]))
        if int(counts[3]):
            raise Step(f"{counts[3]} cases failed")

    def device_tests(self, name):
        emulated = self.device == "cuda-emulated"
        program = self.program(name.removesuffix("_device") if emulated else name)
        if program is None:
            raise Skip(f"{name} is not in {self.o.bin}")
        # The emulation's own tests run in test.sh; here a few cases prove that they are started and counted.
        filters = ["-tc=*matvec equals*,*says what it is*"] if emulated else []
        text = self.run(program, *filters, limit=600)
        self.cases(text)
        self.row["values"]["skipped_parts"] = len(re.findall(r"^\[skipped\]", text, re.M))

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
            rows_cpu, rows_gpu = (self.logits(model, device, folder, ids) for device in ("cpu", self.device))
            if len(rows_cpu) != len(rows_gpu) or not rows_cpu:
                raise Step(f"{len(rows_gpu)} rows of logits, {len(rows_cpu)} on the CPU")
            kls = [kl(a, b) for a, b in zip(rows_cpu, rows_gpu)]
            mean = sum(kls) / len(kls)
            self.row["values"].update(tokens=len(kls), kl_mean=mean, kl_max=max(kls))
            if not mean <= KL_MOST:
                raise Step(f"mean KL of the logits to the CPU's {mean:.3g}, at most {KL_MOST}")
            cpu, gpu = (self.greedy(model, device, ids, new_tokens) for device in ("cpu", self.device))
            if not len(cpu) == len(gpu) == new_tokens:
                raise Step(f"{len(gpu)} tokens, {len(cpu)} on the CPU, expected {new_tokens}")
            same = next((i for i, (a, b) in enumerate(zip(cpu, gpu)) if a != b), len(cpu))
            self.row["values"].update(greedy_equal=same, greedy_of=len(cpu))
            if same < len(cpu):
                # Where the two best logits are nearly equal, rounding decides; the CPU's own gap there says whether it was.
                ids.write_text(json.dumps(json.loads(ids.read_text()) + cpu[:same]))
                best = sorted(self.logits(model, "cpu", folder, ids)[-1])[-2:]
                if best[1] - best[0] > 0.1 * spread(rows_cpu[-1]):
                    raise Step(f"greedy token {same} is {gpu[same]}, on the CPU {cpu[same]}, whose logit leads by {best[1] - best[0]:.3g}")

    def demo(self):
        path = demo_path()
        if not path.is_file():
            raise Skip(f"the demo model is not at {path}; scripts/fetch_demo.sh gets it, QBENCH_DEMO_MODEL names another place")
        self.parity(path, 8 if self.o.dry_run else 64, 4 if self.o.dry_run else 48)

    def sanitizer(self, tool):
        if self.device == "cuda-emulated":
            raise Skip("needs a GPU")
        local = sorted(ROOT.glob(".cache/cuda/nvidia/cu*/bin/compute-sanitizer"))
        path = shutil.which("compute-sanitizer") or (local[-1] if local else None)
        program = self.program("test_kernels_cuda_device")
        if path is None or program is None:
            raise Skip(f"{'compute-sanitizer' if path is None else 'test_kernels_cuda_device'} is not here")
        done = self.call(path, "--tool", tool, "--error-exitcode", "9", program, f"-tc={SANITIZER_CASES}", limit=400)
        text = done.stdout + done.stderr
        # Some hosts of virtual machines and containers do not let it at the device: nothing was checked then, and nothing is wrong with the kernels.
        if refused := re.search(r"^.*(device not supported|unable to find injection library).*$", text, re.I | re.M):
            raise Skip(f"compute-sanitizer cannot work here: {refused[0].strip('= ')}")
        self.cases(text)
        summary = re.search(r"(?:ERROR|RACECHECK) SUMMARY: .*", text)
        if done.returncode or summary is None:
            raise Step(f"exit {done.returncode}, {summary[0] if summary else 'no summary of compute-sanitizer'}: {text[-1500:].strip()}")
        self.row["values"]["summary"] = summary[0]
