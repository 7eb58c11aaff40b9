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
_SEQUENTIAL = frozenset({0xC0, 0xC1, 0xC9})
_FRAMES = _SEQUENTIAL | {0xC2, 0xCA}  # DCT frames, Huffman and arithmetic
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
    the end marker are left out; versions and bounds that libjpeg passes over with a warning are
    set right, so that the next warning is heard. The entropy-coded data are kept as they are:
    whether they suffice is for the decoder to say.

    Returns:
        None where there is no frame or no scan: nothing to decode.
    """
    segments, had_end = [], False
    for segment in _segments(data):
        had_end = had_end or segment.marker == _FINISH
        if _is_needed(segment):
            segments.append(segment)
    frame = next((segment for segment in segments if segment.marker in _FRAMES), None)
    scans = [segment.payload for segment in segments if segment.marker == _SCAN]
    if frame is None or not scans or len(frame.payload) < 6:
        return None
    pieces = [START]
    for segment in segments:
        payload = _set_right(segment, frame)
        length = (len(payload) + 2).to_bytes(2, "big")
        pieces += (bytes((0xFF, segment.marker)), length, payload, segment.scan)
    return Mended(b"".join((*pieces, END)), had_end, _covers(frame.payload, scans))


def has_more_scans(data: bytes, most: int) -> bool:
    """Tell whether a progressive JPEG has more than `most` scans before its end marker.

    Those of a sequential one cost no more than their bytes; they are not counted.
    """
    scans = 0
    for segment in _segments(data):
        if segment.marker in _SEQUENTIAL:
            return False
        if segment.marker in _FRAMES and data.count(bytes((0xFF, _SCAN))) <= most:
            return False  # a quick look, which counts what follows the end marker too
        scans += segment.marker == _SCAN
        if scans > most:
            return True
    return False


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
        return _is_jfif(segment) or _is_adobe(segment)
    return segment.marker != _FINISH


def _is_jfif(segment: _Segment) -> bool:
    return segment.marker == _APP0 and segment.payload.startswith(b"JFIF\0")


def _is_adobe(segment: _Segment) -> bool:
    return segment.marker == _APP14 and segment.payload.startswith(b"Adobe")


def _set_right(segment: _Segment, frame: _Segment) -> bytes:
    """Return the payload with what libjpeg would take it for."""
    payload = segment.payload
    if _is_jfif(segment):
        return b"JFIF\0\1\1\0\0\1\0\1\0\0"  # version 1.1, no density, no thumbnail
    if _is_adobe(segment) and len(payload) >= 12:
        coded = 2 if frame.payload[5] == 4 else 1  # YCCK of four components, YCbCr of three
        return payload[:11] + bytes((payload[11] and coded,)) + payload[12:]
    if segment.marker == _SCAN and frame.marker in _SEQUENTIAL:
        return payload[:-3] + b"\0\x3f\0"  # all coefficients at once
    return payload


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
