"""A lost node in words, the same for row, banner and status bar; no Qt here."""

from __future__ import annotations

from collections.abc import Sequence

from gui import wording
from server.child import Child
from server.restarts import CRASHES
from server.views import NodeView, OutageView

LATE_MS = 1500
"""From when on a node that does not answer is news: before, its next heart-beat may only be late."""

TOGETHER_MS = 5_000
"""Nodes whose last words are no further apart fell silent together."""


def is_news(outage: OutageView, now: int) -> bool:
    """Whether it needs a person: it is lost, or has been late for a while."""
    return outage.state == "lost" or (outage.state == "late" and now - outage.at >= LATE_MS)


def headline(outage: OutageView) -> str:
    """What happened and since when, in one sentence."""
    name, at = wording.within(outage.name), wording.clock(outage.at, seconds=True)
    if outage.state == "back":
        return f"Node {name} is back."
    if outage.ended:
        return f"Node {name} crashed at {at}."
    if outage.state == "late":
        return f"Node {name} has not answered since {at}."
    return f"Node {name} stopped answering at {at}."


def account(outage: OutageView) -> str:
    """What became of its sessions, as far as this console can know."""
    lost, missing = outage.sessions, outage.sessions - outage.back
    if not lost:
        return "It had no sessions."
    if outage.state == "back":
        verb = "is" if missing == 1 else "are"
        return (
            f"{missing} of {wording.plural(lost, 'session')} {verb} not back."
            if missing
            else "Its sessions are back."
        )
    if outage.state == "late" and not outage.cut:
        return f"{wording.plural(lost, 'session')} {'is' if lost == 1 else 'are'} on it."
    if lost == 1:
        return "1 session lost its connection and " + ("is back." if outage.back else "is not back yet.")
    back = "none is back yet" if not outage.back else f"{outage.back} {'is' if outage.back == 1 else 'are'} back"
    return f"{wording.count(lost)} sessions lost their connection, {back}."


def attempt(child: Child, now: int) -> str:
    """What is done about a launched node that ended; empty where nothing is."""
    if child.given_up:
        return f"It crashed {CRASHES} times within 10 minutes and is not started again."
    if child.again is None:
        return ""
    count = f" (crash {child.restarts.crashes})" if child.restarts.crashes > 1 else ""
    return f"It starts again in {max(0, (child.again - now + 999) // 1000)} s{count}."


def has_lost_the_mesh(nodes: Sequence[NodeView], outages: Sequence[OutageView], now: int) -> bool:
    """Whether it is rather this console that is cut off: several others, and all fell silent at the same time."""
    silent = {outage.node: outage.at for outage in outages if is_news(outage, now) and not outage.ended}
    others = {node.node for node in nodes if not node.here}
    return len(others) > 1 and others <= silent.keys() and max(silent.values()) - min(silent.values()) <= TOGETHER_MS
