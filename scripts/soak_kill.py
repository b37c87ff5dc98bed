#!/usr/bin/env python3
"""Kills `qbench run` at random moments with SIGKILL, SIGTERM or SIGINT, resumes it, and checks that nothing measured was lost.

After every kill each line of samples.jsonl but a torn last one is valid JSON; after the last resume the run is complete and its summary
has every cell. The model is a small synthetic one, described by a catalogue made here."""
import argparse
import csv
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SIGNALS = [signal.SIGKILL, signal.SIGTERM, signal.SIGINT]


def samples_of(folder):
    path = folder / "samples.jsonl"
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")
    return [json.loads(line) for line in lines[:-1] if line]


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--qbench", required=True)
    options.add_argument("--seconds", type=int, default=120)
    options.add_argument("--seed", type=int, default=1)
    args = options.parse_args()
    rng = random.Random(args.seed)
    base = [os.path.abspath(args.qbench), "run", "--models", "synthetic:SmolLM2-135M-Instruct", "--precision", "q8_0", "--suite", "smoke",
            "--pass", "speed", "--repetitions", "3", "--threads", "2"]
    rounds = kills = 0
    deadline = time.monotonic() + args.seconds
    while rounds == 0 or time.monotonic() < deadline:
        work = pathlib.Path(tempfile.mkdtemp(prefix="qbench-soak-"))
        seen = 0
        command = base + ["--output-dir", str(work)]
        for _ in range(20):
            started = time.monotonic()
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            try:
                process.wait(timeout=rng.uniform(0.2, 8.0) if kills % 7 != 6 else 300)
            except subprocess.TimeoutExpired:
                process.send_signal(rng.choice(SIGNALS))
                process.wait(timeout=60)
                kills += 1
            folders = [p for p in work.iterdir() if p.is_dir()]
            if process.returncode == 0:
                break
            if process.returncode not in (-9, 130, 143):
                sys.exit(f"exit {process.returncode} after {time.monotonic() - started:.1f} s: {process.stderr.read()}")
            if folders:
                samples = samples_of(folders[0])
                if len(samples) < seen:
                    sys.exit(f"{folders[0]}: had {seen} samples, now {len(samples)}")
                seen = len(samples)
                command = [base[0], "run", "--resume", str(folders[0])]
        else:
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        folder = next(p for p in work.iterdir() if p.is_dir())
        rows = list(csv.DictReader(open(folder / "summary.csv", newline="")))
        if not rows or any(row["status"] != "ok" for row in rows):
            sys.exit(f"{folder}: summary.csv is incomplete: {[row.get('status') for row in rows]}")
        shutil.rmtree(work)
        rounds += 1
    print(f"soak_kill.py: {rounds} runs finished after {kills} kills; no sample was lost")


main()
