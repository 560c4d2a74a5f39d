"""A lost node in words, the same for row, banner and status bar; no Qt here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gui import wording
from gui.nodes.facts import Fact
from gui.tokens import Colour
from server.child import Child
from server.restarts import CRASHES
from server.views import AgainView, NodeView, OutageView

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
    lost = outage.sessions
    if not lost:
        return "It had no sessions."
    if outage.state == "late" and not outage.cut and outage.missing == lost:
        return f"{wording.plural(lost, 'session')} {'is' if lost == 1 else 'are'} on it."
    if lost == 1:
        return f"1 session lost its connection and {_of_one(outage)}."
    if not outage.resumed and not outage.over:
        return f"{wording.count(lost)} sessions lost their connection, none is resumed yet."
    whole = (
        f"All {wording.count(lost)}"
        if outage.resumed == lost
        else f"{wording.count(outage.resumed)} of {wording.count(lost)}"
    )
    parts = [f"{whole} sessions resumed{_places(outage)}"]
    if outage.over:
        parts.append(f"{wording.count(outage.over)} ended")
    if outage.missing:
        parts.append(f"{wording.count(outage.missing)} not yet")
    return ", ".join(parts) + "."


def speaking(again: AgainView) -> str:
    """After how long those were heard again who spoke when a node was lost; nothing where nobody did."""
    if not again.spoke:
        return ""
    if not again.heard:
        return f"Speaking again: none of {wording.count(again.spoke)} yet."
    if again.spoke == 1:
        return f"Speaking again after {_seconds(again.p50)}."
    return f"Speaking again: {wording.count(again.heard)} of {wording.count(again.spoke)}, {percentiles(again)}."


def percentiles(again: AgainView) -> str:
    """Half of them and nearly all of them: ``p50 1.1 s, p95 1.9 s``; a dash where nobody was heard again."""
    return f"p50 {_seconds(again.p50)}, p95 {_seconds(again.p95)}" if again.heard else "–"


def resumed(outages: Iterable[OutageView]) -> str:
    """How many sessions of all that lost nodes had were resumed: ``198 of 214 sessions resumed``."""
    lost = [outage for outage in outages if outage.state == "lost" and outage.sessions]
    whole = sum(outage.sessions for outage in lost)
    done = sum(outage.resumed for outage in lost)
    return f"{wording.count(done)} of {wording.plural(whole, 'session')} resumed" if lost else ""


def facts(outage: OutageView) -> list[Fact]:
    """The same in figures."""
    found = [
        Fact("Sessions that it had", wording.count(outage.sessions)),
        Fact("Resumed", wording.count(outage.resumed)),
    ]
    found += [
        Fact(f"On {wording.within(name)}", wording.count(number), Colour.TEXT2, inner=True)
        for name, number in outage.places
    ]
    found += [
        Fact("Ended without that", wording.count(outage.over)),
        Fact("Not yet", wording.count(outage.missing), Colour.WARN if outage.missing else Colour.TEXT),
        *_spoken("Spoke at that time", outage.again),
    ]
    return found


def cluster_facts(resumes: int, again: AgainView) -> list[Fact]:
    """What was resumed in the whole cluster, and how long speakers of lost nodes were not heard."""
    return [Fact("Sessions resumed", wording.count(resumes)), *_spoken("Spoke when a node was lost", again)]


def _spoken(caption: str, again: AgainView) -> list[Fact]:
    return [
        Fact(caption, wording.count(again.spoke)),
        Fact("Heard again", wording.count(again.heard), Colour.WARN if again.heard < again.spoke else Colour.TEXT),
        Fact("Speaking again after", percentiles(again)),
    ]


def _of_one(outage: OutageView) -> str:
    if outage.over:
        return "has ended"
    return f"is resumed{_places(outage)}" if outage.resumed else "is not resumed yet"


def _places(outage: OutageView) -> str:
    """Where they were resumed; nothing where that was at more than three places."""
    names = [wording.within(name) for name, _ in outage.places]
    if not names or len(names) > 3:
        return ""
    return " on " + " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _seconds(seconds: float | None) -> str:
    return "–" if seconds is None else wording.moment(round(seconds * 1000))


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
