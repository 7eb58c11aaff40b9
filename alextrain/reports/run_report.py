"""report.html of a run: one file that holds all there is to see of it, pictures included."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

from alexprep.files import write_atomically
from alextrain.reports.report import ABOUT
from alextrain.studies.compare import Story
from alextrain.training.logged import read_log

REPORT = "report.html"
PICTURES = {  # file in RUN or RUN/figures -> what it shows
    "curves.png": "Loss, errors and learning rate over the epochs",
    "kernels.png": "The kernels of the first layer (the paper's Figure 3)",
    "predictions.png": "Validation images and the five best guesses, the true class coloured",
    "mistakes.png": "Its surest mistakes",
    "confusion.png": "What is taken for what: rows are the truth",
    "neighbours.png": "The nearest training images by fc7 (the paper's Figure 4)",
    "gradcam.png": "What speaks for the first guess, in each picture (Grad-CAM; red: most)",
    "maps.png": "What the layers make of one image",
}
_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
table { border-collapse: collapse; }
td { padding: .15rem 1.2rem .15rem 0; vertical-align: top; overflow-wrap: anywhere; }
td:first-child { opacity: .7; white-space: nowrap; }
figure { margin: 1.5rem 0; } figcaption { opacity: .7; }
img { max-width: 100%; background: white; border-radius: 4px; }
pre { overflow-x: auto; padding: .8rem; border: 1px solid #8884; border-radius: 4px;
      font-size: .85rem; }
li { margin: .2rem 0; }
"""


def write_report(folder: Path, story: Story) -> Path:
    """Write RUN/report.html of what lies in the run's folder, and return its path.

    Raises:
        DiskError: the disk is full or may not be written.
    """
    rows = read_log(folder)
    machines = [row for row in rows if row["kind"] == "machine"]
    parts = [
        f"<h1>{escape(story.name)}</h1>",
        _table(_summary(story, machines)),
        *_pictures(folder),
        "<h2>What was said</h2>",
        _list(row["text"] for row in rows if row["kind"] == "event"),
        "<h2>Recipe</h2>",
        f"<pre>{escape((folder / 'recipe.toml').read_text(encoding='utf-8'))}</pre>",
    ]
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(story.name)}</title><style>{_STYLE}</style></head>"
        f"<body>{''.join(parts)}</body></html>\n"
    )
    path = folder / REPORT
    write_atomically(path, page.encode("utf-8"))
    return path


def _summary(story: Story, machines: list[dict[str, Any]]) -> dict[str, str]:
    best, recipe = story.best, story.recipe
    summary = {"recipe": f"{recipe.name}, seed {recipe.seed}"}
    if best.get("val_top1_error") is not None:
        top5 = best.get("val_top5_error")
        more = "" if top5 is None else f", top-5 {top5:.2%}"
        summary["best error"] = (
            f"top-1 {best['val_top1_error']:.2%}{more} ({best['split']}, 1 view, after epoch "
            f"{best['epoch']})"
        )
    else:
        summary["best error"] = "nothing was validated"
    summary["epochs"] = f"{len(story.epochs)} of {recipe.epochs}"
    summary["speed"] = f"{story.speed:,.0f} images/s, the median of the epochs"
    summary |= _machines(story, machines)
    return summary


def _machines(story: Story, machines: list[dict[str, Any]]) -> dict[str, str]:
    """Return on what it ran, and for how long: hours times processes."""
    if not machines:
        return {"time": f"{story.hours:.2f} hours in epochs"}
    last = machines[-1]
    names = dict.fromkeys(row["device"] for row in machines)
    kind = "GPU" if last["type"] == "cuda" else "CPU"
    count = int(last["processes"])
    times = "" if count == 1 else f" ({count} processes)"
    shards = dict.fromkeys(row["fingerprint"] for row in machines)
    return {
        "machine": "; then ".join(names) + times,
        "time": f"{story.hours * count:.2f} {kind}-hours in epochs, validation left out",
        "torch": ", ".join(dict.fromkeys(str(row["torch"]) for row in machines)),
        "shards": ", ".join(f"fingerprint {fingerprint}" for fingerprint in shards),
    }


def _pictures(folder: Path) -> list[str]:
    about = folder / "figures" / ABOUT
    parts = [f"<p>{escape(about.read_text(encoding='utf-8'))}</p>"] if about.is_file() else []
    for name, what in PICTURES.items():
        path = next((p for p in (folder / name, folder / "figures" / name) if p.is_file()), None)
        if path is not None:
            data = base64.b64encode(path.read_bytes()).decode("ascii")
            parts.append(
                f'<figure><img alt="{escape(what)}" src="data:image/png;base64,{data}">'
                f"<figcaption>{escape(what)}</figcaption></figure>"
            )
    return parts


def _table(rows: Mapping[str, str]) -> str:
    cells = (f"<tr><td>{escape(a)}</td><td>{escape(b)}</td></tr>" for a, b in rows.items())
    return f"<table>{''.join(cells)}</table>"


def _list(items: Iterable[str]) -> str:
    lines = "".join(f"<li>{escape(item)}</li>" for item in items)
    return f"<ul>{lines}</ul>" if lines else "<p>Nothing.</p>"
