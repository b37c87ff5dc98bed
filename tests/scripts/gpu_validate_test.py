#!/usr/bin/env python3
"""scripts/gpu_validate.py with programs that answer what a test says: what it judges, keeps, leaves out and survives."""
import fnmatch
import json
import math
import os
import pathlib
import re
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
import types
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
sys.dont_write_bytecode = True
from gpu_validation import checks, disk, measurements, runner  # noqa: E402

GPU = {"device": "cuda:0", "name": "NVIDIA H200", "missing": ""}
DOCTOR = {"cuda": {"devices": [GPU], "missing": "", "driver_version": "13.0", "runtime_version": "13.0", "architectures": "90a", "products": "cuBLASLt 13.0.2"},
          "cpu": {"model": "a processor"}, "gpu": {"driver": "580.1"}, "build": {"version": "0.1.0", "git_sha": "0123456789abcdef", "git_dirty": False}}
LIMITS = [{"device": "cpu", "read_gbps": 10.0, "matmul_tflops": 1.0}, {"device": "cuda:0", "read_gbps": 4000.0, "matmul_tflops": 800.0}]
# Batch 1 reads 10 GB a token: at 4,000 GB/s the floor is 400 tokens a second.
ROW = {"status": "ok", "tok_per_s_median": 380.0, "tok_per_s_min": 379.0, "tok_per_s_max": 381.0, "samples": [380.0] * 5, "load_ms": 9000.0, "depth": 0,
       "gen_tokens": 128, "decode_read_bytes": 10_000_000_000, "kv_bytes": 0, "context": 1000, "batch": 1, "instruction_sets": "sm_90, prompts by cuBLASLt 13.0.2",
       "paths": "flash, graph", "error": None}
DECODE = "decode qwen2.5-coder-7b-instruct bf16 at 0"
ONE = "7b-instruct bf16 at 0"  # of --steps, for that step


def answers(**changes):
    return {"doctor": DOCTOR, "limits": LIMITS, "bench": ROW, "batch_tok_per_s": 8000.0, **changes}


class Case(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = pathlib.Path(place.name)
        self.bin, self.out = self.place / "bin", self.place / "out"
        self.bin.mkdir()
        self.program("qbench", (HERE / "fake_qbench.py").read_text())

    def program(self, name, text):
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def says(self, name, text, status=0):
        """A program that prints the text, whatever it is asked."""
        return self.program(name, f"#!/usr/bin/env python3\nimport sys\nprint({text!r})\nsys.exit({status})\n")

    def validate(self, *arguments, status=0, environment=None, **changes):
        (self.place / "answers.json").write_text(json.dumps(answers(**changes)))
        self.calls = self.place / "calls"
        self.calls.unlink(missing_ok=True)
        clean = {k: v for k, v in os.environ.items() if k not in ("CUDA_VISIBLE_DEVICES", "QBENCH_DEMO_MODEL", "LD_LIBRARY_PATH")}
        clean |= {"FAKE_ANSWERS": str(self.place / "answers.json"), "FAKE_CALLS": str(self.calls), "PATH": f"{self.bin}:{clean['PATH']}", "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, ROOT / "scripts" / "gpu_validate.py", "--out", self.out, *([] if "--bin" in arguments else ["--bin", self.bin]), *arguments]
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True, env=clean | (environment or {}))
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        return done

    def called(self):
        return [json.loads(line) for line in self.calls.read_text().splitlines()] if self.calls.exists() else []

    def rows(self):
        return {row["step"]: row for row in json.loads((self.out / "report.json").read_text())["steps"]}

    def counts(self):
        return json.loads((self.out / "report.json").read_text())["counts"]


class Goals(Case):
    def test_a_figure_far_below_its_goal_is_missed_in_both_reports_the_counts_and_the_exit_status(self):
        done = self.validate("--steps", ONE, bench=dict(ROW, tok_per_s_median=15.0), status=1)
        row = self.rows()[DECODE]
        self.assertEqual(row["status"], "passed")
        share = next(goal for goal in row["goals"] if goal["value"] == "share_of_floor")
        self.assertAlmostEqual(share["reached"], 0.0375)
        self.assertEqual((share["at_least"], share["met"]), (0.9, False))
        self.assertEqual((self.counts()["goals_met"], self.counts()["goals_missed"]), (1, 1))  # it loaded in time
        self.assertIn("1 missed", done.stdout.splitlines()[-1])
        self.assertIn("MISSED: share_of_floor 0.0375, at least 0.9", (self.out / "report.md").read_text())

    def test_a_figure_that_reaches_its_goal_is_met(self):
        self.validate("--steps", ONE)
        self.assertEqual([goal["met"] for goal in self.rows()[DECODE]["goals"]], [True, True])
        self.assertEqual(self.counts()["goals_not_judged"], 12 * 2 - 2 + 2 + 1 + 1 + 1)

    def test_synthetic_weights_that_load_slowly_miss_their_goal(self):
        self.validate("--steps", ONE, bench=dict(ROW, load_ms=10001.0), status=1)
        self.assertEqual([goal["met"] for goal in self.rows()[DECODE]["goals"]], [False, True])

    def test_without_measured_limits_no_goal_is_judged_and_the_step_has_not_passed(self):
        failed = [LIMITS[0], {"device": "cuda:0", "error": "out of memory", "read_gbps": None, "matmul_tflops": None}]
        for limits in (failed, LIMITS[:1], [dict(LIMITS[1], read_gbps=None)]):
            self.validate("--steps", ONE, limits=limits, status=1)
            self.assertEqual(self.rows()["limits"]["status"], "failed")
            self.assertEqual(self.rows()[DECODE]["status"], "failed")
            self.assertIn("cannot be judged", self.rows()[DECODE]["detail"])
            self.assertEqual(self.rows()[DECODE]["values"]["tok_per_s"], 380.0)

    def test_prompts_without_the_library_miss_and_say_that_they_cannot_do_otherwise(self):
        self.validate("--steps", "prefill qwen2.5", bench=dict(ROW, instruction_sets="sm_90, prompts by own kernels (no libcublasLt.so.13 or .12 found)"), status=1)
        row = self.rows()["prefill qwen2.5-coder-7b-instruct bf16 of 4096"]
        self.assertFalse(row["goals"][0]["met"])
        self.assertIn("no cuBLASLt", row["goals"][0]["note"])
        self.assertIn("own kernels", row["values"]["instruction_sets"])
        self.assertEqual(row["values"]["paths"], "flash, graph")
        self.validate("--steps", "prefill qwen2.5", bench=dict(ROW, tok_per_s_median=60000.0))
        self.assertEqual((self.rows()[row["step"]]["goals"][0]["met"], self.rows()[row["step"]]["goals"][0]["note"]), (True, ""))

    def test_batches_are_judged_by_how_many_times_one_sequence_they_are(self):
        self.validate("--steps", "batch 32")
        self.validate("--steps", "batch 32", batch_tok_per_s=7000.0, status=1)
        self.assertAlmostEqual(self.rows()["batch 32 qwen2.5-coder-7b-instruct bf16"]["goals"][0]["reached"], 7000 / 380)


class Programs(Case):
    SUMMARY = "[doctest] test cases: {0} | {0} passed | 0 failed | 3 skipped\n========= ERROR SUMMARY: 0 errors"

    def one(self, step, status=0):
        self.validate("--steps", step, status=status)
        return next(row for name, row in self.rows().items() if step in name)

    def test_a_sanitizer_under_which_nothing_ran_has_not_passed(self):
        self.says("test_kernels_cuda_device", "")
        for text, code, expected, word in [
                (self.SUMMARY.format(4), 0, "passed", ""),
                (self.SUMMARY.format(0), 0, "failed", "no test case ran"),
                ("[skipped] every case of test: no GPU is visible\n" + self.SUMMARY.format(0), 0, "skipped", "no GPU is visible"),
                ("========= Error: Device not supported. Please refer to the documentation", 1, "skipped", "Device not supported"),
                (self.SUMMARY.format(4).replace("0 errors", "2 errors"), 9, "failed", "2 errors"),
                ("[doctest] test cases: 4 | 4 passed | 0 failed | 0 skipped", 0, "failed", "no summary of compute-sanitizer"),
                ("", 0, "failed", "no summary of its cases")]:
            with self.subTest(text=text):
                self.says("compute-sanitizer", text, code)
                row = self.one("memcheck", status=1 if expected == "failed" else 0)
                self.assertEqual(row["status"], expected)
                self.assertIn(word, row["detail"])
                (self.out / "report.json").unlink()

    def test_device_tests_need_cases_that_ran(self):
        for text, code, expected in [(self.SUMMARY.format(7), 0, "passed"), (self.SUMMARY.format(0), 0, "failed"), ("[skipped] every case of x: no GPU", 0, "skipped"),
                                     ("[doctest] test cases: 2 | 1 passed | 1 failed | 0 skipped", 1, "failed"), ("nothing", 0, "failed")]:
            with self.subTest(text=text):
                self.says("test_kernels_cuda_device", text, code)
                self.assertEqual(self.one("kernels on", status=1 if expected == "failed" else 0)["status"], expected)
                (self.out / "report.json").unlink()

    def test_every_pattern_of_the_sanitizer_names_a_case(self):
        names = [name for path in (ROOT / "tests" / "unit" / "kernels_cuda").glob("*.cpp") for name in re.findall(r'TEST_CASE\("([^"]*)"', path.read_text())]
        for pattern in checks.SANITIZER_CASES.split(","):
            self.assertTrue(fnmatch.filter(names, pattern), pattern)

    def test_the_peer_passes_with_all_its_rows_and_is_judged_by_the_eager_one(self):
        eager, compiled = {"mode": "eager, SDPA", "tok_per_s_median": 100.0}, {"mode": "torch.compile", "tok_per_s_median": 300.0}
        broken = [{"mode": "eager", "error": "RuntimeError: out of memory"}, {"mode": "compile", "error": "RuntimeError: no"}]
        for rows, code, expected, times in [([eager, compiled], 0, "passed", 3.8), ([dict(eager, tok_per_s_median=200.0), compiled], 1, "passed", 1.9),
                                            (broken, 1, "failed", None), ([broken[0], compiled], 1, "failed", None), ([eager, broken[1]], 1, "failed", 3.8), ([], 1, "failed", None)]:
            with self.subTest(rows=rows):
                peer = self.says("peer", json.dumps({"torch": "2", "rows": rows}))
                self.validate("--steps", "peer", "--python", peer, status=code)
                row = self.rows()["peer: transformers"]
                self.assertEqual(row["status"], expected)
                self.assertEqual([goal["reached"] for goal in row["goals"]], [] if times is None else [times])
                self.assertEqual(row["values"]["qbench_tok_per_s"], 380.0)  # measured in the same run
        self.validate("--steps", "peer", "--python", self.says("peer", json.dumps({"missing": "torch is not installed"})))
        self.assertEqual(self.rows()["peer: transformers"]["status"], "failed")  # what was skipped replaces no result


class Merging(Case):
    def test_a_second_run_adds_to_the_report_and_its_rows_carry_their_own_time_and_build(self):
        self.validate("--steps", ONE)
        first = self.rows()[DECODE]
        later = dict(DOCTOR, build=dict(DOCTOR["build"], git_sha="fedcba9876543210", git_dirty=True))
        self.validate("--steps", "batch 32", doctor=later)
        rows = self.rows()
        self.assertEqual(rows[DECODE], first)
        self.assertEqual(rows["batch 32 qwen2.5-coder-7b-instruct bf16"]["git_sha"], "fedcba9876543210")
        self.assertTrue(first["when_utc"])
        self.assertEqual((self.counts()["passed"], self.counts()["goals_met"]), (4, 3))
        self.assertIn("fedcba987654+", (self.out / "report.md").read_text())
        self.assertIn("| 0123456789ab |", (self.out / "report.md").read_text())

    def test_a_newer_result_replaces_an_older_one_but_a_skipped_step_does_not(self):
        self.validate("--steps", ONE)
        self.validate("--steps", ONE, bench=dict(ROW, status="failed", error="a kernel failed"), status=1)
        self.assertIn("a kernel failed", self.rows()[DECODE]["detail"])
        self.validate("--steps", ONE, "--budget", "20")
        self.assertEqual(self.rows()[DECODE]["status"], "failed")

    def test_resume_runs_what_has_not_passed_with_this_binary_and_the_limits_that_it_needs(self):
        benches = lambda: sum(entry["call"][0] == "bench" for entry in self.called())  # noqa: E731
        self.validate("--steps", f"{ONE},batch 32", bench=dict(ROW, kv_bytes=None), status=1)
        self.assertEqual((self.rows()[DECODE]["status"], self.rows()["limits"]["status"]), ("failed", "passed"))
        self.validate("--steps", f"{ONE},batch 32", "--resume")
        self.assertEqual(benches(), 1)  # decoding alone
        self.assertTrue(any("--limits" in entry["call"] for entry in self.called()))
        self.validate("--steps", f"{ONE},batch 32,limits", "--resume")
        self.assertEqual([entry["call"] for entry in self.called()], [["doctor", "--json"]])
        with open(self.bin / "qbench", "a") as program:
            program.write("\n# another build\n")
        self.validate("--steps", f"{ONE},batch 32", "--resume")
        self.assertEqual(benches(), 3)

    def test_a_report_that_cannot_be_merged_with_is_left_as_it_is(self):
        self.out.mkdir()
        other = json.dumps({"facts": {"gpu": "NVIDIA A100", "dry_run": False}, "steps": []})
        for text in ("", "{", "[]", '{"facts": {"gpu": "NVIDIA H200", "dry_run": false}, "steps": [{"step": "x"}]}', other,
                     other.replace("A100", "H200").replace("false", "true")):
            with self.subTest(text=text):
                (self.out / "report.json").write_text(text)
                self.assertIn("--out", self.validate("--steps", ONE, status=1).stderr)
                self.assertEqual((self.out / "report.json").read_text(), text)

    def test_a_word_that_is_in_no_steps_name_ends_the_run_before_it_begins(self):
        self.assertIn("sanitiser", self.validate("--steps", "limits,sanitiser", status=2).stderr)
        self.assertEqual(self.called(), [])
        self.validate("--steps", ",", status=2)


def studied(**changes):
    """A row with both studies: a step of 6 ms that moves 20 GB/s short of the limit, and 1 ms that no step accounts for."""
    step = {"step": "attention", "calls": 2, "time_ns": 6_000_000, "bytes": 23_000_000_000, "flops": 1000, "launches": 2}
    phase = {"phase": "decode", "fused": True, "timed_ns": [3_500_000, 3_500_000], "steps": [dict(step, **changes.get("step", {}))]}
    off = {"off": "graph", "phase": "decode", "status": "ok", "time_ns": [2_000_000, 4_000_000, 3_000_000], "failure": {}}
    breakdown = {"status": "ok", "failure": {}, "limits": {"read_gbps": 4000.0, "matmul_tflops": 800.0}, "phases": [dict(phase, **changes.get("phase", {}))]}
    return dict(ROW, breakdown=breakdown, ablation={"rows": [dict(off, off=""), dict(off, **changes.get("off", {}))]})


class Studies(Case):
    def test_a_study_that_adds_up_passes_with_its_figures(self):
        self.validate("--steps", "study", bench=studied())
        self.assertEqual(len(self.rows()), 3)
        values = self.rows()["study tiny"]["values"]
        self.assertAlmostEqual(values["decode_rest_share_most"], 1 / 7)
        self.assertEqual(values["decode_ms_without_graph"], 3.0)
        self.assertTrue(any("--breakdown" in json.dumps(call) and "flash,graph,fusion" in json.dumps(call) for call in self.called()))

    def test_steps_that_take_more_than_their_phase_fail(self):
        self.validate("--steps", "study tiny", bench=studied(step={"time_ns": 7_000_001}), status=1)
        self.assertIn("1 ns more than the phase", self.rows()["study tiny"]["detail"])

    def test_a_path_that_failed_fails(self):
        self.validate("--steps", "study tiny", bench=studied(off={"status": "failed", "failure": {"message": "no room"}}), status=1)
        self.assertIn("no room", self.rows()["study tiny"]["detail"])

    def test_only_a_model_beyond_the_caches_is_held_to_the_limit(self):
        self.validate("--steps", "study", bench=studied(step={"bytes": 30_000_000_000}), status=1)
        self.assertEqual(self.rows()["study tiny"]["status"], "passed")
        self.assertIn("1.25 times the measured limit", self.rows()["study qwen2.5-coder-7b-instruct bf16"]["detail"])


class Robustness(Case):
    def test_an_answer_of_another_form_ends_its_step_alone(self):
        for change in ({"kv_bytes": None}, {"samples": None}, {"context": 0}, {"tok_per_s_median": "fast"}, {"tok_per_s_median": None}):
            with self.subTest(change=change):
                self.validate("--steps", f"{ONE},prefill qwen2.5", bench=dict(ROW, **change), status=1)
                self.assertEqual(self.rows()[DECODE]["status"], "failed")
                self.assertIn("prefill qwen2.5-coder-7b-instruct bf16 of 4096", self.rows())
                (self.out / "report.json").unlink()

    def test_a_doctor_that_fails_is_one_line_and_leaves_the_report(self):
        self.validate("--steps", "limits")
        before = (self.out / "report.json").read_text()
        no_gpu = dict(DOCTOR, cuda=dict(DOCTOR["cuda"], devices=[], missing="no NVIDIA driver here"))
        for changes, words in [({"doctor_status": 1}, "exit 1"), ({"doctor": {}}, "KeyError"), ({"doctor": no_gpu}, "no NVIDIA driver here"),
                               ({"doctor": dict(DOCTOR, cuda=dict(DOCTOR["cuda"], devices=[dict(GPU, missing="kernels for sm_80 and none for this")]))}, "none for this")]:
            with self.subTest(words=words):
                self.assertIn(words, self.validate("--steps", "limits", status=1, **changes).stderr)
                self.assertEqual((self.out / "report.json").read_text(), before)

    def test_a_chosen_gpu_is_the_only_one_that_programs_see(self):
        two = dict(DOCTOR, cuda=dict(DOCTOR["cuda"], devices=[dict(GPU, name="NVIDIA B200")]))
        for visible, expected in [(None, "1"), ("5,7", "7")]:
            self.validate("--steps", ONE, "--device", "cuda:1", doctor=two, environment={"CUDA_VISIBLE_DEVICES": visible} if visible else None)
            self.assertEqual({entry["visible"] for entry in self.called()}, {expected})
            bench = next(entry["call"] for entry in self.called() if entry["call"][0] == "bench")
            self.assertEqual(bench[bench.index("--device") + 1], "cuda:0")
        self.assertIn("CUDA_VISIBLE_DEVICES", self.validate("--device", "cuda:1", status=1, environment={"CUDA_VISIBLE_DEVICES": "0"}).stderr)

    def test_cublaslt_that_the_loader_does_not_find_is_looked_for(self):
        folder = self.place / "packages" / "nvidia" / "cu13" / "lib"
        folder.mkdir(parents=True)
        (folder / "libcublasLt.so.13").write_bytes(b"")
        python = self.says("python-with-packages", str(self.place / "packages"))
        self.validate("--steps", "limits", "--python", python)
        self.assertEqual({entry["libraries"] for entry in self.called()}, {None})
        self.validate("--steps", "limits", "--python", python, doctor=dict(DOCTOR, cuda=dict(DOCTOR["cuda"], products="")))
        first, *others = [entry["libraries"] for entry in self.called()]
        self.assertIsNone(first)
        for libraries in others:  # a local toolkit is taken before the packages
            self.assertTrue(any((pathlib.Path(place) / name).is_file() for place in libraries.split(":") for name in runner.BLAS))
        self.assertIn("cannot be met without it", (self.out / "report.md").read_text())

    def test_limits_are_those_of_the_device_itself(self):
        self.validate("--steps", ONE, limits=[dict(LIMITS[1], device="cuda:1", read_gbps=1.0), *LIMITS])
        self.assertEqual(self.rows()[DECODE]["values"]["limit_read_gbps"], 4000.0)

    def test_the_demo_model_is_where_the_variable_says(self):
        model = self.place / "demo.gguf"
        model.write_bytes(b"GGUF")
        self.validate("--steps", "demo", environment={"QBENCH_DEMO_MODEL": str(model)})
        self.assertTrue(all(str(model) in entry["call"] for entry in self.called() if entry["call"][0] == "generate"))
        self.assertEqual(self.rows()["parity demo model"]["values"]["greedy_equal"], 48)
        done = self.validate("--steps", "demo", environment={"QBENCH_DEMO_MODEL": str(self.place / "nowhere")})
        self.assertIn(f"[skipped] parity demo model: the demo model is not at {self.place / 'nowhere'}", done.stdout)

    def test_a_program_that_goes_on_is_ended_with_its_children_by_its_limit_or_by_the_budget(self):
        validation = runner.Runner.__new__(runner.Runner)
        validation.environment = dict(os.environ)
        for budget, limit, expected in [(0.3, 600, runner.Skip), (600, 0.3, runner.Step), (-1, 600, runner.Skip)]:
            validation.end = time.monotonic() + budget
            with self.assertRaises(expected):
                validation.call("sh", "-c", "sleep 300 & sleep 300", limit=limit)
        validation.end = time.monotonic() + 600
        with self.assertRaises(runner.Step):
            validation.call(self.place / "nowhere", limit=1)

    def test_programs_come_out_of_an_archive_with_the_libraries_beside_them(self):
        archive = self.place / "programs.tar.gz"
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(self.bin / "qbench", "./qbench")
        self.validate("--bin", archive, "--steps", "limits")
        self.assertIn("qbench-programs-", self.called()[0]["libraries"])
        archive.write_bytes(b"no archive")
        self.assertIn("neither a folder nor an archive", self.validate("--bin", archive, "--steps", "limits", status=1).stderr)


class Disk(Case):
    SHAPE = dict(measurements.TINY_CHECKPOINT, vocab=2000)

    def load(self, load_ms, rates=(2e9, 2e9), held=0.0):
        """Row of the step load, of a checkpoint of 10 MB on a disk of those rates."""
        (self.place / "model.safetensors").write_bytes(bytes(10_000_000))
        rates = iter(rates)
        stub = types.SimpleNamespace(files_of=disk.files_of, forget=lambda files, everything: "dropped", read_rate=lambda files: (next(rates), "O_DIRECT"),
                                     cached_share=lambda files: held)
        self.addCleanup(setattr, measurements, "disk", disk)
        measurements.disk = stub
        validation = measurements.Measurements.__new__(measurements.Measurements)
        validation.o = types.SimpleNamespace(dry_run=False, checkpoint=self.place)
        validation.row = {"values": {}, "goals": []}
        validation.bench_file = lambda *arguments, limit: {"load_ms": load_ms}
        validation.load()
        return validation.row

    def test_a_load_is_judged_by_the_faster_of_two_readings_of_the_disk(self):
        self.assertTrue(self.load(5.5)["goals"][0]["met"])            # 1.82 of 2 GB/s
        self.assertFalse(self.load(6.0)["goals"][0]["met"])           # 1.67
        self.assertFalse(self.load(5.5, rates=(1e9, 4e9))["goals"][0]["met"])
        self.assertAlmostEqual(self.load(5.0)["values"]["gb_per_s"], 2.0)

    def test_a_checkpoint_that_the_page_cache_holds_is_not_timed(self):
        with self.assertRaises(runner.Skip) as skipped:
            self.load(5.0, held=0.5)
        self.assertIn("50 %", str(skipped.exception))

    def test_a_written_checkpoint_has_every_tensor_at_its_place_and_finite_numbers(self):
        disk.write_checkpoint(self.place / "model", self.SHAPE, lambda: True)
        data = (self.place / "model" / "model.safetensors").read_bytes()
        length = struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8:8 + length])
        end = 0
        for name, tensor in header.items():
            self.assertEqual(tensor["data_offsets"][0], end, name)
            self.assertEqual(tensor["data_offsets"][1] - end, 2 * math.prod(tensor["shape"]))
            end = tensor["data_offsets"][1]
        self.assertEqual((end, len(data)), (disk.checkpoint_bytes(self.SHAPE), 8 + length + end))
        numbers = [struct.unpack("<f", b"\0\0" + data[i:i + 2])[0] for i in range(8 + length, 8 + length + 20000, 2)]
        self.assertTrue(all(2 ** -7 <= abs(x) < 2 ** -6 for x in numbers))
        self.assertTrue(any(x < 0 for x in numbers) and any(x > 0 for x in numbers))
        with self.assertRaises(TimeoutError):
            disk.write_checkpoint(self.place / "late", self.SHAPE, lambda: False)

    def test_the_read_rate_covers_a_sample_and_refuses_what_is_too_small(self):
        path = self.place / "model.safetensors"
        path.write_bytes(bytes(3 * disk.BLOCK + 5))
        self.assertEqual([at for _, at in disk.blocks_of([path])], [0, disk.BLOCK, 2 * disk.BLOCK])
        self.assertGreater(disk.read_rate([path])[0], 0)
        path.write_bytes(bytes(100))
        with self.assertRaises(ValueError):
            disk.read_rate([path])


if __name__ == "__main__":
    unittest.main()
