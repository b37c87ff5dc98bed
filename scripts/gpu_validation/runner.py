"""Programs under time limits, steps that end alone, and what there is to run on: the ground that checks and measurements of gpu_validate.py stand on."""
import atexit
import datetime
import hashlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time

from gpu_validation import report

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BLAS = ("libcublasLt.so.13", "libcublasLt.so.12")


class Step(Exception):
    """A step that did not pass; the text is the reason."""


class Skip(Exception):
    """A step that could not run here; the text is the reason."""


class Runner:
    def __init__(self, options):
        self.o = options
        self.end = time.monotonic() + options.budget
        self.ran = {}     # rows of this run, by step
        self.limits = {}
        self.facts = {}
        self.report = None
        self.row = None   # of the step that runs
        self.bin = unpacked(options.bin) if options.bin.is_file() else options.bin
        self.qbench = self.program("qbench")
        if self.qbench is None:
            sys.exit(f"gpu-validate.sh: no qbench below {options.bin}; build it, or name another folder or archive with --bin")
        self.binary = hashlib.sha256(self.qbench.read_bytes()).hexdigest()[:16]
        self.environment = dict(os.environ, QBENCH_SOURCE_DIR=str(ROOT), QBENCH_DATA_DIR=str(ROOT))
        if self.bin != options.bin:
            self.search_libraries(self.bin)  # that an archive brought
        self.device = options.device
        if self.device.startswith("cuda:"):
            self.show_only(int(self.device[5:]))
        self.bench_device = "cpu" if options.dry_run else self.device

    def show_only(self, index):
        """Programs that know no number of a GPU see the chosen one alone; to all of them it is the first."""
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        if visible is not None and index >= len(visible.split(",")):
            sys.exit(f"gpu-validate.sh: --device {self.device}: CUDA_VISIBLE_DEVICES is '{visible}'")
        self.environment["CUDA_VISIBLE_DEVICES"] = str(index) if visible is None else visible.split(",")[index].strip()
        self.device = "cuda:0"

    def search_libraries(self, folder):
        self.environment["LD_LIBRARY_PATH"] = ":".join(filter(None, [str(folder), self.environment.get("LD_LIBRARY_PATH")]))

    def program(self, name):
        found = [self.bin / name, *sorted(self.bin.rglob(name))]
        return next((p.resolve() for p in found if p.is_file() and os.access(p, os.X_OK)), None)

    def call(self, *command, limit, environment=None):
        """The finished process; Step when it takes longer than the limit, Skip when than the budget."""
        left = self.end - time.monotonic()
        words = " ".join(map(str, command))
        if left <= 0:
            raise Skip(f"the budget ran out before {words}")
        try:
            process = subprocess.Popen([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", cwd=ROOT,
                                       env=environment or self.environment, start_new_session=True)
        except OSError as e:
            raise Step(f"cannot run {command[0]}: {e.strerror}") from e
        try:
            out, err = process.communicate(timeout=min(limit, left))
        except BaseException as e:  # a time limit, an interruption: nothing of it goes on
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            if not isinstance(e, subprocess.TimeoutExpired):
                raise
            if left < limit:
                raise Skip(f"the budget ran out after {left:.0f} s of {words}") from e
            raise Step(f"stopped after {limit:.0f} s: {words}") from e
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def run(self, *command, limit, environment=None):
        """Standard output; Step with the last words when it fails."""
        done = self.call(*command, limit=limit, environment=environment)
        if done.returncode:
            raise Step(f"exit {done.returncode}: {(done.stdout[-1500:] + done.stderr[-1500:]).strip()}")
        return done.stdout

    def step(self, name, seconds, work):
        """Runs the work when about so many seconds are left; records and writes the report either way. Work fills self.row's values and goals."""
        left = self.end - time.monotonic()
        row = {"step": name, "status": "passed", "seconds": None, "detail": "", "values": {}, "goals": [], "when_utc": report.now(), "binary": self.binary}
        self.row = row
        start = time.monotonic()
        if left < seconds:
            row.update(status="skipped", detail=f"takes about {seconds} s, {max(0, left):.0f} s of the budget are left")
        else:
            print(f"gpu-validate: {name} ({left:.0f} s left)", flush=True)
            try:
                work()
            except Skip as e:
                row.update(status="skipped", detail=str(e))
            except Step as e:
                row.update(status="failed", detail=str(e))
            except Exception as e:  # an answer of another form than expected ends its step alone
                row.update(status="failed", detail=f"unexpected: {type(e).__name__}: {e}")
            row["seconds"] = round(time.monotonic() - start, 1)
        build = self.facts.get("build", {})
        row.update(git_sha=build.get("git_sha") or "", git_dirty=bool(build.get("git_dirty")))
        if row["status"] != "passed":
            print(f"gpu-validate: [{row['status']}] {name}: {row['detail'].splitlines()[-1] if row['detail'] else ''}", flush=True)
        for goal in row["goals"]:
            if goal["met"] is False:
                print(f"gpu-validate: [goal] {name}: {report.goal_text(goal)}", flush=True)
        self.ran[name] = row
        if self.report is not None:
            self.report.add(row)

    def judge(self, what, reached, least=None, most=None, note=""):
        self.row["goals"].append(report.judge(what, reached, least=least, most=most, note=note, counts=not self.o.dry_run))

    def limit_of(self, name):
        """A measured limit; without it a goal cannot be judged, and the step has not passed."""
        if not self.limits.get(name):
            raise Step(f"the goal cannot be judged: no {name} was measured in this run (step limits: {self.ran.get('limits', {}).get('detail') or 'no such figure'})")
        self.row["values"][f"limit_{name}"] = self.limits[name]
        return self.limits[name]

    # --- what is there

    def read_facts(self):
        doctor = json.loads(self.run(self.qbench, "doctor", "--json", limit=120))
        if not self.o.dry_run and not doctor["cuda"].get("products") and self.find_blas():
            doctor = json.loads(self.run(self.qbench, "doctor", "--json", limit=120))
        cuda = doctor["cuda"]
        real = self.device != "cuda-emulated"
        if real and not cuda["devices"]:
            raise Step(cuda["missing"] or "no GPU")
        if real and cuda["devices"][0].get("missing"):
            raise Step(cuda["devices"][0]["missing"])
        gpu = "dry-run" if self.o.dry_run else cuda["devices"][0]["name"] if real else self.device
        self.facts = {"gpu": gpu, "cuda": cuda, "cpu": doctor["cpu"]["model"], "driver": doctor["gpu"]["driver"], "build": doctor["build"],
                      "device": self.o.device, "dry_run": self.o.dry_run, "started_utc": report.now()}
        self.row["values"].update(gpu=gpu, driver=self.facts["driver"], products=cuda.get("products"))

    def find_blas(self):
        """Puts a folder with cuBLASLt into the loader's search, where it looks in no such folder itself. Whether one was found."""
        packages = self.call(self.o.python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])", limit=60).stdout.strip()
        places = [*ROOT.glob(".cache/cuda/nvidia/cu*/lib"), *pathlib.Path("/usr/local").glob("cuda*/lib64")]
        if packages:
            places += [*pathlib.Path(packages).glob("nvidia/cu*/lib")]
        found = next((p for p in places if any((p / name).is_file() for name in BLAS)), None)
        if found is not None:
            self.search_libraries(found)
        return found is not None

    def open_report(self, plan):
        folder = self.o.out
        if folder is None and self.o.dry_run:
            folder = ROOT / "build" / "gpu-validate-dry-run"
        if folder is None:
            slug = re.sub(r"[^a-z0-9]+", "-", self.facts["gpu"].lower().replace("nvidia", "")).strip("-")
            folder = ROOT / "results" / "measured" / f"{slug}-{datetime.date.today().isoformat()}"
        self.report = report.Report(folder, self.facts, ["facts", *(p.name for p in plan)], {p.name: p.goals for p in plan})
        self.report.add(self.ran["facts"])


def unpacked(archive):
    """Folder with the programs of an archive of scripts/carry.sh, for as long as this process lives."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="qbench-programs-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                if member.isfile():
                    path = folder / pathlib.PurePath(member.name).name
                    with tar.extractfile(member) as data, open(path, "wb") as out:
                        shutil.copyfileobj(data, out)
                    path.chmod(0o755)
    except (tarfile.TarError, OSError, EOFError) as e:
        sys.exit(f"gpu-validate.sh: --bin {archive}: neither a folder nor an archive of programs: {e}")
    return folder
