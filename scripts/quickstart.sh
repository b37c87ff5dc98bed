#!/usr/bin/env bash
# From a fresh Debian 12 checkout to a first result: installs packages, builds a release, fetches the demo model once and benchmarks it.
# Further arguments go to `qbench run`, e.g. scripts/quickstart.sh --repetitions 10
set -euo pipefail
cd "$(dirname "$0")/.."

./scripts/setup.sh
cmake --preset release -DQBENCH_TESTS=OFF >/dev/null
echo "quickstart.sh: building build/release/qbench ..." >&2
cmake --build --preset release --target qbench

status=0
model=$(./scripts/fetch_demo.sh) || status=$?
if [ "$status" -eq 0 ]; then exec build/release/qbench run --models "$model" --suite smoke "$@"; fi
if [ "$status" -ne 2 ]; then
  echo "quickstart.sh: stopped, because the demo model could not be checked or kept; the reason stands above" >&2
  exit "$status"
fi
echo "quickstart.sh: offline and no demo model in the cache; running the same shape with synthetic weights instead" >&2
exec build/release/qbench run --models synthetic:SmolLM2-135M-Instruct --precision q8_0 --suite smoke "$@"
