#!/usr/bin/env python3
"""`qbench ab` on itself: a build against itself must not be worse, one that tests/shims/slow_process makes slower by a set share must be.

  scripts/soak_ab.py --qbench build/ci/qbench --comparisons 20 [--shim build/ci/tests/shims/libslow_process.so] [--model FILE] [--markdown FILE]

Comparisons of the build with itself, ten pairs each: no metric of any is worse. Slowed by 20 %: decode_tok_per_s is worse. Slowed by 8 %: unclear at the
CPU's delta of 8 %, worse with --delta 3% and --pairs-slow pairs. One thread, one prompt; the times hang on what else the machine does, so the
load is printed beside each."""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time


def load():
    return os.getloadavg()[0]


class Ab:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder

    def slowed(self, ratio):
        """A program that runs qbench with the shim in front; its worker processes inherit it."""
        path = self.folder / f"slowed-{ratio}"
        path.write_text(f"#!/bin/sh\nSLOW_PROCESS_RATIO={ratio} LD_PRELOAD='{self.options.shim.resolve()}' exec '{self.options.qbench.resolve()}' \"$@\"\n")
        path.chmod(0o755)
        return path

    def judge(self, candidate, *arguments):
        """What each metric of the one cell is judged."""
        started = time.monotonic()
        done = subprocess.run([self.options.qbench, "ab", "--base", self.options.qbench, "--cand", candidate, "-m", self.options.model, "--format", "json", "-q", *arguments, "--",
                               "--suite", "smoke", "--prompts", "is-prime", "--threads", "1", "-r", str(self.options.repetitions), "--warmup", "1", "--gen-tokens", "16"],
                              capture_output=True, text=True)
        if done.returncode not in (0, 1):
            sys.exit(f"soak_ab.py: qbench ab ended with exit status {done.returncode}: {done.stderr.strip()}")
        judgements = json.loads(done.stdout)["comparisons"][0]["cells"][0]["judgements"]
        self.seconds = time.monotonic() - started
        return {j["metric"]: j for j in judgements}


def line_of(what, judged, seconds):
    j = judged["decode_tok_per_s"]
    low, high = j["ratio_interval"]
    worse = [m for m, other in judged.items() if other["verdict"] == "worse"]
    return (f"| {what} | {len(j['base_sessions'])} | {j['base']:.1f} | {j['new']:.1f} | {j['ratio']:.3f} | {low:.3f} to {high:.3f} | {j['verdict']} | {', '.join(worse) or 'none'} | "
            f"{seconds:.0f} | {load():.1f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--qbench", required=True, type=pathlib.Path)
    parser.add_argument("--comparisons", type=int, default=20)
    parser.add_argument("--shim", type=pathlib.Path)
    parser.add_argument("--model")
    parser.add_argument("--repetitions", type=int, default=2)
    parser.add_argument("--pairs-slow", type=int, default=40)
    parser.add_argument("--markdown", type=pathlib.Path)
    options = parser.parse_args()
    options.qbench = options.qbench.resolve()
    options.shim = options.shim or options.qbench.parent / "tests" / "shims" / "libslow_process.so"
    if not options.shim.exists():
        sys.exit(f"soak_ab.py: no {options.shim}; build the target slow_process")
    options.model = options.model or subprocess.run([pathlib.Path(__file__).parent / "fetch_demo.sh"], check=True, capture_output=True, text=True).stdout.strip()
    lines = ["| candidate | pairs | base tok/s | candidate tok/s | ratio | 95 % interval | decode_tok_per_s | metrics that are worse | s | load |",
             "|---|---:|---:|---:|---:|---|---|---|---:|---:|"]
    print("\n".join(lines), flush=True)
    wrong = []
    with tempfile.TemporaryDirectory(prefix="qbench-soak-") as folder:
        ab = Ab(options, pathlib.Path(folder))

        def compare(what, candidate, *arguments):
            judged = ab.judge(candidate, *arguments)
            lines.append(line_of(what, judged, ab.seconds))
            print(lines[-1], flush=True)
            return judged

        for i in range(options.comparisons):
            judged = compare(f"itself, {i + 1}", options.qbench)
            wrong += [f"comparison {i + 1} with itself: {m} is worse" for m, j in judged.items() if j["verdict"] == "worse"]
        cases = (("slowed by 20 %", 0.2, (), "worse"), ("slowed by 8 %", 0.08, (), "unclear"),
                 ("slowed by 8 %, --delta 3%", 0.08, ("--delta", "3%", "--pairs", str(options.pairs_slow)), "worse"))
        for what, ratio, arguments, expected in cases:
            found = compare(what, ab.slowed(ratio), *arguments)["decode_tok_per_s"]["verdict"]
            if found != expected:
                wrong.append(f"{what}: {found}, expected {expected}")
    if options.markdown:
        options.markdown.write_text("\n".join(lines) + "\n")
    print("\n".join(wrong) or f"none of {options.comparisons} comparisons with itself is worse, and the slowed ones are judged as they should be")
    sys.exit(1 if wrong else 0)


main()
