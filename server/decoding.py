"""What the bytes of a voice frame mean: each field with its place in them (protocol.md section 6); pure."""

from __future__ import annotations

import msgspec

from server.wire import voice

_FLAGS = ((voice.FIRST, "first"), (voice.LAST, "last"), (voice.WHISPERED, "whispered"))
_BANDS = (
    *("SILK narrow band",) * 4,
    *("SILK medium band",) * 4,
    *("SILK wide band",) * 4,
    *("hybrid super-wide band",) * 2,
    *("hybrid full band",) * 2,
    *("CELT narrow band",) * 4,
    *("CELT wide band",) * 4,
    *("CELT super-wide band",) * 4,
    *("CELT full band",) * 4,
)
"""By the configuration number of an Opus packet (RFC 6716, 3.1)."""
_SILK_MS = ("10", "20", "40", "60")
_HYBRID_MS = ("10", "20")
_CELT_MS = ("2.5", "5", "10", "20")
_PACKED = ("1 frame", "2 frames of one size", "2 frames", "several frames")


class Field(msgspec.Struct, frozen=True):
    """One decoded field."""

    name: str
    value: str
    """As a person reads it."""
    offset: int
    """Where its bytes are in the frame."""
    length: int


def fields(frame: bytes) -> list[Field]:
    """The fields of a frame, or of its header alone, in their order; none where it is shorter than that."""
    if len(frame) < voice.HEADER.size:
        return []
    kind, flags, level, codec, ssrc, seq, target, ts = voice.HEADER.unpack_from(frame)
    found = [
        Field("kind", f"{kind:#04x} voice" if kind == voice.KIND else f"{kind:#04x}", 0, 1),
        Field("flags", f"{flags:#04x} {', '.join(name for bit, name in _FLAGS if flags & bit)}".rstrip(), 1, 1),
        Field("level", f"{_decibel(level & 0x7F)}{', speech' if level & 0x80 else ''}", 2, 1),
        Field("codec", f"Opus, {(codec & 0x0F) * 10} ms" if codec >> 4 == 0 else f"{codec:#04x}", 3, 1),
        Field("ssrc", f"{ssrc:#010x}", 4, 4),
        Field("seq", f"{seq:,}", 8, 2),
        Field("target", "room" if target == 0 else f"{target}, whispered", 10, 2),
        Field("ts", f"{ts:,}", 12, 4),
    ]
    packet = frame[voice.HEADER.size :]
    if packet:
        found.append(Field("opus", _opus(packet[0]), voice.HEADER.size, 1))
    if len(packet) > 1:
        found.append(Field("packet", f"{len(packet) - 1} bytes", voice.HEADER.size + 1, len(packet) - 1))
    return found


def _decibel(level: int) -> str:
    return "silence" if level == 127 else f"{-level} dBov" if level else "0 dBov"


def _opus(toc: int) -> str:
    """The first byte of an Opus packet (RFC 6716, 3.1)."""
    config = toc >> 3
    if config < 12:
        length = _SILK_MS[config % 4]
    elif config < 16:
        length = _HYBRID_MS[config % 2]
    else:
        length = _CELT_MS[config % 4]
    return f"{_BANDS[config]}, {length} ms, {'stereo' if toc & 4 else 'mono'}, {_PACKED[toc & 3]}"
