#!/usr/bin/env bash
# Makes the virtual environment $1: uv if it is missing, headers where apt may, Pillow-SIMD where it builds.
# With $2 = dev also what tests, lint and benchmarks need, and the packages that read our shards.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:-.venv}
what=${2:-}
python=${PYTHON:-python3}

say() { printf 'setup: %s\n' "$*"; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then sudo -n "$@"; else return 1; fi
}

apt_install() {
    command -v apt-get >/dev/null || return 1
    say "installing $* through apt"
    { as_root apt-get install -y -qq "$@" || { as_root apt-get update -qq && as_root apt-get install -y -qq "$@"; }; } \
        >/dev/null 2>&1
}

find_uv() {
    if command -v uv >/dev/null && uv --version >/dev/null 2>&1; then command -v uv; return; fi
    if [ ! -x .tools/bin/uv ]; then
        say "uv is missing; installing it into .tools" >&2
        rm -rf .tools
        "$python" -m venv .tools 2>/dev/null >&2 || {
            rm -rf .tools
            apt_install python3-venv >&2 || true
            "$python" -m venv .tools >&2
        }
        .tools/bin/python -m pip install --quiet --disable-pip-version-check uv >&2
    fi
    echo "$PWD/.tools/bin/uv"
}

have_headers() { # a compiler, and the headers of Python, JPEG, zlib and WebP
    local include=$1
    command -v cc >/dev/null &&
        printf '#include <Python.h>\n#include <stdio.h>\n#include <jpeglib.h>\n#include <zlib.h>\n#include <webp/decode.h>\n' |
        cc -I"$include" -fsyntax-only -x c - 2>/dev/null
}

uv=$(find_uv)
say "using $("$uv" --version)"
if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    "$uv" venv --quiet --seed --clear --python "$python" "$venv" 2>/dev/null || "$uv" venv --quiet --seed --clear --python ">=3.11,<3.14" "$venv"
fi
export VIRTUAL_ENV=$PWD/$venv

include=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["include"])')
if ! have_headers "$include"; then
    apt_install build-essential python3-dev libjpeg62-turbo-dev zlib1g-dev libwebp-dev ||
        apt_install build-essential python3-dev libjpeg-turbo8-dev zlib1g-dev libwebp-dev ||
        say "could not install the JPEG, WebP and zlib headers (no apt, or no rights)"
fi

say "installing alexkit and its tools (torch is large: minutes on a slow line)"
wanted=(--editable '.[all]')
[ "$what" = dev ] && wanted+=(--group dev)
"$uv" pip install --quiet --constraint constraints.txt "${wanted[@]}"

flags=""
grep -qs avx2 /proc/cpuinfo && flags="-mavx2"
if [ "$(uname -m)" = x86_64 ] && have_headers "$include" &&
    CC="cc $flags" "$uv" pip install --quiet --constraint constraints.txt --no-binary pillow-simd pillow-simd; then
    say "Pillow-SIMD is built${flags:+ with $flags}"
else
    # From another folder: in this one the project's own rule leaves Pillow out.
    (root=$PWD && cd / && "$uv" pip install --quiet --constraint "$root/constraints.txt" pillow)
    say "HINT: stock Pillow is installed: correct, but preparing is about half as fast."
    say "HINT: for Pillow-SIMD install cc, python3-dev, libjpeg-turbo, zlib and libwebp headers, then: rm $venv/.ready; make setup"
fi
"$venv/bin/python" -c 'from PIL import Image, features; assert features.check("jpg")' || { say "Pillow does not work"; exit 1; }
say "done"
