"""The voices of a demo: phrases as Opus packets that were made beforehand (tests/demo/record_voices.py)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

FRAME_SECONDS = 0.02

FILE = "voices.msgpack"


class Frame(msgspec.Struct, frozen=True, array_like=True):
    """20 ms of speech."""

    level: int
    """-dBov: 0 loud, 127 silent."""
    packet: bytes
    """One Opus packet."""


class Phrase(msgspec.Struct, frozen=True, array_like=True):
    """What is said in one breath."""

    text: str
    frames: tuple[Frame, ...]

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return len(self.frames) * FRAME_SECONDS


class Voice(msgspec.Struct, frozen=True, array_like=True):
    """Somebody's voice."""

    name: str
    language: str
    phrases: tuple[Phrase, ...]


def read_voices(folder: Path) -> Mapping[str, Voice]:
    """Read the voices in `folder`, by name. Raises OSError, msgspec.MsgspecError."""
    voices = msgspec.msgpack.decode((folder / FILE).read_bytes(), type=tuple[Voice, ...])
    return {voice.name: voice for voice in voices}
