"""Loaded by every Python process begun with this folder in PYTHONPATH: workers that misbehave.

Decoding takes SLOW seconds longer, and an image that holds KILL ends the process that decodes it,
as a crash inside a C library would.
"""

import os
import signal
import time

SLOW = float(os.environ.get("TEST_SLOW", "0"))
KILL = b"kill whoever decodes this"

if "TEST_HOOKS" in os.environ:
    from alexprep.images import decode

    original = decode.decode_jpeg

    def misbehaving(data, max_pixels):
        time.sleep(SLOW)
        if KILL in data:
            signal.raise_signal(signal.SIGSEGV)  # in this very thread, as a crash is
        return original(data, max_pixels)

    decode.decode_jpeg = misbehaving
