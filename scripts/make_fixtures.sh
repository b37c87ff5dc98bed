#!/usr/bin/env bash
# Makes the committed fixtures again from what others say: transformers, tokenizers, jinja2, gguf, numpy and scipy; with llama.cpp's source and
# build at hand also the quantised files and the demo model's perplexity. Needs network access to the Python package index, several GB and
# time; CI does not run it.
#   scripts/make_fixtures.sh [--llama-source DIR --llama-build DIR --qbench BINARY]
set -euo pipefail
cd "$(dirname "$0")/.."

venv="${XDG_CACHE_HOME:-$HOME/.cache}/qbench/fixtures-venv"
if [ ! -x "$venv/bin/python" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet torch transformers tokenizers gguf jinja2 numpy scipy safetensors sentencepiece apache-otava
fi
for script in scripts/fixtures/*.py; do
  [ "$script" = scripts/fixtures/perplexity.py ] && continue  # asks llama.cpp: below
  echo "make_fixtures.sh: $script" >&2
  "$venv/bin/python" "$script"
done
if [ $# -gt 0 ]; then
  "$venv/bin/python" scripts/check_quantised.py "$@" --fixtures tests/fixtures/quantised
  "$venv/bin/python" scripts/fixtures/perplexity.py "$@"
else
  echo "make_fixtures.sh: tests/fixtures/quantised and perplexity left as they are; give --llama-source, --llama-build and --qbench to make them again" >&2
fi
