"""The voice frame (protocol.md section 6): a header of 16 bytes and one Opus packet; pure."""

from __future__ import annotations

import struct

HEADER = struct.Struct("!BBBBIHHI")
"""kind, flags, level, codec, ssrc, seq, target, ts."""

KIND = 0x51
FIRST = 0x01
LAST = 0x02
CLIENT_FLAGS = FIRST | LAST
CODECS = frozenset((0x02, 0x04, 0x06))
"""Opus, 20, 40 or 60 ms."""

SHORTEST = HEADER.size + 1
LONGEST = HEADER.size + 400


def check(frame: bytes) -> int:
    """The ssrc of a frame from a client, or -1 if its form is wrong."""
    if not SHORTEST <= len(frame) <= LONGEST:
        return -1
    kind, flags, _level, codec, ssrc, _seq, target, _ts = HEADER.unpack_from(frame)
    if kind != KIND or flags & ~CLIENT_FLAGS or codec not in CODECS or target:
        return -1
    return int(ssrc)
