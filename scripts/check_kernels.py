#!/usr/bin/env python3
"""Fails when a CUDA kernel has no test of its own: every launcher that kernels/cuda declares must be called in tests/unit/kernels_cuda, and every
kernel must be started by a launcher. A kernel that is only run as a part of the backend's tests is told wrong too late.

  scripts/check_kernels.py [--list]"""
import argparse
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
KERNELS = ROOT / "kernels" / "cuda"
TESTS = ROOT / "tests" / "unit" / "kernels_cuda"


def without_comments(text):
    return re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.S)


def kernels_of(text):
    """Names of the kernels that a source defines."""
    return set(re.findall(r"QB_KERNEL\s+(?:QB_LAUNCH_BOUNDS\([^)]*\)\s*)?(\w+)\s*\(", text))


def launchers_of(text):
    """Public functions that take a stream, in a header."""
    return set(re.findall(r"^void (\w+)\([^;]*Stream& stream\);", text, flags=re.M))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true", help="print kernels and launchers")
    options = parser.parse_args()
    tests = without_comments("\n".join(path.read_text() for path in sorted(TESTS.glob("*_op_test.cpp"))))
    problems, kernels, launchers = [], set(), set()
    for source in sorted(KERNELS.glob("*.cu")):
        text = without_comments(source.read_text())
        defined = kernels_of(text)
        kernels |= defined
        for kernel in sorted(defined):
            if not re.search(rf"launch\((?:[^;]*[(\s]){kernel}\b", text):
                problems.append(f"{source.relative_to(ROOT)}: nothing launches {kernel}")
        header = source.with_suffix(".h")
        declared = launchers_of(without_comments(header.read_text())) if defined and header.exists() else set()
        if defined and not declared:
            problems.append(f"{source.relative_to(ROOT)}: {header.name} declares no launcher")
        launchers |= declared
        for launcher in sorted(declared):
            if not re.search(rf"\b{launcher}\(", tests):
                problems.append(f"{header.relative_to(ROOT)}: no test in {TESTS.relative_to(ROOT)}/*_op_test.cpp calls {launcher}()")
    if options.list:
        print("kernels:", " ".join(sorted(kernels)))
        print("launchers:", " ".join(sorted(launchers)))
    for problem in problems:
        print(f"check_kernels.py: {problem}", file=sys.stderr)
    print(f"{len(kernels)} kernels, {len(launchers)} launchers, {len(problems)} problems")
    sys.exit(1 if problems or not kernels else 0)


main()
