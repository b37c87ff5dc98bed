#!/usr/bin/env python3
"""Compares chat templates as qbench renders them with transformers' own environment.

For every template and every case: equal (same text, or both refuse), refused (only we refuse, with a message) or different (another text, or
a text where jinja2 raises). Differences are the failure: exit status 1. Needs Python with transformers and jinja2.

  check_templates.py --command 'build/release/qbench render' --templates DIR [--renderings ../shared/data/renderings.json] [--min-equal 0.6]

The command gets `--template F --variables V.json` and prints the text and nothing else. The cases are the distinct variables of the renderings
file. Templates that ask for the date see the real clock on both sides.
"""
import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

from transformers.utils import chat_template_utils


def compile_template(source):
    compiler = chat_template_utils._cached_compile_jinja_template
    return getattr(compiler, "__wrapped__", compiler)(source)


def distinct_cases(renderings):
    seen, cases = set(), []
    for record in renderings:
        key = json.dumps(record["variables"], sort_keys=False)
        if key not in seen:
            seen.add(key)
            cases.append((record["case"], record["variables"]))
    return cases


def expected_of(source, variables):
    try:
        return compile_template(source).render(**json.loads(json.dumps(variables))), None
    except Exception as error:  # whatever the template or jinja2 raises
        return None, f"{type(error).__name__}: {error}"


def actual_of(command, template, variables_file):
    env = dict(os.environ, TZ="UTC")
    done = subprocess.run(command + ["--template", str(template), "--variables", variables_file], capture_output=True, env=env)
    if done.returncode == 0:
        return done.stdout.decode("utf-8", "replace"), None
    if done.returncode == 2:
        return None, done.stderr.decode("utf-8", "replace").strip()
    return f"<exit {done.returncode}>", done.stderr.decode("utf-8", "replace")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--command", required=True)
    parser.add_argument("--templates", required=True, type=pathlib.Path, nargs="+", help="folders with *.jinja, or files")
    parser.add_argument("--renderings", type=pathlib.Path, default=pathlib.Path(__file__).parent / "../../shared/data/renderings.json")
    parser.add_argument("--min-equal", type=float, default=0.6)
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    os.environ["TZ"] = "UTC"
    command = shlex.split(args.command)
    cases = distinct_cases(json.loads(args.renderings.read_text()))
    templates = [f for t in args.templates for f in (sorted(t.rglob("*.jinja")) if t.is_dir() else [t])]
    totals, reasons, different = collections.Counter(), collections.Counter(), []
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(2) as pool:
        files = []
        for number, (_, variables) in enumerate(cases):
            files.append(os.path.join(folder, f"{number}.json"))
            pathlib.Path(files[-1]).write_text(json.dumps(variables, ensure_ascii=False))
        for template in templates:
            source = template.read_text()
            ours = list(pool.map(lambda f: actual_of(command, template, f), files))
            local = collections.Counter()
            for (name, variables), (text, error) in zip(cases, ours):
                expected, wanted_error = expected_of(source, variables)
                if text is None and expected is None:
                    outcome = "equal, both refuse"
                elif text is None:
                    outcome = "refused"
                    reasons[f"{template.name}: {error}"] += 1
                elif text == expected:
                    outcome = "equal"
                else:
                    outcome = "different"
                    different.append((template.name, name, wanted_error or expected, text))
                totals[outcome] += 1
                local[outcome] += 1
            if args.verbose or local["different"] or local["refused"]:
                print(f"{template.name}: {dict(local)}")
    for reason, count in reasons.most_common():
        print(f"refused {count}x: {reason}")
    for template, case, expected, text in different[:20]:
        print(f"DIFFERENT {template} / {case}\n  expected {expected!r}\n  got      {text!r}")
    total = sum(totals.values())
    equal = totals["equal"] + totals["equal, both refuse"]
    print(f"{len(templates)} templates x {len(cases)} cases = {total} renderings: {equal} equal ({equal / total:.1%}; "
          f"{totals['equal, both refuse']} of them refused by both), {totals['refused']} refused by us alone, {totals['different']} different")
    sys.exit(0 if not different and equal / total >= args.min_equal else 1)


if __name__ == "__main__":
    main()
