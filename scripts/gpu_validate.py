"""What scripts/gpu-validate.sh runs: tests on the GPU, parity with the CPU, limits, measurements judged by their goals; report.json and report.md after every step.

Each step is a program with a time limit. What does not fit into the budget any more is skipped and named; a step that fails does not end the rest.
A report that is there is added to: a step's new result replaces its old one, everything else stays, each row with its own time and build. So several
short runs make one report: --resume leaves out what has passed there with the same binary, --steps chooses. Exit status 1 when a step of this run
failed or missed its goal.

On a machine that cannot build, or is reached by commands of limited size and length: scripts/carry.sh makes build/carry/programs.tar.gz (20 MB); take it
along with the checkout, and run as often as it takes
  scripts/gpu-validate.sh --bin build/carry/programs.tar.gz --out results/measured/mine --budget 540 --resume
compute-sanitizer is taken from PATH or .cache/cuda; cuBLASLt, without which prompts cannot reach their goals, from the loader's places, .cache/cuda,
/usr/local/cuda or the packages of --python.

--dry-run proves the plumbing on a machine without a GPU: the emulated device and tiny models for correctness, the CPU for the measurements, whose
figures then mean nothing, are marked so and judged by no goal."""
import argparse
import pathlib
import re
import signal
import sys
import typing

from gpu_validation import report
from gpu_validation.checks import Checks
from gpu_validation.measurements import BATCH, DECODE, PREFILL, Measurements, decode_name
from gpu_validation.runner import ROOT

PARITY = ["tests/fixtures/engine/qwen3", "tests/fixtures/engine/qwen3moe-mixed", "tests/fixtures/engine/qwen2-tied", "tests/fixtures/quantised/llama-Q4_K_M.gguf",
          "tests/fixtures/quantised/qwen3-Q8_0.gguf"]


def parse_arguments():
    p = argparse.ArgumentParser(prog="gpu-validate.sh", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--budget", type=float, default=1500, help="seconds for everything (1500)")
    p.add_argument("--out", type=pathlib.Path, help="folder of the report (results/measured/<gpu>-<date>); one that is there is added to")
    p.add_argument("--bin", type=pathlib.Path, help="folder of prebuilt programs, searched with its folders below, or archive of scripts/carry.sh; default: builds preset cuda")
    p.add_argument("--device", default="cuda", help="device under test: cuda, cuda:N, cuda-emulated (cuda)")
    p.add_argument("--steps", help="only the steps whose names contain one of these, by commas: limits,decode,qwen3-4b; see --list")
    p.add_argument("--resume", action="store_true", help="leave out what has passed in the report with this binary")
    p.add_argument("--list", action="store_true", help="print the steps, worth most first, and end")
    p.add_argument("--python", default=sys.executable, help="interpreter with torch and transformers, for the peer (this one)")
    p.add_argument("--checkpoint", type=pathlib.Path, help="a checkpoint on disk whose loading is timed, out of the page cache, beside the disk's own read rate")
    p.add_argument("--write-checkpoint", type=pathlib.Path, metavar="DIR", help="instead: write one of 15 GB below this folder, and remove it")
    p.add_argument("--dry-run", action="store_true", help="emulated device, tiny models, measurements on the CPU: proves the plumbing, measures nothing")
    options = p.parse_args()
    if options.budget <= 0:
        p.error(f"--budget {options.budget}: expected more than 0 seconds")
    if options.dry_run and options.device == "cuda":
        options.device = "cuda-emulated"
    if not re.fullmatch(r"cuda(:\d{1,3})?|cuda-emulated", options.device):
        p.error(f"--device {options.device}: expected cuda, cuda:N or cuda-emulated")
    if options.bin is None:
        options.bin = ROOT / "build" / ("release" if options.dry_run else "cuda")
    return options


class Planned(typing.NamedTuple):
    name: str
    seconds: float             # about what it takes: it is not begun with less of the budget left
    work: typing.Callable
    goals: int = 0             # how many it judges
    needs_limits: bool = False


class Validation(Checks, Measurements):
    def everything(self):
        plan = make_plan(self, self.o.dry_run)
        wanted = chosen(plan, self.o.steps)
        self.step("facts", 0, self.read_facts)
        if self.ran["facts"]["status"] != "passed":
            sys.exit(f"gpu-validate.sh: {self.ran['facts']['detail']}")
        self.open_report(plan)
        if self.o.resume:
            wanted = [p for p in wanted if not self.report.passed_before(p.name, self.binary)]
        if any(p.needs_limits for p in wanted):  # goals are judged by limits of the same run
            wanted = [p for p in plan if p in wanted or p.name == "limits"]
        for p in wanted:
            self.step(p.name, p.seconds, p.work)


def make_plan(v, dry):
    """Every step of a Validation, worth most first."""
    parity = [Planned(f"parity {pathlib.Path(m).name}", 10, lambda m=m: v.parity(ROOT / m)) for m in PARITY[: 2 if dry else None]]
    decode = [Planned(decode_name(*a[:3]), 40, lambda a=a: v.decode(*a), 2, True) for a in DECODE[: 2 if dry else None]]
    prefill = [Planned(f"prefill {a[0]} {a[1]} of {a[2]}", 30, lambda a=a: v.prefill(*a), 1, True) for a in PREFILL[: 1 if dry else None]]
    return [*parity, Planned("limits", 10, lambda: v.measure_limits()), *decode[:3],
            Planned("kernels on the device", 20, lambda: v.device_tests("test_kernels_cuda_device")),
            Planned("backend on the device", 30, lambda: v.device_tests("test_backend_cuda_device")),
            Planned("study tiny", 10, lambda: v.study(None, "auto", 32, 8)),
            *[Planned("study {} {}".format(*a[:2]), 60, lambda a=a: v.study(a[0], a[1], 2048, 32)) for a in DECODE[: 0 if dry else 1]],
            *decode[3:], *prefill, Planned("batch {2} {0} {1}".format(*BATCH), 60, lambda: v.batch(*BATCH), 1),
            Planned("drawing {} {}".format(*BATCH[:2]), 40, lambda: v.drawing(*BATCH[:2])),
            Planned("peer: transformers", 20 if dry else 120, lambda: v.peer(), 1), Planned("parity demo model", 20, lambda: v.demo()),
            Planned("load", 20, lambda: v.load(), 1),
            *[Planned(f"compute-sanitizer {t}", 60, lambda t=t: v.sanitizer(t)) for t in ("memcheck", "racecheck", "synccheck")]]


def chosen(plan, words):
    """The planned steps whose names contain one of the words, in the plan's order; all without words."""
    if words is None:
        return list(plan)
    words = [word.strip().lower() for word in words.split(",") if word.strip()]
    unknown = [word for word in words if not any(word in p.name.lower() for p in plan)]
    if unknown or not words:
        sys.stderr.write(f"gpu-validate.sh: --steps: {', '.join(unknown) or 'nothing'} is in no step's name; steps: {', '.join(p.name for p in plan)}\n")
        sys.exit(2)
    return [p for p in plan if any(word in p.name.lower() for word in words)]


def main():
    options = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what runs is ended with it
    if options.list:
        print("\n".join(p.name for p in make_plan(None, options.dry_run)))
        return
    validation = Validation(options)
    validation.everything()
    counts = validation.report.counts()
    print(f"gpu-validate: {report.count_line(counts)}; {validation.report.folder / 'report.md'}")
    mine = report.count(list(validation.ran.values()), {})
    sys.exit(1 if mine["failed"] or mine["goals_missed"] else 0)


if __name__ == "__main__":
    main()
