#!/usr/bin/env bash
# Tests that grow with the time they get: fuzzing of every parser, the shipped tasks against their references, then runs that are killed at random moments and resumed. With --ab N also N
# comparisons of the build with itself through `qbench ab` and three with a slowed one (20: half an hour of an idle machine, which they need).
#   scripts/soak.sh --seconds 3600 --seed 7 --ab 20      CI runs a short seeded sample
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=600
seed=$RANDOM
comparisons=0
while [ $# -gt 0 ]; do
  case "$1" in
    --seconds) seconds=$2; shift 2 ;;
    --seed) seed=$2; shift 2 ;;
    --ab) comparisons=$2; shift 2 ;;
    *) echo "soak.sh: unknown option '$1'; known: --seconds N, --seed S, --ab N" >&2; exit 2 ;;
  esac
done

echo "soak.sh: seed $seed, $seconds seconds"
./scripts/setup.sh --fuzz
cmake -G Ninja -B build/fuzz -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER=clang++-14 -DQBENCH_FUZZ=ON -DQBENCH_WERROR=OFF >/dev/null
targets=$(ninja -C build/fuzz -t targets all | sed -n 's/^\(fuzz_[a-z0-9_]*\): phony$/\1/p' | sort -u)
[ -n "$targets" ] || { echo "soak.sh: no fuzz target found in build/fuzz" >&2; exit 1; }
# shellcheck disable=SC2086
cmake --build build/fuzz --target $targets

count=$(wc -w <<<"$targets")
share=$((seconds / 2 / count))
[ "$share" -ge 5 ] || share=5
for target in $targets; do
  binary=$(find build/fuzz -type f -name "$target" -perm -u+x | head -n 1)
  corpus=build/fuzz/corpus/$target
  mkdir -p "$corpus"
  if [ -d tests/fuzz/corpus/"$target" ]; then cp -n tests/fuzz/corpus/"$target"/* "$corpus"/; fi
  echo "soak.sh: $target for $share s"
  "$binary" -seed="$seed" -max_total_time="$share" -timeout=10 -rss_limit_mb=2048 -artifact_prefix=build/fuzz/ "$corpus" >build/fuzz/"$target".log 2>&1 ||
    { tail -n 40 build/fuzz/"$target".log; exit 1; }
  grep -a "^Done" build/fuzz/"$target".log || true
done

qbench=
for candidate in build/ci/qbench build/release/qbench; do
  if [ -x "$candidate" ]; then qbench=$candidate; break; fi
done
[ -n "$qbench" ] || { echo "soak.sh: no built qbench in build/ci or build/release" >&2; exit 1; }
# Every architecture that the kernels are written for; a spill there costs speed alone, so only compiling is held.
if [ "$seconds" -ge 1800 ] && cmake --build build/ci --target help 2>/dev/null | grep -q '^cuda_kernels:'; then
  mkdir -p build/logs
  echo "soak.sh: compiling the CUDA kernels for every architecture"
  python3 scripts/kernel_report.py --all >build/logs/kernels-all.md
fi
if [ "$comparisons" -gt 0 ]; then
  cmake --build "$(dirname "$qbench")" --target slow_process
  python3 scripts/soak_ab.py --qbench "$qbench" --comparisons "$comparisons"
fi
# The shipped tasks against their own references and wrong variants; C++ takes minutes of compiling, so long runs only.
suites="python-tasks typescript-tasks"
[ "$seconds" -lt 1800 ] || suites="$suites cpp-tasks"
"$qbench" sandbox selftest --only environment >/dev/null 2>&1 && sandboxed=true || sandboxed=false
for suite in $suites; do
  if ! $sandboxed; then
    echo "soak.sh: skipped: the references of $suite: no sandbox here (qbench sandbox selftest says why)"
    continue
  fi
  echo "soak.sh: the references of $suite pass, and their wrong variants do not"
  "$qbench" score --suite "$suite" --check-references --jobs "$(nproc)" | tail -n 3
done
# The test that kills a run at random, as often as the project promises to survive.
killer=$(dirname "$qbench")/tests/e2e/test_e2e
if [ -x "$killer" ]; then
  QBENCH_TEST_KILLS=200 "$killer" -tc="*killed again and again*"
fi
exec python3 scripts/soak_kill.py --qbench "$qbench" --seconds $((seconds / 2)) --seed "$seed"
