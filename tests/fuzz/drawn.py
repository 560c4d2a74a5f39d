"""Packets of the right form, drawn from bytes: what somebody with the key could say, sense or nonsense."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from bus import packets
from bus.record import HIGHEST, Kind, Record
from tests.fuzz.ground import NODE, PEER

T = TypeVar("T")

LIVES = (
    PEER,
    f"{NODE}.1",
    f"{3:016x}.1700000000000",
    f"{PEER[:16]}.1800000000000",
    f"{PEER[:16]}.1",
    f"{4:016x}.5",
    f"{NODE}.2",
)
"""Of two strangers, the node itself and its peer: the last of these is heard as a copy of the node."""
NUMBERS = (0, 1, 2, 3, 4, 5, 7, 10, 99, 500, 1000, 100_000, HIGHEST)
STEPS = (0.0, 0.05, 0.3, 1.0, 7.0)
"""Seconds between two packets."""
LATEST = 1e12
"""Seconds: the highest stamp that is one."""
MOST = 40


class Draw:
    """Choices, a byte for each; the first of all where there are no bytes any more."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def over(self) -> bool:
        """Whether nothing is left to choose by."""
        return self._at >= len(self._data)

    def below(self, most: int) -> int:
        """A number from 0 up."""
        if self.over:
            return 0
        self._at += 1
        return self._data[self._at - 1] % most

    def of(self, choices: Sequence[T]) -> T:
        """One of these."""
        return choices[self.below(len(choices))]


def talk(data: bytes, payloads: Sequence[bytes]) -> Iterator[tuple[packets.Packet, float]]:
    """Packets, and how many seconds pass after each."""
    draw = Draw(data)
    for _ in range(MOST):
        if draw.over:
            return
        yield _packet(draw, payloads), draw.of(STEPS)


def _records(draw: Draw, payloads: Sequence[bytes]) -> list[Record]:
    origin, first, step = draw.of(LIVES), draw.of(NUMBERS), draw.of((1, 1, 1, 2))
    return [
        Record(
            1,
            draw.of(tuple(Kind)),
            origin,
            min(max(1, first) + step * number, HIGHEST),
            max(1, draw.of(NUMBERS)),
            draw.of(("lobby", "", "other")),
            draw.of(("s", "s_1", "")),
            draw.of(("c-1", 1, None)),
            draw.of(payloads),
            last=draw.of((False, False, True)),
            after=draw.of((None, None, {draw.of(LIVES): max(1, draw.of(NUMBERS))})),
        )
        for number in range(draw.below(4))
    ]


def _packet(draw: Draw, payloads: Sequence[bytes]) -> packets.Packet:
    sender = draw.of(LIVES)
    origin, number = draw.of(LIVES), draw.of(NUMBERS)
    match draw.below(12):
        case 0 | 11:
            held = {draw.of(LIVES): _range(draw) for _ in range(draw.below(4))}
            hears = [draw.of(LIVES) for _ in range(draw.below(3))]
            known = {draw.of(LIVES): draw.of(("there", "here", "else")) for _ in range(draw.below(3))}
            return packets.Digest(
                sender, draw.of(("there", "else", "")), ("there",), held, hears, known, draw.of(payloads)
            )
        case 1:
            return packets.Records(sender, _records(draw, payloads))
        case 2:
            return packets.Ack(sender, origin, number)
        case 3:
            return packets.Ask(sender, origin, number, draw.of(NUMBERS), draw.of((False, True)))
        case 4:
            floor, high = _range(draw)
            records = _records(draw, payloads)
            return packets.Fill(sender, origin, number, draw.of(NUMBERS), floor, high, records, draw.of(NUMBERS))
        case 5:
            return packets.Ping(sender, min(float(number), LATEST))
        case 6:
            return packets.Pong(sender, min(float(number), LATEST) / 3)
        case 7:
            return packets.Bye(sender)
        case 8:
            return packets.Call(sender, number, draw.of(payloads))
        case 9:
            return packets.Answer(sender, number, draw.of((True, False)), draw.of(payloads))
        case _:
            return packets.Outlived(sender, origin)


def _range(draw: Draw) -> tuple[int, int]:
    return draw.of(NUMBERS), draw.of(NUMBERS)
