#!/usr/bin/env bash
# Installs what the build and the tests need from Debian 12's packages. Does nothing when all of it is there.
#   scripts/setup.sh          compiler, build tools, libraries
#   scripts/setup.sh --fuzz   also clang with libFuzzer
set -euo pipefail

packages=(g++ cmake ninja-build ccache git ca-certificates python3 python3-pip python3-venv
  libfmt-dev libspdlog-dev nlohmann-json3-dev libcli11-dev libtinyxml2-dev libpcre2-dev libutf8proc-dev nettle-dev doctest-dev)
for option in "$@"; do
  case "$option" in
    --fuzz) packages+=(clang-14 libclang-rt-14-dev) ;;
    *) echo "setup.sh: unknown option '$option'; known: --fuzz" >&2; exit 2 ;;
  esac
done

missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "setup.sh: these packages are missing, and neither root nor sudo is at hand: ${missing[*]}" >&2; exit 2; }
  as_root=(sudo)
fi
echo "setup.sh: installing ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
