"""What a server takes on at most, and how it refuses more."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds on work and memory, whatever is sent."""

    bytes: int = 20_000_000  # of one request's body
    pixels: int = 50_000_000  # of one picture, before it is made small
    at_once: int = 64  # requests that are read or answered; more are told to come again
    connections: int = 512  # open at a time
    seconds: float = 30.0  # that a request may take to arrive
    batch: int = 16  # pictures that the network sees together
    wait: float = 0.002  # seconds that a picture waits for others


class RefusedError(Exception):
    """A request that is not answered; the text is one sentence for the client.

    Args:
        status: HTTP status, 4xx or 5xx.
        sentence: What was found, what was expected.
        headers: To send along.
    """

    def __init__(self, status: int, sentence: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.headers = headers or {}
