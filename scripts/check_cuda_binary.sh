#!/usr/bin/env bash
# Builds preset cuda and looks at the binary: it can be copied, it starts without a driver and says so, and a model asked to run on a GPU that is
# not there is a failed row, never one of the CPU.
set -euo pipefail
cd "$(dirname "$0")/.."

cmake --preset cuda >/dev/null
cmake --build --preset cuda --target qbench test_kernels_cuda_device test_backend_cuda_device
python3 scripts/check_portable.py build/cuda/qbench
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
build/cuda/qbench doctor --json >"$out/doctor.json"
python3 - "$out/doctor.json" <<'PY'
import json, sys
cuda = json.load(open(sys.argv[1]))["cuda"]
print(cuda)
assert cuda["built"] and cuda["architectures"] and cuda["runtime_version"]
assert bool(cuda["missing"]) != bool(cuda["devices"])
PY
# With no device visible every machine is one without a GPU.
status=0
CUDA_VISIBLE_DEVICES=-1 build/cuda/qbench run -m synthetic:qwen2.5-0.5b --suite smoke --pass speed --device cuda --output-dir "$out/run" >"$out/run.txt" 2>&1 || status=$?
cat "$out/run.txt"
[ "$status" -eq 3 ] || { echo "exit status $status, expected 3"; exit 1; }
grep -q "failed (device)" "$out/run.txt"
for program in build/cuda/tests/unit/kernels_cuda/test_kernels_cuda_device build/cuda/tests/unit/backend_cuda/test_backend_cuda_device; do
  CUDA_VISIBLE_DEVICES=-1 "$program" | tee "$out/skipped.txt"
  grep -q "^\[skipped\] every case" "$out/skipped.txt"
done
