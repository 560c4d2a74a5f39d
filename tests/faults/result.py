"""What came of a row of the fault matrix, and what must hold after most of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable

from tests.faults.check import Verdict, summary
from tests.faults.field import Field


@dataclasses.dataclass
class Result:
    """What came of one row."""

    checks: list[tuple[bool, str]] = dataclasses.field(default_factory=list)
    """What must hold, and whether it did."""
    late: list[str] = dataclasses.field(default_factory=list)
    """What held, but not in time: a fault of the nodes, or of a machine that has other work."""
    figures: list[str] = dataclasses.field(default_factory=list)

    def check(self, holds: bool, what: str) -> None:
        """Note something that must hold."""
        self.checks.append((holds, what))

    def within(self, seconds: float | None, most: float, what: str) -> None:
        """Note something that must happen in time; None is never."""
        took = "never" if seconds is None else f"{seconds:.2f} s"
        told = f"{what}: {took} (at most {most:g} s)"
        self.check(seconds is not None and seconds <= most, told)
        if seconds is not None and seconds > most:
            self.late.append(told)

    def texts(self, verdict: Verdict) -> None:
        """Note what the clients read."""
        self.check(not verdict.faults, summary(verdict))
        self.figures += verdict.faults[:5]

    @property
    def failed(self) -> list[str]:
        """What did not hold, or not in time."""
        return [what for holds, what in self.checks if not holds]

    @property
    def wrong(self) -> list[str]:
        """What did not hold at all."""
        return [what for what in self.failed if what not in self.late]


Play = Callable[[Field, bool], Awaitable[Result]]
"""Does the faults of a row, in the long form or the short, on a field that is whole; leaves it whole again."""


async def whole(field: Field, result: Result, since: float, most: float) -> None:
    """Wait until every node holds every other to be up; it must be so in time."""
    whole = await field.until(field.all_up)
    took = max(line["at"] for line in field.history.of("nodes")) - since
    result.within(max(0.0, took) if whole else None, most, "all nodes up again")


async def same_sessions(field: Field, result: Result, since: float, most: float) -> None:
    """Wait until every node lists exactly the sessions that there are."""
    within = 0.0
    while True:
        listed, present = await field.sessions(), field.present()
        within = field.history.mark("listed") - since
        if len(listed) == len(field.mesh) and all(sessions == present for sessions in listed.values()):
            break
        if within > most + 10:
            result.figures += [
                f"{node} lists {len(set(sessions) - set(present))} that are gone and lacks "
                f"{len(set(present) - set(sessions))} of {len(present)}"
                for node, sessions in sorted(listed.items())
            ]
            result.check(False, "every node lists the sessions that there are: never")
            return
        await field.pass_time(0.25)
    result.within(within, most, f"every node lists the {len(present)} sessions that there are, and no other")


async def heard_again(field: Field, result: Result, since: float, most: float, after: float) -> None:
    """Everybody hears every speaker of the room again; those who had not for `after` seconds must soon."""
    await field.until(lambda: not field.unheard(since=since), within=most + 10)
    back = [
        line["at"] - since for line in field.history.of("heard again", since=since) if (line["after"] or 0) > after
    ]
    lost = field.unheard(since=since)
    result.check(not lost, f"every speaker is heard by everybody in the room: {len(lost)} pairs are not")
    result.within(max(back, default=0.0), most, "voice is heard again")
