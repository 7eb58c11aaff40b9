"""Whether one image kills the process that decodes it: tried alone, in a fresh process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

from alexprep.errors import AlexError
from alexprep.raw.source import Source, read_source
from alexprep.settings import PrepSettings
from alexprep.transform import prepare


def kills_alone(source: Source, settings: PrepSettings) -> str | None:
    """Prepare one image in a process of its own.

    Returns:
        None where the process lived, whatever it made of the image; else the reason for which
        the image is to be skipped.
    """
    order = json.dumps({"source": source, "settings": settings.to_dict()})
    paths = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), *sys.path)))
    done = subprocess.run(
        [sys.executable, "-m", "alexprep.rescue"],
        input=order.encode("ascii"),
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
    order = json.loads(sys.stdin.buffer.read())
    try:
        prepare(read_source(Source(*order["source"])), PrepSettings.from_dict(order["settings"]))
    except AlexError:
        return  # it is bad in a way that the worker reports


if __name__ == "__main__":
    _main()
