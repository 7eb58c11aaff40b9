#!/usr/bin/env bash
# The main job from end to end on generated archives, command by command.
set -euo pipefail
out=${1:-out/demo}
bin=${2:-.venv/bin}
began=$SECONDS

run() {
    printf '\n$ %s\n' "$*"
    "$bin/$1" "${@:2}"
}

rm -rf "$out"
mkdir -p "$out"
run alexprep synth "$out/raw" --layout ilsvrc2012 --train 3000 --val 500
run alexprep shard "$out/raw" "$out/shards" --size 160
run alexprep stats "$out/shards"
run alexprep preview "$out/shards" -o "$out/preview.png"
run alextrain fit "$out/shards" --recipe quick --width 0.25 --crop 143 --epochs 10 --run "$out/run"
run alextrain eval "$out/run/best.pt" "$out/shards" --views 10 --figures "$out/figures"
run alexprep synth "$out/one" --train 10 --val 10 --seed 7
run alextrain predict "$out/run/best.pt" "$out/one/train" --top 2

printf '\nDone in %d s. Pictures to open:\n' $((SECONDS - began))
for picture in preview.png shards/figures/mean.png shards/figures/eigenbasis.png run/curves.png \
    figures/confusion.png figures/kernels.png figures/mistakes.png; do
    [ -f "$out/$picture" ] && printf '  %s\n' "$out/$picture"
done
printf 'The learning curves live, if you like:  %s/tensorboard --logdir %s\n' "$bin" "$out/run"
