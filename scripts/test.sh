#!/usr/bin/env bash
# Builds and runs the tests; the last line is `N passed, N failed, N skipped`, counted over test cases.
#   scripts/test.sh         the tests of the ci preset
#   scripts/test.sh --all   also the sanitizer builds, the layer check and short fuzzing: what CI runs
set -uo pipefail
cd "$(dirname "$0")/.."

all=false
case "${1:-}" in
  "") ;;
  --all) all=true ;;
  *) echo "test.sh: unknown option '$1'; known: --all" >&2; exit 2 ;;
esac

logs=build/logs
mkdir -p "$logs"
rm -f "$logs"/*.log
jobs=$(nproc)
started=$SECONDS
say() { printf '== %s (%d s)\n' "$*" $((SECONDS - started)); }

# run_preset PRESET TARGETS [ctest options]: configure, build, test; a broken build counts as one failed test.
run_preset() {
  local preset=$1 targets=$2
  shift 2
  say "$preset: build"
  # shellcheck disable=SC2086
  if ! { cmake --preset "$preset" && cmake --build --preset "$preset" -j "$jobs" --target $targets; } >"$logs/$preset-build.out" 2>&1; then
    tail -n 40 "$logs/$preset-build.out"
    echo "[failed] $preset does not build" >>"$logs/$preset.log"
    return
  fi
  say "$preset: test"
  ctest --preset "$preset" --verbose -j "$jobs" --timeout 1800 "$@" >"$logs/$preset.log" 2>&1 || grep -E '\*\*\*|ERROR|FAILED|tests failed' "$logs/$preset.log" | tail -n 60
}

# starts_before MINUTES NAME: whether a long stage may still begin. A machine at half its speed loses the last stages, visibly, and not all results to a time limit.
starts_before() {
  [ $((SECONDS - started)) -lt $(($1 * 60)) ] && return
  echo "[skipped] $2: it begins within $1 minutes or not at all" | tee -a "$logs/checks.log"
  return 1
}

# run_check NAME COMMAND...: one more test case by exit status. NAME is free text; a slash in it is none in the log's path.
run_check() {
  local name=$1 log="$logs/${1//\//_}.out"
  shift
  say "$name"
  if "$@" >"$log" 2>&1; then
    echo "[passed] $name" >>"$logs/checks.log"
  else
    tail -n 20 "$log"
    echo "[failed] $name" >>"$logs/checks.log"
  fi
}

if $all; then ./scripts/setup.sh --fuzz --quality --reports || exit 2; else ./scripts/setup.sh || exit 2; fi
if $all && ! ./scripts/setup.sh --cuda; then
  echo "[skipped] the CUDA kernels: the toolkit's headers are not here and could not be fetched" | tee -a "$logs/checks.log"
fi
run_check layers python3 scripts/check_layers.py
run_check "every CUDA kernel has a test" python3 scripts/check_kernels.py
run_check "gpu-validate.sh judges goals, merges reports and survives bad answers" python3 tests/scripts/gpu_validate_test.py
run_check "count_tests.py counts every case once" python3 tests/scripts/count_tests_test.py
run_check "bench_peers.py asks both programs for the same device and says where there is no GPU" python3 tests/scripts/bench_peers_test.py
if $all; then
  QBENCH_DEMO_MODEL=$(./scripts/fetch_demo.sh) && export QBENCH_DEMO_MODEL
fi
run_preset ci all
run_check "the binary can be copied to another machine" python3 scripts/check_portable.py build/ci/qbench
if $all; then
  if cmake --build --preset ci --target help 2>/dev/null | grep -q '^cuda_kernels:'; then
    run_check "a binary with the device cuda links, runs without a driver and says what is missing" ./scripts/check_cuda_binary.sh
    run_check "no CUDA kernel of a decode step spills" python3 scripts/kernel_report.py --build build/cuda --check
    run_check "the predictions of kernels/README.md follow from the kernels" \
      sh -c "cmake --build --preset cuda -j $jobs --target decode_costs && python3 scripts/kernel_predictions.py --build build/cuda --check"
  else
    echo "[skipped] compiling the CUDA kernels: no nvcc here" | tee -a "$logs/checks.log"
  fi
  run_check "gpu-validate.sh runs from end to end (emulated device, tiny models)" ./scripts/gpu-validate.sh --dry-run --bin build/ci --out build/gpu-validate-dry-run
  starts_before 42 AddressSanitizer && run_preset asan tests_quick -LE slow_under_sanitizers
  starts_before 70 ThreadSanitizer && run_preset tsan tests_threads -L threads
  starts_before 76 soak && run_check soak ./scripts/soak.sh --seconds 150 --seed 1
fi
python3 scripts/count_tests.py "$logs"/*.log
