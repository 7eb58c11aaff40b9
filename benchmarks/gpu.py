"""On a GPU: the loader, the step, and both together, from some 30 MB of originals brought along.

    python -m benchmarks.gpu originals.tar [--images 50000] [--minutes 9]

Makes shards by replicating the originals on the spot, checks that CPU and GPU augment and train
alike, and measures. What does not fit into --minutes is left out, with a line that says so.
Without a GPU it says so and runs the same on the CPU, small.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from alexprep.building.build import build
from alexprep.measuring.measure import measure
from alexprep.planning.plan import make_plan
from alexprep.raw.detect import open_raw
from alexprep.settings import PrepSettings
from alexprep.shards.reader import ShardReader
from alexprep.shards.statistics import STATISTICS, Statistics
from alextrain.data.draws import draw_batch
from alextrain.data.loader import Loader
from alextrain.data.transfer import to_device
from alextrain.device import Machine, choose_machine
from alextrain.recipes.recipe import Recipe, load_recipe
from alextrain.training.setup import make_augmenter
from benchmarks.gpu_agree import STEPS, agreement
from benchmarks.gpu_fit import fit, under_torchrun
from benchmarks.gpu_load import loading
from benchmarks.gpu_lrn import shares
from benchmarks.gpu_step import Case, augmenting, graphing, looping
from benchmarks.originals import originals, replicate
from benchmarks.timing import Row, cores, machine, report

RESIZED = 0.05  # levels by which resized crops may differ; all others are equal
EPOCHS, IMAGES = 90, 1_281_167  # of the paper's training
STEP_GOALS = {128: 30_000.0, 1024: 45_000.0}  # images/s, of one H200 with 16 cores
EAGER, GRAPH, COMPILED, BOTH = "eager", "CUDA graph", "compiled", "compiled, CUDA graph"
WAYS: dict[str, Callable[[Case], float]] = {
    EAGER: lambda case: looping(case, compiled=False),
    GRAPH: lambda case: graphing(case, compiled=False),
    COMPILED: lambda case: looping(case, compiled=True),
    BOTH: lambda case: graphing(case, compiled=True),
}
SECONDS = {EAGER: 20, GRAPH: 20, COMPILED: 60, BOTH: 60}  # that one may take


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; what is not given depends on whether there is a GPU."""
    parser = argparse.ArgumentParser(description="Measure loading and training on a GPU.")
    add = parser.add_argument
    gpu = torch.cuda.is_available()
    add("originals", type=Path, help="tar of train/<class>/<image>")
    add("--images", type=int, default=50_000 if gpu else 400, help="samples of the set")
    add("--minutes", type=float, default=9.0, help="that all of it may take")
    add("--batches", type=int, nargs="+", default=[128, 512, 1024] if gpu else [8])
    add("--width", type=float, default=1.0 if gpu else 0.1, help="of `paper`")
    add("--steps", type=int, default=STEPS if gpu else 10, help="of CPU and GPU side by side")
    add("--epochs", type=int, default=3 if gpu else 1, help="of the end-to-end runs")
    add("--work", type=Path, help="folder for the data; default: a temporary one")
    add("--results", type=Path, help="file that the rows are appended to, as JSON lines")
    return parser.parse_args(given)


class Bench:
    """One measurement of one machine: its set, its clock, and what was found so far."""

    def __init__(self, options: argparse.Namespace, work: Path) -> None:
        self.options = options
        self.work = work
        self.shards = work / "shards"
        self.place = choose_machine()
        self.end = time.monotonic() + 60 * options.minutes
        self.loader = 0.0  # images/s of the fastest
        self.fits: dict[str, float] = {}  # what was fitted -> images/s
        self.steps: dict[tuple[str, int], float] = {}  # (way, batch size) -> images/s

    def allows(self, what: str, seconds: float) -> bool:
        """Tell whether `seconds` are left; say what is left out if not."""
        left: float = self.end - time.monotonic()
        if left < seconds:
            print(f"{what}: left out, {left:.0f} s are left and it may take {seconds:.0f}")
        return left >= seconds

    def preparation(self) -> Iterator[Row]:
        """Make the set that the rest reads: replicate, prepare, measure the statistics."""
        count = self.options.images
        raw = replicate(originals(self.options.originals), self.work, count)
        begin = time.perf_counter()
        build(make_plan(open_raw(raw), PrepSettings()), self.shards, cores())
        prepared = time.perf_counter()
        yield Row(f"build, processes: {cores()}", "images/s", count / (prepared - begin))
        measure(self.shards).save(self.shards / STATISTICS)
        yield Row("measure", "images/s", count / (time.perf_counter() - prepared))

    def augmentation(self) -> Iterator[Row]:
        """Compare the same augmented batch, made on the CPU and on the device, in levels."""
        statistics = Statistics.load(self.shards / STATISTICS)
        reader = ShardReader(self.shards, "train")
        loader = Loader(reader, 128)
        batch = next(iter(loader.batches(np.arange(min(128, len(reader))))))
        for name, bound in (("paper", 0.0), ("quick", RESIZED)):
            recipe = load_recipe(name, {"normalise": "mean-image"})
            made = []
            for place in (Machine(torch.device("cpu"), "off"), self.place):
                augmenter = make_augmenter(recipe, statistics, place)
                draws = draw_batch(augmenter.augmentation, reader.size, 0, 0, 0, len(batch.labels))
                images, _, moved = to_device(batch, draws, place.device)
                assert moved is not None
                made.append(augmenter(images, moved).cpu())
            most = float((made[0] - made[1]).abs().max())
            figure = f"augmentation of `{name}`, cpu - {self.place.device.type}, at most"
            yield Row(figure, "levels", most, at_most=bound)
        loader.close()
        reader.close()

    def loading(self) -> Iterator[Row]:
        """Measure the loader by its number of threads, and nvJPEG beside it."""
        rows = loading(self.shards, self.place.device)
        self.loader = max(entry.ours for entry in rows if entry.figure.startswith("loader"))
        yield from rows

    def stepping(self, ways: Sequence[str]) -> Iterator[Row]:
        """Measure the step of `paper`, by batch size."""
        statistics = Statistics.load(self.shards / STATISTICS)
        for way in ways:
            for size in self.options.batches:
                figure = f"step, batch {size}, {way}"
                if not self.allows(figure, SECONDS[way]):
                    continue
                case = Case.of(self._recipe(size), self.place, statistics)
                if way == EAGER:
                    yield Row(f"augmentation, batch {size}", "images/s", augmenting(case))
                try:
                    self.steps[way, size], memory = self._measured(WAYS[way], case)
                except RuntimeError as error:  # one way that fails must not cost the others
                    print(f"{figure}: failed ({str(error).splitlines()[0]})")
                    continue
                yield Row(figure, "images/s", self.steps[way, size], note=memory)

    def best_steps(self) -> Iterator[Row]:
        """Hold the best way for each batch size to its goal, at full width."""
        for size in self.options.batches:
            found = [(rate, way) for (way, batch), rate in self.steps.items() if batch == size]
            if found and size in STEP_GOALS and self.options.width == 1:
                rate, way = max(found)
                figure = f"step, batch {size}, best"
                yield Row(figure, "images/s", rate, at_least=STEP_GOALS[size], note=way)

    def fitting(self, way: str, cache: str, decode: str = "cpu") -> Iterator[Row]:
        """Measure `fit` against the smaller of loader and step, by batch size."""
        for size in {min(self.options.batches): None, max(self.options.batches): None}:
            figure = f"fit, batch {size}, {way}, cache {cache}, decode {decode}"
            if (way, size) not in self.steps or not self.allows(figure, SECONDS[way]):
                continue
            recipe = self._recipe(size, epochs=self.options.epochs)
            speed = fit(
                self.shards,
                self.work,
                recipe,
                self.place,
                cache=cache,
                compiled=way == COMPILED,
                decode=decode,
            )
            self.fits[figure] = speed.rate
            step = self.steps[way, size]
            other = min(self.loader, step) if cache == "off" else step
            note = f"waits {speed.waiting:.0%}"
            # On the CPU, loading and training take the same cores from each other
            goal = 0.9 if self.place.device.type == "cuda" else None
            ratio = speed.rate / other
            yield Row(figure, "images/s", speed.rate, other, ratio, at_least=goal, note=note)

    def normalising(self) -> Iterator[Row]:
        """Measure what LRN takes of a step, beside torch's, by batch size."""
        statistics = Statistics.load(self.shards / STATISTICS)
        for size in self.options.batches:
            if self.allows(f"LRN's share, batch {size}", SECONDS[EAGER]):
                yield from shares(Case.of(self._recipe(size), self.place, statistics))

    def agreeing(self) -> Iterator[Row]:
        """Train on the CPU and on the device: the same but for roundings."""
        if self.allows("CPU and device side by side", 60):
            yield from agreement(self.shards, self.place.device, self.options.steps)

    def joining(self) -> Iterator[Row]:
        """Measure `fit` under torchrun, where gradients go through NCCL, beside `fit` alone."""
        if self.allows("fit under torchrun", 60):
            size = max(self.options.batches)
            yield under_torchrun(self.shards, self.work, self._recipe(size, epochs=2))

    def projection(self) -> Iterator[Row]:
        """Project the paper's training, from the fastest `fit` with bounded memory."""
        found = {what: rate for what, rate in self.fits.items() if "cache off" in what}
        if not found or self.options.width != 1:
            return
        what = max(found, key=lambda name: found[name])
        minutes = EPOCHS * (IMAGES / found[what]) / 60
        note = f"{EPOCHS} x {IMAGES:,} images at {found[what]:,.0f}/s ({what}), no validation"
        yield Row("90 epochs of ImageNet, projected", "min", minutes, at_most=60, note=note)

    def memory(self) -> Iterator[Row]:
        """Give the most memory that this process has used."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        yield Row("host memory of the process, at most", "GB", peak / 1e9)

    def _recipe(self, size: int, **changes: int) -> Recipe:
        changed = {"batch_size": size, "width": self.options.width, **changes}
        return load_recipe("paper", changed)

    def _measured(self, way: Callable[[Case], float], case: Case) -> tuple[float, str]:
        """Return the rate, and the device's memory in words."""
        if self.place.device.type != "cuda":
            return way(case), ""
        torch.compiler.reset()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        rate = way(case)
        return rate, f"{torch.cuda.max_memory_allocated() / 1e9:.1f} GB"


def main(given: Sequence[str] | None = None) -> None:
    """Measure and print everything, what matters most first."""
    options = arguments(given)
    print(machine())
    gpu = torch.cuda.is_available()
    if not gpu:
        print("No CUDA GPU here: what follows is the CPU's part alone, small.")
    with tempfile.TemporaryDirectory(prefix="alexkit-bench-") as temporary:
        work = (options.work or Path(temporary)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        bench = Bench(options, work)
        print(bench.place.describe(), flush=True)
        sections = [bench.preparation(), bench.augmentation(), bench.loading()]
        sections += [bench.stepping([EAGER]), bench.normalising(), bench.agreeing()]
        sections += [bench.fitting(EAGER, "off"), bench.joining()]
        if gpu:
            sections += [bench.stepping([GRAPH, COMPILED, BOTH]), bench.best_steps()]
            sections += [bench.fitting(COMPILED, "off"), bench.fitting(COMPILED, "device")]
            sections += [bench.fitting(COMPILED, "off", "cuda")]
        for section in [*sections, bench.projection(), bench.memory()]:
            report(list(section), options.results)


if __name__ == "__main__":
    main()
