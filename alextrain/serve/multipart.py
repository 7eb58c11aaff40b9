"""The picture in a form, as browsers and `curl -F` send it."""

from __future__ import annotations

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from alextrain.serve.limits import RefusedError

_MOST_PARTS = 16


def file_in_form(content_type: str, body: bytes) -> bytes:
    """Return the first file of a multipart/form-data body.

    Raises:
        RefusedError: 422 where there is none or the form is broken.
    """
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise RefusedError(422, "the form has no boundary in its Content-Type")
    parts = _Parts()
    try:
        parser = MultipartParser(boundary, parts.callbacks())  # type: ignore[arg-type]
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise RefusedError(422, "the form is broken: it ends early or has no parts") from error
    if not parts.whole:
        raise RefusedError(422, "the form is broken: it ends early or has no parts")
    if parts.file is None:
        raise RefusedError(422, "the form holds no file; send one: curl -F file=@photo.jpg")
    return bytes(parts.file)


class _Parts:
    """What the parser calls; keeps the first part that has a file name."""

    def __init__(self) -> None:
        self.file: bytearray | None = None
        self.whole = False
        self._parts = 0
        self._is_file = False
        self._name, self._value = bytearray(), bytearray()

    def callbacks(self) -> dict[str, object]:
        """Return what MultipartParser asks for."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._name.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._header,
            "on_part_data": self._data,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        self._parts += 1
        self._is_file = False
        if self._parts > _MOST_PARTS:
            raise RefusedError(422, f"the form has more than {_MOST_PARTS} parts; send one file")

    def _header(self) -> None:
        name, value = bytes(self._name).lower(), bytes(self._value)
        self._name.clear()
        self._value.clear()
        if name == b"content-disposition" and self.file is None:
            _, options = parse_options_header(value)
            if b"filename" in options:
                self._is_file, self.file = True, bytearray()

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file and self.file is not None:
            self.file += data[start:end]

    def _end(self) -> None:
        self.whole = True
