"""Three ways to make shards of the same real images, and what a kill in the middle leaves of each.

    python -m benchmarks.side_by_side [--img2dataset PYTHON] [--images 4000]

img2dataset wants packages of its own, so it has a Python of its own; without one it is left out.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from alexprep.files import sha256_file
from benchmarks.left_over import examine
from benchmarks.originals import ORIGINALS, ROOT, originals, replicate
from benchmarks.stock import stock_pillow, with_path
from benchmarks.timing import cores, machine, program

MB = 1e6


@dataclass
class Contestant:
    """A command that makes shards in a folder."""

    name: str
    command: list[str]  # the folder is added at `place`
    place: int
    environment: dict[str, str]

    def start(self, out: Path) -> subprocess.Popen[bytes]:
        """Begin in a session of its own, so that it can be killed whole."""
        command = [*self.command[: self.place], str(out), *self.command[self.place :]]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen(command, env=self.environment, start_new_session=True, **quiet)

    def run(self, out: Path) -> float:
        """Return the wall seconds that it takes."""
        begin = time.perf_counter()
        process = self.start(out)
        if process.wait() not in (0, 3):
            raise SystemExit(f"{self.name} ended with {process.returncode}: {process.args}")
        return time.perf_counter() - begin


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Shards by three programs, side by side.")
    add = parser.add_argument
    add("--originals", type=Path, default=ORIGINALS, help="tar of train/<class>/<image>")
    add("--images", type=int, default=4000, help="the originals, repeated")
    add("--rounds", type=int, default=3, help="runs of each, in turn; the fastest counts")
    add("--jobs", type=int, default=cores(), help="processes of each")
    add("--img2dataset", type=Path, help="a Python that has img2dataset")
    add("--work", type=Path, help="folder for the data; default: a temporary one")
    return parser.parse_args(given)


def contestants(options: argparse.Namespace, raw: Path, work: Path) -> list[Contestant]:
    """Return the programs that can be run here."""
    jobs, here = str(options.jobs), {**os.environ, "PYTHONPATH": str(ROOT)}
    ours = program("alexprep", "shard", raw, "--jobs", jobs)
    found = [Contestant("alexprep shard", ours, len(ours) - 2, here)]
    script = str(ROOT / "benchmarks" / "peer_shardwriter.py")
    pillow = stock_pillow(work)
    environment = here if pillow is None else {**os.environ, **with_path(pillow)}
    name = f"webdataset.ShardWriter, {'stock Pillow' if pillow else 'the Pillow of this project'}"
    found.append(Contestant(name, [sys.executable, script, str(raw), jobs], 3, environment))
    if options.img2dataset is None:
        print("img2dataset: left out (no --img2dataset PYTHON given)")
    else:
        script = str(ROOT / "benchmarks" / "peer_img2dataset.py")
        command = [str(options.img2dataset), script, str(raw), jobs]
        plain = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        plain |= {"NO_ALBUMENTATIONS_UPDATE": "1", "PYTHONWARNINGS": "ignore"}
        found.append(Contestant("img2dataset", command, 3, plain))
    return found


def size(out: Path) -> int:
    """Return the bytes of all tars below a folder, those in work too."""
    total = 0
    for path in out.rglob("*.tar"):
        with suppress(FileNotFoundError):  # renamed meanwhile
            total += path.stat().st_size
    return total


def hashes(out: Path) -> dict[str, str]:
    """Return name -> SHA-256 of the tars of a folder."""
    return {path.name: sha256_file(path) for path in sorted(out.glob("*.tar"))}


def kill_in_the_middle(contestant: Contestant, out: Path, whole: int) -> None:
    """Kill the program, its workers too, once half of the bytes are written."""
    process = contestant.start(out)
    while size(out) < whole / 2 and process.poll() is None:
        time.sleep(0.01)
    if process.poll() is not None:
        raise SystemExit(f"{contestant.name} ended before it could be killed; take more --images")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    time.sleep(1)


def compare(options: argparse.Namespace, work: Path) -> None:
    """Run all, in turn; then kill each once, and run it again on what is left."""
    raw = replicate(originals(options.originals), work, options.images)
    found = contestants(options, raw, work)
    times: dict[str, list[float]] = {contestant.name: [] for contestant in found}
    for _ in range(options.rounds):
        for contestant in found:
            out = work / "out" / contestant.name.split()[0]
            shutil.rmtree(out, ignore_errors=True)
            times[contestant.name].append(contestant.run(out))
    for contestant in found:
        out = work / "out" / contestant.name.split()[0]
        whole, before, undisturbed = size(out), examine(out), hashes(out)
        best = min(times[contestant.name])
        print(
            f"\n{contestant.name}\n  whole run: {best:.1f} s, {options.images / best:,.0f} "
            f"images/s, {whole / MB:.1f} MB, {before}"
        )
        shutil.rmtree(out)
        kill_in_the_middle(contestant, out, whole)
        print(f"  after kill -9 at half: {examine(out)}")
        again = contestant.run(out)
        same = "the same bytes as" if hashes(out) == undisturbed else "other bytes than"
        print(f"  the same command again: {again:.1f} s; {examine(out)}; {same} undisturbed")


def main(given: Sequence[str] | None = None) -> None:
    """Compare and print."""
    options = arguments(given)
    print(machine(), flush=True)
    print(f"{options.images:,} originals to 256x256, {options.jobs} processes each")
    with tempfile.TemporaryDirectory(prefix="alexkit-bench-") as temporary:
        work = (options.work or Path(temporary)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        compare(options, work)


if __name__ == "__main__":
    main()
