"""What lies under one key in a WebDataset tar: which member is the image, which the label."""

from __future__ import annotations

import json

from alexprep.errors import RawError

IMAGES = ("jpg", "jpeg", "png", "webp", "ppm", "pgm", "gif", "bmp", "tif", "tiff")
LABELS = ("cls", "cls.txt", "label", "json", "txt")  # in this order, where there are several
MAX_LABEL = 1 << 20  # bytes; a label is a number or a word, a .json may hold more beside it
_FIELDS = ("label", "cls", "class", "class_id", "target")  # of a .json, in this order

Label = int | str


def read_label(title: str, extension: str, data: bytes) -> Label | None:
    """Return the label that a member holds; None for an empty one.

    Args:
        title: Of the member, for messages.
        extension: Of the member, as in LABELS.
        data: Its content.

    Raises:
        RawError: it is no text, or holds no label.
    """
    try:
        text = data.decode("utf-8-sig").strip()
        if extension != "json":
            return _number_or_text(text)
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RawError(f"{title} cannot be read as text ({type(error).__name__})") from error
    if isinstance(content, dict):
        content = next((content[name] for name in _FIELDS if name in content), None)
    if content is None or (isinstance(content, int | str) and not isinstance(content, bool)):
        return content
    raise RawError(f"{title} holds no label; expected a number or a text under {_FIELDS[0]!r}")


def _number_or_text(text: str) -> Label | None:
    if text.isascii() and text.removeprefix("-").isdigit():
        return int(text)
    return text or None
