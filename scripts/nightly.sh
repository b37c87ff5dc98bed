#!/usr/bin/env bash
# One night: measure, judge against the nights before, keep it, leave reports where a CI server looks for them.
#   scripts/nightly.sh -m qwen2.5-coder-7b-instruct,qwen3-8b --history /var/lib/qbench/history.sqlite
#   scripts/nightly.sh -m model.gguf --suite smoke --strict -- --device cuda:1
# Options: -m MODELS; --bin FILE (build/release/qbench), --suite S (codegen), --profile P (nightly: three sessions of the speed pass),
#   --gate FILE (configs/gates/nightly.json), --history FILE (results/history.sqlite), --results DIR (results), --out DIR (build/nightly),
#   --strict (4 where something is suspect, unclear or missing), --dry-run (print the plan, measure and keep nothing); after --: options of `run`.
# In --out: run.xml and gate.xml (JUnit), gate.md, gate.json, changes.txt (change points, advisory), report.html.
# Exit status: 0 fine, 1 something is worse, 2 nothing could start, 3 a model failed, 4 inconclusive with --strict; several: 2, 3, 1, 4;
# 130 and 143 interrupted: that night is not judged.
set -uo pipefail
top=$(cd "$(dirname "$0")/.." && pwd)

die() { echo "nightly.sh: $*" >&2; exit 2; }
models='' suite=codegen profile=nightly dry_run=false
bin=$top/build/release/qbench gate=$top/configs/gates/nightly.json
results=$top/results history='' out=$top/build/nightly
strict=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  case "$1" in
    --strict) strict=(--strict); shift; continue ;;
    --dry-run) dry_run=true; shift; continue ;;
    -m|--models|--bin|--suite|--profile|--gate|--history|--results|--out) ;;
    *) die "unknown option '$1'; options of qbench run go after --" ;;
  esac
  [ $# -ge 2 ] || die "$1 needs a value"
  case "$1" in
    -m|--models) models=$2 ;;
    --bin) bin=$2 ;;
    --suite) suite=$2 ;;
    --profile) profile=$2 ;;
    --gate) gate=$2 ;;
    --history) history=$2 ;;
    --results) results=$2 ;;
    --out) out=$2 ;;
  esac
  shift 2
done
[ $# -eq 0 ] || shift
[ -n "$models" ] || die "no model given: -m MODELS"
[ -x "$bin" ] || die "no program $bin; build it, or give --bin FILE"
[ -f "$gate" ] || die "no gate file $gate"
[ -n "$history" ] || history=$results/history.sqlite

run=("$bin" run --models "$models" --suite "$suite" --profile "$profile" --output-dir "$results" --label nightly "$@")
if $dry_run; then
  "${run[@]}" --dry-run || exit $?
  echo "then: compare --gate $gate --history $history, reports into $out"
  exit 0
fi
mkdir -p "$out" "$(dirname "$history")" || die "cannot make $out"
# A report of the night before must not be taken for this one's.
for name in run.xml gate.xml gate.md gate.json changes.txt report.html run.txt; do rm -f "$out/$name"; done

"${run[@]}" | tee "$out/run.txt"
measured=${PIPESTATUS[0]}
folder=$(sed -n 's|/run\.json$||p' "$out/run.txt" | tail -n 1)
case $measured in
  0|3) ;;
  *) echo "nightly.sh: run ended with exit status $measured; the night is not judged" >&2; exit "$measured" ;;
esac
[ -d "$folder" ] || die "run left no folder"

"$bin" compare --gate "$gate" --history "$history" "$folder" "${strict[@]}" --md "$out/gate.md" --json "$out/gate.json" --junit "$out/gate.xml"
judged=$?
"$bin" history changes --file "$history" >"$out/changes.txt" || echo "nightly.sh: no change points" >&2

"$bin" report "$folder" --format html,junit --history "$history" --output-dir "$out" >/dev/null && mv -f "$out/junit.xml" "$out/run.xml" ||
  echo "nightly.sh: no report.html and run.xml" >&2

for status in 2 3 1 4; do
  if [ "$judged" -eq $status ] || [ "$measured" -eq $status ]; then exit $status; fi
done
exit "$judged"
