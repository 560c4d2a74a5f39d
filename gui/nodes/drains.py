"""Nodes that go away, and a rolling restart, in words, the same for row, drawing, details and banner; no Qt here."""

from __future__ import annotations

from gui import wording
from server.roll import Progress, Step
from server.views import DrainView


def headline(drain: DrainView) -> str:
    """What a node does and how far it is."""
    if drain.ending:
        return f"Ending, {left(drain)}" if drain.left else "Ending"
    return f"Draining, {left(drain)}" if drain.left else "Drained, no sessions are left"


def left(drain: DrainView) -> str:
    """How many have not gone: ``12 of 40 left``."""
    return f"{wording.count(drain.left)} of {wording.count(drain.of)} left"


def time(drain: DrainView) -> str:
    """How long it takes at most."""
    return wording.span(drain.seconds * 1000)


def account(drain: DrainView) -> str:
    """What comes of it."""
    words = f"The last one goes within {time(drain)}." if drain.left else ""
    if drain.ending:
        return words
    return f"{words} It takes no new ones." if words else "It takes no new ones: stop it, or cancel (Shift+D)."


def brief(drain: DrainView) -> str:
    """The same in two or three words."""
    return left(drain) if drain.left else "ending" if drain.ending else "drained"


def progress(roll: Progress) -> str:
    """How far a rolling restart is: ``2 of 3, cedar: waiting for 4 clients``."""
    what = {
        Step.DRAINING: f"waiting for {wording.plural(roll.left, 'client')}" if roll.left else "handing over",
        Step.ENDING: "ending",
        Step.STARTING: "starting again",
        Step.CATCHING_UP: "catching up with the others",
    }[roll.step]
    then = " Then it stops." if roll.stopping else ""
    return f"{roll.place} of {roll.of}, {wording.within(roll.name)}: {what}.{then}"
