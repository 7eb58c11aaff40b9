"""How long preparing would take on many machines: a projection, with its inputs. Nothing is run.

    python -m benchmarks.projection [--rate 546] [--cores 16] [--server 2.0]

One core makes one shard at a time, so the last shards decide: a run takes as many rounds as there
are shards for each core, rounded up. And no run is faster than the file server.
"""

import argparse
import math

SETS = {"1.28 million (ILSVRC2012)": 1_281_167, "14.2 million (ImageNet-21k)": 14_197_122}
MACHINES = (1, 2, 4, 8, 16, 32, 64)
SHARD_SIZES = (5000, 1000)


def minutes(seconds: float) -> str:
    """Write a time."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def main() -> None:
    """Print the tables, as Markdown."""
    parser = argparse.ArgumentParser(description="Project times for many machines.")
    add = parser.add_argument
    add("--rate", type=float, default=546, help="images/s of one core, measured")
    add("--cores", type=int, default=16, help="of each machine")
    add("--server", type=float, default=2.0, help="of the file server, reading, GB/s")
    add("--raw", type=float, default=115.4, help="kB of a raw image")
    add("--made", type=float, default=31.9, help="kB of a prepared image in its shard")
    add("--wire", type=float, default=116, help="bytes of an image's entry in a Dask task")
    options = parser.parse_args()
    for name, images in SETS.items():
        read, written = images * options.raw / 1e6, images * options.made / 1e6
        print(f"\n**{name}**: {read:,.0f} GB read, {written:,.0f} GB written, ", end="")
        print(f"{images * options.wire / 1e6:,.0f} MB between scheduler and workers\n")
        heads = (f"time, {size:,} in a shard" for size in SHARD_SIZES)
        print(f"| machines | cores | {' | '.join(heads)} | reading, all cores busy | bound by |")
        print("|---" * (5 + len(SHARD_SIZES) - 1) + "|")
        for machines in MACHINES:
            print(_row(options, images, machines))


def _row(options: argparse.Namespace, images: int, machines: int) -> str:
    cores = machines * options.cores
    least = images * options.raw / 1e6 / options.server
    times, bounds = [], []
    for size in SHARD_SIZES:
        shards = math.ceil(images / size)
        work = math.ceil(shards / cores) * (images / shards) / options.rate
        times.append(minutes(max(work, least)))
        bounds.append("file server" if least > work else "cores" if shards > cores else "shards")
    demand = min(cores, math.ceil(images / SHARD_SIZES[-1])) * options.rate * options.raw / 1e6
    bound = " / ".join(dict.fromkeys(bounds))
    return f"| {machines} | {cores:,} | {' | '.join(times)} | {demand:.1f} GB/s | {bound} |"


if __name__ == "__main__":
    main()
