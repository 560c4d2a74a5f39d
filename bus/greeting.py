"""What somebody says who connects to a mesh: the greeting of ZeroMQ (RFC 23) and the command behind it; pure."""

from __future__ import annotations

import enum

from bus.hello import HELLO_BYTES

SIGNATURE_BYTES, GREETING_BYTES = 10, 64
OURS = b"\xff" + bytes(8) + b"\x7f" + b"\x03\x01" + b"CURVE".ljust(20, b"\0") + b"\x01" + bytes(31)
"""The greeting of a server that wants a key."""

FIRST_BYTES = 11
"""So much of it makes the other end say all of its own, whatever that is; to the rest some only hang up."""

WHOLE_BYTES = GREETING_BYTES + 2 + HELLO_BYTES
"""All that somebody says before it has to hear more than our greeting."""

_COMMAND = b"\x04" + bytes([HELLO_BYTES])


class Said(enum.Enum):
    """What it comes to."""

    TOO_LITTLE = enum.auto()
    GARBAGE = enum.auto()
    """Nothing that a mesh says."""
    PLAIN = enum.auto()
    """A greeting of a mesh, without encryption or with another one."""
    GREETING = enum.auto()
    """A greeting of our mesh, and not yet more."""
    HELLO = enum.auto()
    """A greeting of our mesh, and the command that shows whose key was meant."""


def judge(data: bytes) -> Said:
    """What the first bytes of a connection come to."""
    if data[:1] not in (b"", b"\xff") or (len(data) >= SIGNATURE_BYTES and not data[9] & 1):
        return Said.GARBAGE
    if len(data) > SIGNATURE_BYTES and data[10] < 3:
        return Said.GARBAGE  # what spoke so knew no encryption, and is ten years old
    if len(data) < GREETING_BYTES:
        return Said.TOO_LITTLE
    mechanism = data[12:32].rstrip(b"\0")
    if mechanism != b"CURVE":
        return Said.PLAIN if mechanism in (b"NULL", b"PLAIN", b"GSSAPI") else Said.GARBAGE
    if not _COMMAND.startswith(data[GREETING_BYTES : GREETING_BYTES + 2]):
        return Said.GARBAGE
    return Said.HELLO if len(data) >= WHOLE_BYTES else Said.GREETING


def hello_of(data: bytes) -> bytes:
    """The command in what was judged to be `Said.HELLO`."""
    return data[GREETING_BYTES + 2 : WHOLE_BYTES]
