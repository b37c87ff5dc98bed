#!/usr/bin/env python3
"""scripts/bench_peers.py against programs that take the place of llama-bench and qbench: both are asked for the same device, a missing GPU is said."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "bench_peers.py"


class BenchPeers(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name)
        (self.path / "llama" / "bin").mkdir(parents=True)
        (self.path / "some.gguf").write_bytes(b"GGUF")

    def program(self, name, rows="", failure=""):
        """A program that logs its arguments and prints rows, or fails with a line."""
        file = self.path / name
        end = f"echo '{failure}' >&2; exit 3" if failure else f"cat <<'END'\n{json.dumps(rows)}\nEND"
        file.write_text(f"#!/bin/sh\necho \"$*\" >>'{file}.log'\n{end}\n")
        file.chmod(0o755)
        return file

    def arguments_of(self, name):
        log = self.path / (name + ".log")
        return log.read_text().splitlines() if log.exists() else []

    def run_script(self, backends="CUDA", failure="", options=("--device", "cuda:1")):
        self.program("llama/bin/llama-bench", [{"n_prompt": 512, "n_gen": 0, "avg_ts": 1000.0, "backends": backends, "build_commit": "c0ffee"},
                                               {"n_prompt": 0, "n_gen": 32, "avg_ts": 50.0, "backends": backends, "build_commit": "c0ffee"}])
        common = {"status": "ok", "device": options[1] if options else "cpu", "device_description": "Some device"}
        qbench = self.program("qbench", [{"test": "pp512", "tok_per_s_median": 2000.0, **common}, {"test": "tg32", "tok_per_s_median": 75.0, **common}], failure)
        return subprocess.run([sys.executable, SCRIPT, "--qbench", qbench, "--llama-build", self.path / "llama", "--models", self.path / "some.gguf", "--threads", "2",
                               "--work", self.path / "work", *options], capture_output=True, text=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})

    def test_both_run_on_the_gpu_that_was_asked_for(self):
        done = self.run_script()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("Some device, cuda:1, llama.cpp c0ffee, n = 5", done.stdout)
        self.assertIn("| some | pp512 | 1000.0 | 2000.0 | 2.00 | [2.00, 2.00] |", done.stdout)
        self.assertIn("| some | tg32 | 50.0 | 75.0 | 1.50 | [1.50, 1.50] |", done.stdout)
        llama, qbench = self.arguments_of("llama/bin/llama-bench"), self.arguments_of("qbench")
        self.assertEqual(len(llama), 5)
        self.assertEqual(len(qbench), 6)  # one asks whether the GPU is there
        for line in llama:
            self.assertIn("-ngl 999 -sm none -mg 1 -fa 1", line)
        for line in qbench:
            self.assertIn("--device cuda:1", line)

    def test_on_the_cpu_both_are_asked_for_the_cpu(self):
        done = self.run_script(backends="CPU", options=())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(all("-ngl" not in line for line in self.arguments_of("llama/bin/llama-bench")))
        self.assertTrue(all("--device cpu" in line for line in self.arguments_of("qbench")))

    def test_a_gpu_that_is_not_there_is_said_before_anything_is_measured(self):
        done = self.run_script(failure="qbench: no NVIDIA driver: libcuda.so.1 is not there", options=("--device", "cuda"))
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stderr, "bench_peers.py: nothing measured on cuda: qbench: no NVIDIA driver: libcuda.so.1 is not there\n")
        self.assertEqual(self.arguments_of("llama/bin/llama-bench"), [])

    def test_a_llama_cpp_without_cuda_is_not_measured_against(self):
        done = self.run_script(backends="CPU")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("was built for CPU; build it with -DGGML_CUDA=ON", done.stderr)

    def test_a_llama_cpp_that_would_take_the_gpu_is_no_peer_on_the_cpu(self):
        done = self.run_script(backends="CUDA", options=())
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("would use it", done.stderr)

    def test_another_device_is_refused(self):
        done = self.run_script(options=("--device", "metal"))
        self.assertEqual(done.returncode, 2)
        self.assertIn("expected cpu, cuda or cuda:N", done.stderr)


unittest.main()
