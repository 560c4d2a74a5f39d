"""Figures of sessions that were made at this node and that the others have not been told; pure."""

from __future__ import annotations

from itertools import islice
from typing import Generic, TypeVar

import msgspec

MOST = 1000
"""Figures in one frame."""

Figure = TypeVar("Figure", int, float)


class Untold(Generic[Figure]):
    """By session the last figure of each."""

    __slots__ = ("_figures",)

    def __init__(self) -> None:
        self._figures: dict[str, Figure] = {}

    def note(self, session: str, figure: Figure) -> None:
        """There is a figure of a session; one that waits already is told no more."""
        self._figures[session] = figure

    def take(self) -> bytes:
        """`MOST` figures as a frame for the others, which need not be told again; or nothing."""
        taken = dict(islice(self._figures.items(), MOST))
        for session in taken:
            del self._figures[session]
        return msgspec.msgpack.encode(taken) if taken else b""
