"""Speech for a fake microphone, and how loud it is when."""

from __future__ import annotations

import array
import dataclasses
import math
import statistics
import subprocess
import wave
from collections.abc import Sequence
from pathlib import Path

RATE = 48000
STEP = 240
"""Samples of the finest look at loudness: 5 ms."""
WINDOW = 10
"""Steps in a window: 50 ms, as the page measures."""
SENTENCE = "The quick brown fox jumps, over the lazy dog. Five quacking zephyrs!"
PAUSE_SECONDS = 2


@dataclasses.dataclass(frozen=True, slots=True)
class Speech:
    """A sentence and a pause, which Chromium plays to the microphone over and over."""

    path: Path
    loudness: tuple[float, ...]
    """Root mean square of the 50 ms that begin at each 5 ms of one round."""

    @classmethod
    def record(cls, path: Path) -> Speech:
        """Let espeak-ng speak into `path`, 48 kHz mono."""
        raw = path.with_suffix(".raw.wav")
        subprocess.run(["espeak-ng", "-a", "180", "-w", raw, SENTENCE], check=True)
        with wave.open(str(raw)) as file:
            spoken = _resample(_samples(file.readframes(file.getnframes())), file.getframerate())
        spoken.extend([0] * (PAUSE_SECONDS * RATE - len(spoken) % STEP))
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(spoken.tobytes())
        return cls(path, _loudness(spoken))

    @property
    def windows(self) -> int:
        """Windows in one round."""
        return len(self.loudness) // WINDOW

    def follow(self, heard: Sequence[float]) -> tuple[float, list[float]]:
        """The best correlation of `heard`, in windows of 50 ms, with this speech, and the speech so shifted.

        `heard` should not be longer than a round: between sentences a listener's buffer may change its delay.
        """

        def shifted(lag: int) -> list[float]:
            return [self.loudness[(lag + index * WINDOW) % len(self.loudness)] for index in range(len(heard))]

        best = max(range(len(self.loudness)), key=lambda lag: statistics.correlation(heard, shifted(lag)))
        return statistics.correlation(heard, shifted(best)), shifted(best)


def _samples(data: bytes) -> array.array[int]:
    return array.array("h", data)


def _resample(samples: Sequence[int], rate: int) -> array.array[int]:
    """Linear, which is enough for a voice."""
    result = array.array("h")
    for index in range((len(samples) - 1) * RATE // rate):
        place, share = divmod(index * rate, RATE)
        result.append(round(samples[place] + (samples[place + 1] - samples[place]) * share / RATE))
    return result


def _loudness(samples: Sequence[int]) -> tuple[float, ...]:
    steps = [sum(value * value for value in samples[at : at + STEP]) for at in range(0, len(samples), STEP)]
    round_and_more = steps + steps[:WINDOW]
    return tuple(
        math.sqrt(sum(round_and_more[at : at + WINDOW]) / (WINDOW * STEP)) / 32768 for at in range(len(steps))
    )
