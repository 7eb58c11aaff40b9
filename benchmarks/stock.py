"""Stock Pillow, installed beside the project for comparison: where people use it unknowingly."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.originals import ROOT


def stock_pillow(work: Path) -> Path | None:
    """Return a folder that holds stock Pillow alone, for PYTHONPATH; install it if needed.

    Says why where it cannot be had, and returns None.
    """
    target = work / "stock-pillow"
    uv = shutil.which("uv") or shutil.which("uv", path=str(ROOT / ".tools" / "bin"))
    if not target.exists():
        if uv is None:
            print("stock Pillow: left out, because uv, which installs it, is not found")
            return None
        command = [uv, "pip", "install", "--quiet", "--target", str(target), "--no-deps"]
        command += ["--python", sys.executable, "--constraint", str(ROOT / "constraints.txt")]
        # From another folder: in the project's own the rule of pyproject.toml leaves Pillow out
        done = subprocess.run([*command, "pillow"], cwd="/", capture_output=True, check=False)
        if done.returncode != 0:
            print(f"stock Pillow: left out, it cannot be installed ({_last_line(done.stderr)})")
            return None
    version = _version(target)
    if ".post" in version:  # how pillow-simd numbers itself
        print(f"stock Pillow: left out, {target} holds {version}")
        return None
    return target


def with_path(folder: Path) -> dict[str, str]:
    """Return the environment in which Python looks into `folder` first."""
    return {"PYTHONPATH": str(folder)}


def _version(folder: Path) -> str:
    command = [sys.executable, "-c", "import PIL; print(PIL.__version__)"]
    environment = os.environ | with_path(folder)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _last_line(output: bytes) -> str:
    lines = output.decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else "no reason given"
