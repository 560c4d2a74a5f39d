"""What one visitor hears of the other, beside what was said."""

from __future__ import annotations

import dataclasses
import statistics

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
    """Of loudness in windows of 50 ms at the best lag, for each round: between two the delay may change."""
    pauses: tuple[float, ...]
    """Loudness of the windows in which nobody spoke."""

    @property
    def correlation(self) -> float:
        """The mean of all rounds."""
        return statistics.fmean(self.correlations)


async def listen(listener: Visitor, speech: Speech) -> Hearing:
    """Wait until the listener has heard the only speaker for long enough, and compare."""
    span = ROUNDS * speech.windows * WINDOW_MS
    await listener.until(
        f"({{ speakers: [one] }}) => one?.loudness.length && one.loudness.at(-1)[0] - one.loudness[0][0] > {span}",
        patience=3 * PATIENCE,
    )
    heard = await _loudness(listener)
    correlations: list[float] = []
    pauses: list[float] = []
    for begin in range(0, ROUNDS * speech.windows, speech.windows):
        part = heard[begin : begin + speech.windows]
        correlation, said = speech.follow(part)
        correlations.append(correlation)
        pauses += [part[at] for at in range(len(part)) if max(said[max(0, at - NEAR) : at + NEAR + 1]) < QUIET]
    return Hearing(tuple(correlations), tuple(pauses))


async def _loudness(listener: Visitor) -> list[float]:
    """What the listener has heard from the one speaker, window by window without a hole."""
    [speaker] = (await listener.stats())["speakers"]
    begin = speaker["loudness"][0][0]
    windows = {round((at - begin) / WINDOW_MS): rms for at, rms in speaker["loudness"]}
    return [windows.get(index, 0.0) for index in range(max(windows) + 1)]
