#!/usr/bin/env bash
# Installs what the build and the tests need from Debian 12's packages. Does nothing when all of it is there.
#   scripts/setup.sh           compiler, build tools, libraries
#   scripts/setup.sh --fuzz    also clang with libFuzzer
#   scripts/setup.sh --quality also what scoring generated code uses: the sandbox, Python's, TypeScript's and C++'s tools
#   scripts/setup.sh --reports also Chromium and junitparser, with which tests open report.html and junit.xml
#   scripts/setup.sh --cuda    also the CUDA toolkit's compiler, headers and tools, into .cache/cuda where no toolkit has them
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(g++ cmake ninja-build ccache git ca-certificates python3 python3-pip python3-venv
  libfmt-dev libspdlog-dev nlohmann-json3-dev libcli11-dev libtinyxml2-dev libpcre2-dev libutf8proc-dev nettle-dev libsqlite3-dev libseccomp-dev zlib1g-dev doctest-dev libjs-chart.js)
cuda=false
for option in "$@"; do
  case "$option" in
    --fuzz) packages+=(clang-14 libclang-rt-14-dev) ;;
    --quality) packages+=(bubblewrap libseccomp2 python3-fastapi python3-httpx python3-multipart python3-coverage python3-pytest mypy bandit node-typescript g++) ;;
    --reports) packages+=(chromium python3-junitparser) ;;
    --cuda) cuda=true ;;
    *) echo "setup.sh: unknown option '$option'; known: --fuzz, --quality, --reports, --cuda" >&2; exit 2 ;;
  esac
done

# The toolkit as Python wheels, one version: CUDA 13.0. The disassemblers have wheels from 13.2 on; they read what 13.0 made.
cuda_prefix=.cache/cuda
cuda_wheels=(nvidia-cuda-nvcc==13.0.88 nvidia-cuda-crt==13.0.88 nvidia-nvvm==13.0.88 nvidia-cuda-runtime==13.0.96 nvidia-cuda-cccl==13.0.85
  nvidia-cublas==13.0.2.14 nvidia-nvtx==13.0.85 nvidia-nvml-dev==13.0.87 nvidia-cuda-sanitizer-api==13.0.85
  nvidia-cuda-cuobjdump==13.2.78 nvidia-cuda-nvdisasm==13.2.78)

install_packages() {
  local missing=() package
  for package in "${packages[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "setup.sh: these packages are missing, and neither root nor sudo is at hand: ${missing[*]}" >&2; exit 2; }
    as_root=(sudo)
  fi
  echo "setup.sh: installing ${missing[*]}" >&2
  export DEBIAN_FRONTEND=noninteractive
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# A toolkit of the system is used when the kernels can be compiled, read and checked with it.
has_toolkit() {
  local nvcc root tool
  nvcc=$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)
  [ -x "$nvcc" ] || return 1
  root=$(dirname "$(dirname "$(readlink -f "$nvcc")")")
  [ -e "$root/include/cuda_bf16.h" ] && [ -e "$root/include/nvml.h" ] && [ -e "$root/include/cublasLt.h" ] || return 1
  for tool in cuobjdump nvdisasm compute-sanitizer; do [ -x "$root/bin/$tool" ] || return 1; done
}

install_cuda() {
  local wanted="${cuda_wheels[*]}"
  [ "$(cat "$cuda_prefix/wheels.txt" 2>/dev/null)" = "$wanted" ] && return
  has_toolkit && return
  echo "setup.sh: putting the CUDA toolkit's Python wheels into $cuda_prefix" >&2
  rm -rf "$cuda_prefix.partial"
  mkdir -p "$cuda_prefix.partial"
  python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps --no-compile --only-binary=:all: \
    --target "$cuda_prefix.partial" "${cuda_wheels[@]}"
  echo "$wanted" >"$cuda_prefix.partial/wheels.txt"
  rm -rf "$cuda_prefix"
  mv "$cuda_prefix.partial" "$cuda_prefix"
}

install_packages
if $cuda; then install_cuda; fi
