"""Runs the tests that an answer brings along under coverage and prints one JSON object: what ran, what passed, which lines were reached.

The answer runs in this very process tree, so the figures are the answer's own word; nothing is passed or failed by them.
Usage: coverage_run.py ROOT FILE...   (writes only below the working folder)
"""
import json
import os
import shutil
import subprocess
import sys

ALIAS = '''
import importlib.util, os, sys

class _Alias:
    """A module that the tests import by a name that no file has is the answer's one file without tests."""
    def __init__(self, path):
        self.path = path
    def find_spec(self, name, path=None, target=None):
        if "." in name or not self.path:
            return None
        return importlib.util.spec_from_file_location(name, self.path)

sys.meta_path.append(_Alias(os.environ.get("QB_MAIN_FILE", "")))
'''


def main():
    root, names = sys.argv[1], sys.argv[2:]
    work = os.path.join(os.getcwd(), "answer")
    for name in names:
        target = os.path.join(work, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copyfile(os.path.join(root, name), target)
    facts = json.loads(sys.stdin.read())
    with open(os.path.join(work, "conftest_alias.py"), "w") as file:
        file.write(ALIAS)
    main_file = facts["main_file"]
    environment = dict(os.environ, PYTHONPATH=work, PYTHONDONTWRITEBYTECODE="1", QB_MAIN_FILE=os.path.join(work, main_file) if main_file else "", COVERAGE_FILE=os.path.join(os.getcwd(), "data"))
    tests = [os.path.join(work, name) for name in facts["test_files"]]
    command = [sys.executable, "-B", "-m", "coverage", "run", f"--source={work}", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "conftest_alias", "--import-mode=importlib",
               "-o", "python_files=*.py", "-o", "asyncio_mode=auto", "--no-header", "--tb=line", *tests]
    run = subprocess.run(command, cwd=work, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = run.stdout.decode("utf-8", "replace")
    report = os.path.join(os.getcwd(), "coverage.json")
    made = subprocess.run([sys.executable, "-B", "-m", "coverage", "json", "-q", "-i", "-o", report], cwd=work, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    files = {}
    if made.returncode == 0:
        with open(report) as file:
            for path, one in json.load(file)["files"].items():
                files[os.path.relpath(os.path.join(work, path), work)] = {"executed": one["executed_lines"], "missing": one["missing_lines"]}
    counts = count(text)
    import coverage
    import pytest
    json.dump({"exit": run.returncode, "files": files, "tool": coverage.__version__, "pytest": pytest.__version__, "last": last_line(text), **counts}, sys.stdout)


def count(text):
    """`3 passed, 1 failed, 2 errors in 0.1s`, wherever the last such line is."""
    import re
    found = {"passed": 0, "failed": 0, "errors": 0}
    for line in reversed(text.splitlines()):
        pairs = re.findall(r"(\d+) (passed|failed|errors?)\b", line)
        if pairs:
            for number, word in pairs:
                found["errors" if word.startswith("error") else word] = int(number)
            break
    return found


def last_line(text):
    lines = [line for line in text.splitlines() if line.strip()]
    wanted = [line for line in lines if "Error" in line or "FAILED" in line]
    return (wanted or lines or [""])[-1][:200]


main()
