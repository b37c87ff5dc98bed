#!/usr/bin/env python3
"""Opens a report.html in headless Chromium, offline, and checks it: no console message, no request beside the file itself, every chart drawn, tables
sort in both directions, the summary's numbers are those of summary.csv. Exit status 1 says what is wrong, 77 that there is no Chromium.

  scripts/check_page.py results/RUN/report.html --csv results/RUN/summary.csv
  scripts/check_page.py results/RUN/report.html --screenshot page.png --width 390 --dark

Needs nothing but Python: it speaks the DevTools protocol over a pipe."""
import argparse
import base64
import csv
import json
import os
import pathlib
import select
import shutil
import subprocess
import sys
import tempfile
import time

NO_BROWSER = 77


class Browser:
    """A Chromium with one tab, driven through file descriptors 3 and 4. Keeps every message that the page caused."""

    def __init__(self, program):
        self.folder = tempfile.TemporaryDirectory(prefix="check_page")
        command_read, self.command = os.pipe()
        self.answer, answer_write = os.pipe()
        flags = ["--headless", "--disable-gpu", "--no-first-run", "--no-default-browser-check", "--disable-extensions", "--disable-background-networking",
                 "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe",
                 f"--user-data-dir={self.folder.name}"]
        if os.geteuid() == 0:
            flags.append("--no-sandbox")  # Chromium's own refuses to run as root; the page is this project's

        def wire():
            # Through high numbers: a pipe may itself be 3 or 4.
            os.dup2(command_read, 100)
            os.dup2(answer_write, 101)
            os.dup2(100, 3)
            os.dup2(101, 4)

        self.process = subprocess.Popen([program, *flags, "about:blank"], preexec_fn=wire, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(command_read)
        os.close(answer_write)
        self.buffer, self.next_id, self.events, self.session = b"", 1, [], None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Runtime", "Log", "Network", "Page"):
            self.call(f"{domain}.enable")

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.command)
        os.close(self.answer)
        shutil.rmtree(self.folder.name, ignore_errors=True)

    def receive(self, deadline):
        while b"\0" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.answer], [], [], left)[0]:
                raise TimeoutError("Chromium does not answer")
            piece = os.read(self.answer, 1 << 20)
            if not piece:
                raise RuntimeError("Chromium has ended")
            self.buffer += piece
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, timeout_s=120, **parameters):
        message = {"id": self.next_id, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.command, data):]
        deadline = time.monotonic() + timeout_s
        self.next_id += 1
        while True:
            answer = self.receive(deadline)
            if answer.get("id") == message["id"]:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self.events.append(answer)

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise RuntimeError(details.get("exception", {}).get("description", details["text"]))
        return result["result"].get("value")

    def open(self, path, width, height, dark):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.call("Page.navigate", url=path.resolve().as_uri())
        for tries in range(600):
            if self.evaluate("document.documentElement?.dataset.ready || ''") == "true":
                return
            if tries > 20 and self.complaints():
                break
            time.sleep(0.1)
        raise RuntimeError("the page's script did not come to its end" + "".join("\n  " + line for line in self.complaints()))

    def complaints(self):
        """Console messages, exceptions, entries of the log (policy violations) and requests beside the page."""
        found = []
        for event in self.events:
            method, what = event.get("method"), event.get("params", {})
            if method == "Runtime.consoleAPICalled":
                found.append("console: " + " ".join(str(a.get("value", a.get("description"))) for a in what["args"]))
            elif method == "Runtime.exceptionThrown":
                found.append("exception: " + what["exceptionDetails"].get("exception", {}).get("description", what["exceptionDetails"]["text"]))
            elif method == "Log.entryAdded":
                found.append("log: " + what["entry"]["text"])
            elif method == "Network.requestWillBeSent" and not what["request"]["url"].startswith(("file:", "data:", "about:")):
                found.append("request: " + what["request"]["url"])
        return found


TABLE = """(() => {
  const table = document.getElementById('summary-table');
  return {columns: [...table.tHead.rows[0].cells].map((c) => c.dataset.column),
          rows: [...table.tBodies[0].rows].map((r) => [...r.cells].map((c) => c.dataset.value !== undefined ? c.dataset.value : c.textContent.trim())),
          shown: [...table.tBodies[0].rows].map((r) => [...r.cells].map((c) => c.textContent.trim()))};
})()"""


def prompt_of(row):
    return row["prompt_id"] + (f", turn {row['turn']}" if row["turn"] != "1" else "")


def plain_number(text):
    """The number that a cell shows, or None for a dash or bytes in other units."""
    try:
        return float(text)
    except ValueError:
        return None


def check_numbers(table, csv_path, problems):
    with open(csv_path, newline="") as file:
        rows = list(csv.DictReader(file))
    if len(rows) != len(table["rows"]):
        problems.append(f"{len(table['rows'])} rows in the page, {len(rows)} in {csv_path}")
        return 0
    checked = 0
    for page, shown, row in zip(table["rows"], table["shown"], rows):
        for column, value, text in zip(table["columns"], page, shown):
            expected = prompt_of(row) if column == "prompt" else row.get({"device": "device_effective"}.get(column, column))
            checked += 1
            if expected is None:
                problems.append(f"summary.csv has no column {column}")
            elif " ".join(value.split()) != " ".join(expected.split()):
                problems.append(f"{row['model']} {row['prompt_id']}: {column} is '{value}' in the page and '{expected}' in summary.csv")
            elif plain_number(text) is not None and plain_number(value) is not None and abs(float(text) - float(value)) > 1e-3 * abs(float(value)):
                problems.append(f"{row['model']} {row['prompt_id']}: {column} shows '{text}' and is {value}")
            elif text == "\u2013" and value:
                problems.append(f"{row['model']} {row['prompt_id']}: {column} shows nothing and is {value}")
    return checked


def check_sort(browser, column, problems):
    """Clicks a numeric column twice: rising, then falling, what is missing at the end both times, no row lost."""
    before = browser.evaluate(TABLE)
    at = before["columns"].index(column)
    for direction in ("ascending", "descending"):
        browser.evaluate(f"document.querySelector('#summary-table th[data-column=\"{column}\"] button').click()")
        table = browser.evaluate(TABLE)
        values = [row[at] for row in table["rows"]]
        known = [float(value) for value in values if value]
        if known != sorted(known, reverse=direction == "descending") or "" in values[:len(known)]:
            problems.append(f"{column} is not sorted {direction}: {values}")
        if sorted(map(tuple, table["rows"])) != sorted(map(tuple, before["rows"])):
            problems.append(f"sorting by {column} changed the rows")
        state = browser.evaluate(f"document.querySelector('#summary-table th[data-column=\"{column}\"]').getAttribute('aria-sort')")
        if state != direction:
            problems.append(f"{column}: aria-sort is {state}")


def check_charts(browser, problems):
    """Every canvas that is shown has something on it; for every prompt, metric and series that can be chosen."""
    drawn = """[...document.querySelectorAll('canvas')].filter((c) => c.offsetParent !== null).map((c) => {
      const blank = document.createElement('canvas');
      blank.width = c.width; blank.height = c.height;
      return [c.id, c.width > 0 && c.height > 0 && c.toDataURL() !== blank.toDataURL()];
    })"""
    for canvas, something in browser.evaluate(drawn):
        if not something:
            problems.append(f"{canvas} is empty")
    choose = """(async () => {
      for (const id of ['group', 'metric', 'series', 'row', 'ratio-metric']) {
        const select = document.getElementById(id);
        if (!select) continue;
        const chosen = select.value;
        for (const option of [...select.options]) { select.value = option.value; select.dispatchEvent(new Event('change')); }
        select.value = chosen; select.dispatchEvent(new Event('change'));
      }
      document.getElementById('theme').click(); document.getElementById('theme').click();
    })()"""
    browser.evaluate(choose)
    return len(browser.evaluate(drawn))


def check_tables(browser, problems):
    """Every column of every table sorts without losing a row; a filter shows what it says."""
    lost = browser.evaluate("""[...document.querySelectorAll('table.sortable')].filter((table) => {
      const rows = [...table.tBodies[0].rows].map((r) => r.textContent).sort().join('|');
      for (const button of table.querySelectorAll('thead button')) { button.click(); button.click(); }
      return rows !== [...table.tBodies[0].rows].map((r) => r.textContent).sort().join('|');
    }).map((table) => table.id)""")
    wrong = browser.evaluate("""[...document.querySelectorAll('select.filter')].filter((select) => {
      const rows = [...document.getElementById(select.dataset.table).tBodies[0].rows];
      const bad = [...select.options].some((option) => {
        select.value = option.value; select.dispatchEvent(new Event('change'));
        return rows.filter((r) => !r.hidden).length !== rows.filter((r) => option.value === '' || r.dataset.verdict === option.value).length;
      });
      select.value = ''; select.dispatchEvent(new Event('change'));
      return bad;
    }).map((select) => select.dataset.table)""")
    problems.extend(f"sorting lost rows of {name}" for name in lost)
    problems.extend(f"the filter of {name} shows other rows" for name in wrong)


def check(browser, arguments, problems):
    wide = browser.evaluate("document.documentElement.scrollWidth")
    if wide > arguments.width:
        problems.append(f"the page is {wide} px wide, the window {arguments.width}")
    said = []
    if browser.evaluate("document.getElementById('summary-table') !== null"):
        table = browser.evaluate(TABLE)
        if arguments.csv:
            said.append(f"{check_numbers(table, arguments.csv, problems)} cells compared with summary.csv")
        for column in arguments.sort:
            check_sort(browser, column, problems)
    check_tables(browser, problems)
    charts = check_charts(browser, problems)
    said.append(f"{charts} charts")
    if arguments.charts is not None and charts != arguments.charts:
        problems.append(f"{charts} charts are shown, not {arguments.charts}")
    if arguments.expect and arguments.expect not in browser.evaluate("document.body.textContent"):
        problems.append(f"the page does not show '{arguments.expect}'")
    for name in arguments.absent:
        if browser.evaluate(f"typeof window[{json.dumps(name)}] !== 'undefined'"):
            problems.append(f"a text of the page ran as script: window.{name} is set")
    problems.extend(browser.complaints())
    return said


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=pathlib.Path)
    parser.add_argument("--csv", help="summary.csv that the page's numbers must be those of")
    parser.add_argument("--sort", action="append", default=[], help="click this column's head twice (default: decode_tok_per_s_median)")
    parser.add_argument("--charts", type=int, help="how many charts must be shown")
    parser.add_argument("--expect", help="text that the page must show")
    parser.add_argument("--absent", action="append", default=[], help="name that no script may have set on window")
    parser.add_argument("--screenshot", type=pathlib.Path, help="write a picture of the whole page")
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=900)
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--open", default="", help="script to run before the picture is taken")
    arguments = parser.parse_args()
    arguments.sort = arguments.sort or ["decode_tok_per_s_median"]
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        print("no Chromium here (scripts/setup.sh --reports installs it)")
        sys.exit(NO_BROWSER)
    browser, problems, said = Browser(program), [], []
    try:
        browser.open(arguments.page, arguments.width, arguments.height, arguments.dark)
        if arguments.screenshot:
            if arguments.open:
                browser.evaluate(arguments.open)
            picture = browser.call("Page.captureScreenshot", captureBeyondViewport=True)
            arguments.screenshot.write_bytes(base64.b64decode(picture["data"]))
        said = check(browser, arguments, problems)
    except (RuntimeError, TimeoutError) as error:
        problems.append(str(error))
    finally:
        browser.close()
    for problem in problems[:40]:
        print("wrong: " + problem)
    print(f"{arguments.page}: " + ("; ".join(said) if not problems else f"{len(problems)} problems"))
    sys.exit(1 if problems else 0)


main()
