"""The structure of a JPEG stream: where its EXIF lies, and how a stream with flaws is mended."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

START = b"\xff\xd8"
END = b"\xff\xd9"
_APP0, _APP1, _APP14, _APP15, _COMMENT = 0xE0, 0xE1, 0xEE, 0xEF, 0xFE
_SCAN, _FINISH = 0xDA, 0xD9
_BARE = frozenset({0x00, 0x01, *range(0xD0, 0xD9)})  # stuffing, TEM, RSTn, SOI: no length follows
_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})  # DCT frames, Huffman and arithmetic
# What ends a scan: a marker that is neither a stuffed byte nor a restart.
_MARKER = re.compile(rb"\xff+[\x01-\xcf\xd8-\xfe]")
_ANY_MARKER = re.compile(rb"\xff+[\x01-\xfe]")


class Mended(NamedTuple):
    """A stream made anew of the parts that the picture needs."""

    data: bytes  # from SOI to EOI, without metadata
    had_end: bool  # an end marker was there
    complete: bool  # the scans bring each coefficient of each component in full


class _Segment(NamedTuple):
    marker: int
    payload: bytes  # what follows the two bytes of length
    scan: bytes  # of SOS: the entropy-coded data


def find_exif(data: bytes) -> bytes | None:
    """Return the EXIF of a JPEG, without its prefix, or None: a look at the first segments."""
    position = 2
    while data[position : position + 1] == b"\xff" and position + 4 <= len(data):
        marker = data[position + 1]
        if marker != _COMMENT and not _APP0 <= marker <= _APP15:
            return None
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        if marker == _APP1 and data.startswith(b"Exif\0\0", position + 4):
            return data[position + 10 : end]
        position = end
    return None


def mend(data: bytes) -> Mended | None:
    """Rebuild a stream from its tables, frame and scans, and end it.

    Metadata (damaged ICC profiles among it), stray bytes between segments and all that follows
    the end marker are left out. The entropy-coded data are kept as they are: whether they suffice
    is for the decoder to say.

    Returns:
        None where there is no frame or no scan: nothing to decode.
    """
    pieces, frame, scans, had_end = [START], None, [], False
    for segment in _segments(data):
        if segment.marker == _FINISH:
            had_end = True
            break
        if not _is_needed(segment):
            continue
        length = (len(segment.payload) + 2).to_bytes(2, "big")
        pieces += (bytes((0xFF, segment.marker)), length, segment.payload, segment.scan)
        if segment.marker in _FRAMES:
            frame = segment
        elif segment.marker == _SCAN:
            scans.append(segment.payload)
    if frame is None or not scans:
        return None
    return Mended(b"".join((*pieces, END)), had_end, _covers(frame.payload, scans))


def _segments(data: bytes) -> Iterator[_Segment]:
    position = 2
    while (match := _ANY_MARKER.search(data, position)) is not None:
        position = match.end()
        marker = data[position - 1]
        if marker in _BARE:
            continue
        if marker == _FINISH:
            yield _Segment(marker, b"", b"")
            return
        end = position + int.from_bytes(data[position : position + 2], "big")
        if end < position + 2 or end > len(data):
            return
        payload, position = data[position + 2 : end], end
        if marker == _SCAN:
            after = _MARKER.search(data, end)
            position = len(data) if after is None else after.start()
        yield _Segment(marker, payload, data[end:position])


def _is_needed(segment: _Segment) -> bool:
    """Of the application segments, JFIF and Adobe decide how colours are stored."""
    if segment.marker == _COMMENT or _APP0 <= segment.marker <= _APP15:
        return (segment.marker == _APP0 and segment.payload.startswith(b"JFIF")) or (
            segment.marker == _APP14 and segment.payload.startswith(b"Adobe")
        )
    return True


def _covers(frame: bytes, scans: list[bytes]) -> bool:
    """Tell whether the scans bring every coefficient of every component to its last bit.

    A progressive file that was cut between two scans decodes without a complaint, but coarsely.
    """
    components = frame[6::3]
    missing = {component: set(range(64)) for component in components}
    for scan in scans:
        count = scan[0] if scan else 0
        if len(scan) < 4 + 2 * count:
            return False
        first, last, approximation = scan[1 + 2 * count : 4 + 2 * count]
        if approximation & 15 == 0:
            for component in scan[1 : 1 + 2 * count : 2]:
                missing.get(component, set()).difference_update(range(first, last + 1))
    return not any(missing.values())
