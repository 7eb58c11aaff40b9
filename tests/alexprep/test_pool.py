"""Processes beside the workers: they say nothing, however a run ends."""

import subprocess
import sys

import pytest

LEFT_BEHIND = """
import warnings
from alexprep.workers import backends
if {silent}:
    backends._start_trackers()
backends.{tracker}.register("/nothing-of-this-name", "{kind}")
"""


@pytest.mark.parametrize(
    ("tracker", "kind"), [("resource_tracker", "semaphore"), ("loky_resource_tracker", "folder")]
)
@pytest.mark.parametrize("silent", [True, False])
def test_what_killed_workers_leave_is_cleaned_up_without_a_word(tracker, kind, silent):
    script = LEFT_BEHIND.format(tracker=tracker, kind=kind, silent=silent)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert ("There appear to be 1 leaked" in done.stderr) != silent, done.stderr
    assert (done.stderr == "") == silent
