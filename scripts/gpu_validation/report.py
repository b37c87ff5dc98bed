"""The report of gpu_validate.py: rows by step, goals judged, kept and merged over several runs in one folder."""
import datetime
import json
import re
import sys

STATUSES = ("passed", "failed", "skipped")


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")


def judge(what, reached, least=None, most=None, note="", counts=True):
    """One goal of a step. met is None where the figure means nothing (a dry run)."""
    met = None if not counts else reached >= least if most is None else reached <= most
    return {"value": what, "reached": reached, "at_least": least, "at_most": most, "met": met, "note": note}


class Report:
    """report.json and report.md of a folder. A row stays until its step gives another result: what was skipped replaces no result."""

    def __init__(self, folder, facts, order, goals):
        """order: the steps' names as they are listed; goals: how many goals each of them judges."""
        self.folder, self.facts, self.order, self.goals = folder, facts, order, goals
        self.rows = {row["step"]: row for row in read_rows(folder / "report.json", facts)}
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, row):
        old = self.rows.get(row["step"])
        if row["status"] != "skipped" or old is None or old["status"] == "skipped":
            self.rows[row["step"]] = row
        self.write()

    def passed_before(self, step, binary):
        row = self.rows.get(step)
        return row is not None and row["status"] == "passed" and row.get("binary") == binary

    def listed(self):
        known = [self.rows[name] for name in self.order if name in self.rows]
        return known + [row for name, row in self.rows.items() if name not in self.order]

    def counts(self):
        return count(self.listed(), self.goals)

    def write(self):
        document = {"facts": self.facts, "counts": self.counts(), "steps": self.listed()}
        write(self.folder / "report.json", json.dumps(document, indent=1) + "\n")
        write(self.folder / "report.md", markdown(self.facts, self.counts(), self.listed()))


def read_rows(path, facts):
    """The rows of a report that is there; the program ends where they cannot be merged with what is measured now."""
    if not path.is_file():
        return []
    try:
        old = json.loads(path.read_text())
        rows = old["steps"]
        other = (old["facts"]["gpu"], bool(old["facts"]["dry_run"]))
        for row in rows:
            if not isinstance(row["step"], str) or row["status"] not in STATUSES or not isinstance(row["values"], dict):
                raise ValueError(f"row {row['step']!r} is of another form")
            row.setdefault("goals", [])
            row.setdefault("detail", "")
            row.setdefault("seconds", None)
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        sys.exit(f"gpu-validate.sh: {path} is no report that can be merged with ({type(e).__name__}: {e}); move it away or name another folder with --out")
    mine = (facts["gpu"], bool(facts["dry_run"]))
    if other != mine:
        named = ["{}{}".format(gpu, ", a dry run" if dry else "") for gpu, dry in (other, mine)]
        sys.exit(f"gpu-validate.sh: {path} is of {named[0]}, this run of {named[1]}; name another folder with --out")
    return rows


def count(rows, goals):
    """Steps by status; goals met and missed, and those of all steps there are that nothing has judged yet."""
    judged = {row["step"]: sum(goal["met"] is not None for goal in row["goals"]) for row in rows}
    every = [goal["met"] for row in rows for goal in row["goals"]]
    counts = {status: sum(row["status"] == status for row in rows) for status in STATUSES}
    counts |= {"goals_met": every.count(True), "goals_missed": every.count(False),
               "goals_not_judged": sum(max(0, expected - judged.get(step, 0)) for step, expected in goals.items())}
    return counts


def count_line(counts):
    return ("{passed} passed, {failed} failed, {skipped} skipped; goals: {goals_met} met, {goals_missed} missed, {goals_not_judged} not judged").format(**counts)


def write(path, text):
    part = path.with_suffix(path.suffix + ".part")
    part.write_text(text)
    part.replace(path)


def number(value):
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e5 else f"{value:.0f}"
    return str(value)


def goal_text(goal):
    bound = f"at least {number(goal['at_least'])}" if goal["at_least"] is not None else f"at most {number(goal['at_most'])}"
    verdict = {True: "met", False: "MISSED", None: "not judged"}[goal["met"]]
    return f"{verdict}: {goal['value']} {number(goal['reached'])}, {bound}" + (f" ({goal['note']})" if goal["note"] else "")


def cell(text):
    return " ".join(str(text).split()).replace("|", "/")


def markdown(facts, counts, rows):
    lines = [f"# {facts['gpu']}, {facts['started_utc'][:10]}", ""]
    if facts["dry_run"]:
        lines += ["**Dry run: emulated device, tiny models, times of the CPU. No figure here says anything about a GPU.**", ""]
    cuda, build = facts["cuda"], facts["build"]
    products = f"prompts by {cuda.get('products') or 'own kernels'}"
    if not cuda.get("products") and not facts["dry_run"]:
        products += " (no cuBLASLt is found, and the goals of prompts cannot be met without it)"
    lines += [f"Driver {facts['driver'] or '-'} (CUDA {cuda['driver_version'] or '-'}), runtime {cuda['runtime_version'] or '-'}, kernels for sm {cuda['architectures'] or '-'}; "
              f"{products}; host {facts['cpu']}; "
              f"build {build['version']} {build['git_sha'][:12]}. This is the latest run's; each row has its own time and build.", "",
              count_line(counts), "", "| step | status | goal | s | result | when (UTC) | build |", "|---|---|---|---:|---|---|---|"]
    for row in rows:
        values = ", ".join(f"{key} {number(value)}" for key, value in row["values"].items() if value is not None and not isinstance(value, (list, dict)))
        result = "; ".join(filter(None, [cell(row["detail"])[:300], cell(values)]))
        goals = cell("; ".join(map(goal_text, row["goals"])))
        lines.append(f"| {row['step']} | {row['status']} | {goals} | {'' if row['seconds'] is None else row['seconds']} | {result} | "
                     f"{re.sub(r'[+]00:00$', '', row.get('when_utc', ''))} | {row.get('git_sha', '')[:12]}{'+' if row.get('git_dirty') else ''} |")
        for peer in row["values"].get("rows", []):
            lines.append(f"| {row['step']}: {peer['mode']} | | | | " + cell(", ".join(f"{k} {number(v)}" for k, v in peer.items() if k != "mode" and v is not None and not isinstance(v, list))) + " | | |")
    return "\n".join(lines) + "\n"
