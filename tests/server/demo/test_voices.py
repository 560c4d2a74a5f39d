"""The voices of a demo: packets that any decoder takes and any node forwards."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from server.demo import cast
from server.demo.voices import FILE, Phrase, read_voices
from server.wire import voice

FOLDER = Path(__file__).resolve().parents[3] / "resources/demo"
VOICES = read_voices(FOLDER)
PHRASES = [phrase for each in VOICES.values() for phrase in each.phrases]


def milliseconds(packet: bytes) -> float:
    """How long one Opus packet lasts (RFC 6716, section 3.1)."""
    config, count = packet[0] >> 3, packet[0] & 3
    if config < 12:
        frame: float = (10, 20, 40, 60)[config & 3]
    else:
        frame = (10, 20)[config & 1] if config < 16 else (2.5, 5, 10, 20)[config & 3]
    return frame * (1, 2, 2, packet[min(1, len(packet) - 1)] & 0x3F)[count]


def is_stereo(packet: bytes) -> bool:
    return bool(packet[0] & 4)


@pytest.mark.parametrize("phrase", PHRASES, ids=lambda phrase: phrase.text)
def test_a_phrase_is_mono_opus_of_20_ms_that_fits_a_frame(phrase: Phrase) -> None:
    for frame in phrase.frames:
        assert milliseconds(frame.packet) == 20
        assert not is_stereo(frame.packet)
        assert voice.SHORTEST <= voice.HEADER.size + len(frame.packet) <= voice.LONGEST
        assert 0 <= frame.level <= 127
    assert 0.4 <= phrase.seconds <= 6


def test_speech_is_loud_and_quiet_in_turns() -> None:
    for phrase in PHRASES:
        levels = [frame.level for frame in phrase.frames]
        assert 10 <= min(levels) <= 25
        assert max(levels) - min(levels) >= 15


def test_every_voice_of_the_cast_is_there_and_all_are_used() -> None:
    assert {person.voice for person in cast.PEOPLE if person.voice} == set(VOICES)
    assert {room.language for room in cast.ROOMS} - {""} <= {each.language for each in VOICES.values()}


def test_the_file_is_small() -> None:
    assert (FOLDER / FILE).stat().st_size < 500_000


def test_a_damaged_file_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes((FOLDER / FILE).read_bytes()[:1000])
    with pytest.raises(msgspec.MsgspecError):
        read_voices(tmp_path)
