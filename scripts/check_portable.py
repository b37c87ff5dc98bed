#!/usr/bin/env python3
"""Fails when a built qbench could not be copied to another machine: of shared libraries it may need glibc alone, and what else it names must lie
beside it, where its run path $ORIGIN looks.

  scripts/check_portable.py build/release/qbench"""
import pathlib
import re
import subprocess
import sys

GLIBC = re.compile(r"^(libc|libm|libdl|librt|libpthread|ld-linux-x86-64)\.so\.\d+$")


def main():
    binary = pathlib.Path(sys.argv[1])
    dynamic = subprocess.run(["readelf", "-dW", binary], capture_output=True, text=True, check=True).stdout
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)
    paths = re.findall(r"\((?:RUNPATH|RPATH)\).*\[(.*)\]", dynamic)
    wrong = [f"needs {name}, which is neither glibc's nor beside it" for name in needed
             if not GLIBC.match(name) and not (binary.parent / name).exists()]
    if not needed:
        wrong.append("names no shared library at all: not a dynamic program?")
    if paths != ["$ORIGIN"]:
        wrong.append(f"its run path is {paths}, not $ORIGIN alone")
    for line in wrong:
        print(f"{binary}: {line}")
    print(f"{binary}: {', '.join(needed)}")
    sys.exit(1 if wrong else 0)


main()
