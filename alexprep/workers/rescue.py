"""Whether one image kills the process that decodes it: tried alone, in a fresh process."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys

from alexprep.errors import AlexError
from alexprep.images.transform import prepare
from alexprep.raw.source import Source, read_source
from alexprep.settings import PrepSettings


def kills_alone(source: Source, settings: PrepSettings) -> str | None:
    """Prepare one image in a process of its own.

    Returns:
        None where the process lived, whatever it made of the image; else the reason for which
        the image is to be skipped.
    """
    try:
        data = read_source(source)
    except AlexError:
        return None  # it is bad in a way that the worker reports
    order = json.dumps(settings.to_dict()).encode("ascii") + b"\n" + data
    paths = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), *sys.path)))
    done = subprocess.run(
        [sys.executable, "-m", "alexprep.workers.rescue"],
        input=order,
        env=os.environ | {"PYTHONPATH": paths},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the parent
        check=False,
    )
    if done.returncode >= 0:
        return None
    return f"kills the process that decodes it ({signal.Signals(-done.returncode).name})"


def _main() -> None:
    settings = PrepSettings.from_dict(json.loads(sys.stdin.buffer.readline()))
    # A bad image is reported by the worker.
    with contextlib.suppress(AlexError):
        prepare(sys.stdin.buffer.read(), settings)


if __name__ == "__main__":
    _main()
