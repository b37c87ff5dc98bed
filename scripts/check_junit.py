#!/usr/bin/env python3
"""Reads a junit.xml back with junitparser and prints what it found, one line a suite: name, tests, failures, errors, skipped. Checks the counts
against the cases. With --xsd FILE also validates against a schema by xmllint: the one that Jenkins's xunit plugin uses is junit-10.xsd in
https://github.com/jenkinsci/xunit-plugin, below src/main/resources/org/jenkinsci/plugins/xunit/types/model/xsd. Exit status 1 says what is
wrong, 77 that junitparser is not here."""
import argparse
import subprocess
import sys

NO_READER = 77


def check(path):
    sys.path.append("/usr/lib/python3/dist-packages")  # Debian's package, where python3 is another one; it is pure Python
    import junitparser
    problems = []
    suites = list(junitparser.JUnitXml.fromfile(path))
    for suite in suites:
        cases = list(suite)
        found = {"failures": 0, "errors": 0, "skipped": 0}
        for case in cases:
            if not case.name or not case.classname:
                problems.append(f"{suite.name}: a case without name or class")
            for result in case.result:
                found[{"Failure": "failures", "Error": "errors", "Skipped": "skipped"}[type(result).__name__]] += 1
                if not result.type:
                    problems.append(f"{case.name}: a result without a type")
                if type(result) is junitparser.Failure and not (result.message and "baseline" in (result.text or "")):
                    problems.append(f"{case.name}: a failure without message or numbers")
            if not case.system_out and not case.result:
                problems.append(f"{case.name}: passes and shows no value")
        if len({(case.classname, case.name) for case in cases}) != len(cases):
            problems.append(f"{suite.name}: two cases of one name")
        if (suite.tests, suite.failures, suite.errors, suite.skipped) != (len(cases), *found.values()):
            problems.append(f"{suite.name}: says {suite.tests} tests, {suite.failures} failures, {suite.errors} errors, {suite.skipped} skipped; has {len(cases)} and {found}")
        print(f"{suite.name}: {suite.tests} tests, {suite.failures} failures, {suite.errors} errors, {suite.skipped} skipped, {sum(1 for _ in suite.properties())} properties")
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--xsd")
    arguments = parser.parse_args()
    if arguments.xsd:
        done = subprocess.run(["xmllint", "--noout", "--schema", arguments.xsd, arguments.file])
        if done.returncode != 0:
            sys.exit(1)
    try:
        problems = check(arguments.file)
    except ModuleNotFoundError:
        print("no junitparser here (scripts/setup.sh --reports installs it)")
        sys.exit(NO_READER)
    for problem in problems:
        print("wrong: " + problem)
    sys.exit(1 if problems else 0)


main()
