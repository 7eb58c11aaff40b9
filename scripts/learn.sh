#!/usr/bin/env bash
# A real small set: AlexNet as one would train it today (`quick`) beside the paper's own recipe.
set -euo pipefail
raw=${1:?usage: learn.sh RAW [OUT] [BIN]}
out=${2:-out/learn}
bin=${3:-.venv/bin}

run() {
    printf '\n$ %s\n' "$*"
    "$bin/$1" "${@:2}"
}

if [ ! -e "$raw" ]; then
    echo "learn: $raw is not here; name a raw set of square 160-pixel images: make learn RAW=..." >&2
    exit 1
fi
mkdir -p "$out"
rm -rf "$out/quick" "$out/paper"
run alexprep shard "$raw" "$out/shards" --size 160
run alexprep stats "$out/shards"
began=$SECONDS
for recipe in quick paper; do
    run alextrain fit "$out/shards" --recipe "$recipe" --width 0.25 --crop 143 --epochs 12 --run "$out/$recipe"
    run alextrain eval "$out/$recipe/best.pt" "$out/shards" --figures "$out/$recipe/figures"
    printf '%s: trained and evaluated in %d s\n' "$recipe" $((SECONDS - began))
    began=$SECONDS
done
printf '\nCurves, confusion, mistakes and kernels: %s/{quick,paper}/{curves.png,figures/}\n' "$out"
