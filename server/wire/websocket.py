"""Server-side WebSocket frames, made once for all receivers of a message (RFC 6455, 5.2); pure."""

from __future__ import annotations


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
