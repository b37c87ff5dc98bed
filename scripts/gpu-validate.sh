#!/usr/bin/env bash
# For a machine with an NVIDIA GPU: the kernels' and the backend's tests on the device, parity with the CPU, measured limits and the figures that the
# README promises, worth most first, into results/measured/<gpu>-<date>/ as markdown and JSON. Keeps what it has when it is stopped.
#   scripts/gpu-validate.sh [--budget SECONDS] [--out DIR]            builds preset cuda first where nvcc is there
#   scripts/gpu-validate.sh --bin DIR [...]                           with binaries built elsewhere: qbench, test_kernels_cuda_device, ...
#   scripts/gpu-validate.sh --bin build/carry/programs.tar.gz [...]   with the archive that scripts/carry.sh makes of them
#   scripts/gpu-validate.sh --resume --budget 540 [...]               what has not passed yet in that report: several short runs make one
#   scripts/gpu-validate.sh --help                                    the other options
set -euo pipefail
cd "$(dirname "$0")/.."

bin=
arguments=("$@")
for ((i = 0; i < $#; ++i)); do
  case "${arguments[i]}" in
    --bin | --help | -h | --list | --dry-run) bin=${arguments[i + 1]:-given} ;;
    --bin=*) bin=${arguments[i]#--bin=} ;;
  esac
done
if [ -z "$bin" ]; then
  echo "gpu-validate.sh: building preset cuda" >&2
  mkdir -p build/logs
  cmake --preset cuda >build/logs/gpu-validate-build.out
  cmake --build --preset cuda --target qbench test_kernels_cuda_device test_backend_cuda_device >>build/logs/gpu-validate-build.out ||
    { tail -n 30 build/logs/gpu-validate-build.out >&2; exit 1; }
  arguments+=(--bin build/cuda)
fi
exec python3 scripts/gpu_validate.py "${arguments[@]}"
