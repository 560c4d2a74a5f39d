"""What one visitor hears of the other, beside what was said."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Sequence

from tests.browser.speech import Speech
from tests.browser.visitor import PATIENCE, Visitor

ROUNDS = 2
"""How often the speech is listened to."""
WINDOW_MS = 50
QUIET = 0.001
"""Below this nobody speaks; root mean square of samples in -1..1."""
NEAR = 3
"""Windows around a spoken one in which its beginning or end may still be heard."""


@dataclasses.dataclass(frozen=True, slots=True)
class Hearing:
    """How well the heard follows the said."""

    correlations: tuple[float, ...]
    """Of loudness in windows of 50 ms at the best lag, for each part: between two the delay may change."""
    pauses: tuple[float, ...]
    """Loudness of the windows in which nobody spoke."""

    @property
    def correlation(self) -> float:
        """The mean of all parts."""
        return statistics.fmean(self.correlations)


async def listen(listener: Visitor, speech: Speech) -> Hearing:
    """Wait until the listener has heard the only speaker for long enough, and compare."""
    span = ROUNDS * speech.windows * WINDOW_MS
    await listener.until(
        f"({{ speakers: [one] }}) => one?.loudness.length && one.loudness.at(-1)[0] - one.loudness[0][0] > {span}",
        patience=3 * PATIENCE,
    )
    heard = await _loudness(listener)
    begins = range(0, ROUNDS * speech.windows, speech.windows)
    return _compare(speech, [heard[begin : begin + speech.windows] for begin in begins])


def _compare(speech: Speech, parts: Sequence[list[float]]) -> Hearing:
    correlations: list[float] = []
    pauses: list[float] = []
    for part in parts:
        correlation, said = speech.follow(part)
        correlations.append(correlation)
        pauses += [part[at] for at in range(len(part)) if max(said[max(0, at - NEAR) : at + NEAR + 1]) < QUIET]
    return Hearing(tuple(correlations), tuple(pauses))


async def listen_after(listener: Visitor, speech: Speech, at: float) -> Hearing:
    """Wait until one round of what came after `at`, in ms since 1970, was heard, and compare."""
    span = speech.windows * WINDOW_MS
    await listener.until(f"({{ speakers: [one] }}) => one?.loudness.at(-1)?.[0] > {at + span}", patience=3 * PATIENCE)
    [speaker] = (await listener.stats())["speakers"]
    later = [(then, rms) for then, rms in speaker["loudness"] if then >= at]
    windows = {round((then - later[0][0]) / WINDOW_MS): rms for then, rms in later}
    heard = [windows.get(index, 0.0) for index in range(speech.windows)]
    return _compare(speech, [heard[: len(heard) // 2], heard[len(heard) // 2 :]])


async def _loudness(listener: Visitor) -> list[float]:
    """What the listener has heard from the one speaker, window by window without a hole."""
    [speaker] = (await listener.stats())["speakers"]
    begin = speaker["loudness"][0][0]
    windows = {round((at - begin) / WINDOW_MS): rms for at, rms in speaker["loudness"]}
    return [windows.get(index, 0.0) for index in range(max(windows) + 1)]
