#!/usr/bin/env bash
# Packs what gpu-validate.sh runs for a machine that builds nothing: qbench and the device's test programs, without symbols, and the shared libraries
# that lie beside qbench or that glibc does not bring, into build/carry/programs.tar.gz.
#   scripts/carry.sh [BUILD]        BUILD: a build of preset cuda (build/cuda)
# Take the checkout and the archive along (build/ is ignored by git: name the file where only tracked ones travel), and there
#   scripts/gpu-validate.sh --bin build/carry/programs.tar.gz --out results/measured/<folder> --budget 540 --resume
# as often as it takes; bring the folder back.
set -euo pipefail
cd "$(dirname "$0")/.."

build=${1:-build/cuda}
out=build/carry
programs=(qbench tests/unit/kernels_cuda/test_kernels_cuda_device tests/unit/backend_cuda/test_backend_cuda_device)
for program in "${programs[@]}"; do
  [ -x "$build/$program" ] || { echo "carry.sh: no $program in $build; cmake --build --preset cuda --target ${programs[*]##*/}" >&2; exit 2; }
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for program in "${programs[@]}"; do strip -o "$folder/${program##*/}" "$build/$program"; done
# Libraries of glibc are every machine's own; whatever else a program loads at start goes beside it, where its $ORIGIN finds it.
for program in "${programs[@]}"; do
  { ldd "$build/$program" | awk '$2 == "=>" && $3 ~ /^\// {print $3}' | grep -vE '/(ld-linux[^/]*|lib(c|m|dl|rt|pthread|resolv)\.so\.[0-9]+)$' || true; } |
    while read -r library; do cp -L "$library" "$folder/"; done
done
mkdir -p "$out"
tar -C "$folder" -czf "$out/programs.tar.gz.part" .
mv "$out/programs.tar.gz.part" "$out/programs.tar.gz"
tree=$(git ls-files -z --cached --others --exclude-standard | xargs -0 du -cb | awk '$2 == "total" {sum += $1} END {print sum}')
packed=$(stat -c %s "$out/programs.tar.gz")
awk -v a="$packed" -v b="$tree" -v o="$out/programs.tar.gz" 'BEGIN {printf "%s: %.1f MiB; the checkout: %.1f MiB; together %.1f MiB\n", o, a / 2^20, b / 2^20, (a + b) / 2^20}'
