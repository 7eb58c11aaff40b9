"""Run every benchmark in turn and print one table.

    python -m benchmarks.all FOLDER [--quick]

FOLDER takes results.jsonl (each row with the date and the machine) and table.txt.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.originals import ORIGINALS
from benchmarks.timing import machine, read_rows, show

# Each with what makes it small: to see that it works, not to be believed
BENCHMARKS = {
    "prep": "--small 200 --large 500 --rounds 1 --huge 4",
    "loader": "--images 4100 --rounds 1",
    "lrn": "--batch 4 --step-batch 2 --rounds 1",
}
TAKES_ORIGINALS = ("prep", "loader")


def main(given: Sequence[str] | None = None) -> None:
    """Run them, one after the other: two at a time would measure each other."""
    parser = argparse.ArgumentParser(description="Run every benchmark and print one table.")
    parser.add_argument("folder", type=Path, help="takes results.jsonl and table.txt")
    parser.add_argument("--originals", type=Path, default=ORIGINALS)
    parser.add_argument("--quick", action="store_true", help="small sizes, to try it")
    options = parser.parse_args(given)
    options.folder.mkdir(parents=True, exist_ok=True)
    results = options.folder / "results.jsonl"
    results.unlink(missing_ok=True)
    failed = []
    for name, small in BENCHMARKS.items():
        print(f"== {name}", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}", "--results", str(results)]
        if name in TAKES_ORIGINALS:
            command += ["--originals", str(options.originals)]
        if options.quick:
            command += small.split()
        if subprocess.run(command, check=False).returncode != 0:
            failed.append(name)
    rows = read_rows(results) if results.exists() else []
    title = f"{datetime.now(UTC).date()}, {machine()}"
    table = f"{title}\n\n{show(rows)}\n"
    (options.folder / "table.txt").write_text(table, encoding="utf-8")
    print(f"\n{table}")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}; their figures above are missing or not all there")


if __name__ == "__main__":
    main()
