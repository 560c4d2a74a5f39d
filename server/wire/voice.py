"""The voice frame (protocol.md section 6): a header of 16 bytes and one Opus packet; pure."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping

HEADER = struct.Struct("!BBBBIHHI")
"""kind, flags, level, codec, ssrc, seq, target, ts."""

KIND = 0x51
FIRST = 0x01
LAST = 0x02
CLIENT_FLAGS = FIRST | LAST
WHISPERED = 0x10
"""Set by the node on a frame that is for its receiver alone."""
CODECS = frozenset((0x02, 0x04, 0x06))
"""Opus, 20, 40 or 60 ms."""

LATE_SAMPLES = 48_000 // 5
"""200 ms: what is older goes to nobody."""

SHORTEST = HEADER.size + 1
LONGEST = HEADER.size + 400


def check(frame: bytes) -> int:
    """The ssrc of a frame from a client for its room, or -1 if its form is wrong or it has a target."""
    if not SHORTEST <= len(frame) <= LONGEST:
        return -1
    kind, flags, _level, codec, ssrc, _seq, target, _ts = HEADER.unpack_from(frame)
    if kind != KIND or flags & ~CLIENT_FLAGS or codec not in CODECS or target:
        return -1
    return int(ssrc)


def check_whispered(frame: bytes) -> tuple[int, int]:
    """The ssrc and target of a frame from a client that has a target; the ssrc is -1 if its form is wrong."""
    if len(frame) < SHORTEST:
        return -1, 0
    target = int.from_bytes(frame[10:12], "big")
    return check(frame[:10] + b"\0\0" + frame[12:]), target


def as_whispered(frame: bytes) -> bytes:
    """The same frame, marked as whispered."""
    return bytes((frame[0], frame[1] | WHISPERED)) + frame[2:]


def newest(frames: Iterable[bytes]) -> dict[int, int]:
    """By ssrc the time, as in the header, of the last of some frames of one client."""
    heads = [HEADER.unpack_from(frame) for frame in frames if len(frame) >= SHORTEST]
    return {int(ssrc): int(ts) for _, _, _, _, ssrc, _, _, ts in heads}


def is_late(frame: bytes, newest: Mapping[int, int]) -> bool:
    """Whether a frame is too old, by that of its ssrc which came together with it."""
    if len(frame) < SHORTEST:
        return False
    ssrc, ts = int.from_bytes(frame[4:8], "big"), int.from_bytes(frame[12:16], "big")
    return LATE_SAMPLES < (newest.get(ssrc, ts) - ts) % (1 << 32) < 1 << 31
