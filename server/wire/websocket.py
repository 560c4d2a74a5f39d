"""WebSocket frames (RFC 6455, 5.2): made once for all receivers of a message, told apart when they come; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

LONGEST_HEAD = 14
_MASK = 4


def _frame(first: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        return bytes((first, size)) + payload
    if size < 65536:
        return bytes((first, 126, size >> 8, size & 255)) + payload
    return bytes((first, 127)) + size.to_bytes(8, "big") + payload


def text_frame(payload: bytes) -> bytes:
    """One unmasked, unfragmented text message."""
    return _frame(0x81, payload)


def binary_frame(payload: bytes) -> bytes:
    """One unmasked, unfragmented binary message."""
    return _frame(0x82, payload)


class Edges:
    """Follows where the frames of a client end, without reading them.

    `at_edge` says that what comes next begins a frame, so that a message that comes alone can be told at a glance.
    """

    __slots__ = ("_head", "_missing")

    def __init__(self) -> None:
        self._head = b""
        self._missing = 0

    @property
    def at_edge(self) -> bool:
        """Whether everything so far were whole frames."""
        return not self._missing and not self._head

    def follow(self, data: bytes) -> None:
        """Go past `data`, which continues the stream."""
        at = 0
        while at < len(data):
            if self._missing:
                step = min(self._missing, len(data) - at)
                self._missing -= step
                at += step
                continue
            head = self._head + data[at : at + LONGEST_HEAD - len(self._head)]
            size, start = _measure(head)
            if size is None:
                self._head = head
                return
            at += start - len(self._head)
            self._head, self._missing = b"", size

    def ahead(self, data: bytes) -> Iterator[bytes]:
        """The whole frames that begin in `data`, which would continue the stream; goes nowhere."""
        data, at = self._head + data, self._missing
        while at < len(data):
            size, start = _measure(data[at : at + LONGEST_HEAD])
            if size is None or at + start + size > len(data):
                return
            yield data[at : at + start + size]
            at += start + size


def _measure(head: bytes) -> tuple[int | None, int]:
    """Size of the payload, None if `head` ends before it begins, and where it begins."""
    if len(head) < 2:
        return None, 0
    size, start = head[1] & 0x7F, 2
    if size == 126:
        size, start = int.from_bytes(head[2:4], "big"), 4
    elif size == 127:
        size, start = int.from_bytes(head[2:10], "big"), 10
    start += _MASK if head[1] & 0x80 else 0
    return (size, start) if len(head) >= start else (None, 0)


def sole_payload(data: bytes, limit: int, unmask: Callable[[bytes, bytes], bytes]) -> bytes | None:
    """The payload if `data`, at an edge, is one whole, masked binary message of `limit` bytes at most, else None."""
    size, start = _measure(data[:LONGEST_HEAD])
    if data[0] != 0x82 or not data[1:2] >= b"\x80" or size is None or size > limit or len(data) != start + size:
        return None
    return unmask(data[start:], data[start - _MASK : start])
