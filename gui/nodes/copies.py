"""The copying of the logs in words, for table, details and banners; no Qt here."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from gui import wording
from gui.nodes.facts import UNKNOWN, Fact
from gui.nodes.rows import GONE, NodeRow
from gui.tokens import Colour
from server.views import AlarmView, CopyView, WantView

LASTING = 1.0
"""Seconds from which on a lag is worth a word: what is only under way is never held by all."""
ROOMS = 12
"""Rooms that are named."""


def marked(rows: Iterable[NodeRow], copies: Iterable[CopyView]) -> list[NodeRow]:
    """The rows, with how far each node that lives lags where that lasts."""
    lagging = {copy.node: copy.lag for copy in copies if copy.lag and copy.open_for >= LASTING}
    return [dataclasses.replace(row, lag=0 if row.standing in GONE else lagging.get(row.node, 0)) for row in rows]


def facts(copy: CopyView) -> list[Fact]:
    """What there is to say of one peer, from the node of this window."""
    found = [
        Fact("Round trip", wording.milliseconds(copy.round_trip) if copy.state == "up" else UNKNOWN),
        Fact("Lag", lag(copy), _tone(copy)),
    ]
    found += [
        Fact(
            f"Log of {wording.within(log.name)}",
            f"{wording.count(log.held)} of {wording.count(log.high)}",
            Colour.TEXT2,
            inner=True,
        )
        for log in copy.logs
    ]
    found += [
        Fact("Lacking here", _records(copy.behind)),
        Fact("Queue, unacknowledged", _records(copy.queue)),
        Fact("Oldest of them", oldest(copy)),
        Fact("Gaps repaired from it", f"{rate(copy.repairs)}, {wording.count(copy.repaired)} in all"),
        Fact("Given to it for repair", f"{rate(copy.gifts)}, {wording.count(copy.given)} in all"),
        Fact("Packets refused", wording.count(copy.refused), Colour.WARN if copy.refused else Colour.TEXT),
    ]
    return found


def lag(copy: CopyView) -> str:
    """How far a peer lags, and for how long."""
    if not copy.lag:
        return "none"
    lasting = f", {wording.span(int(copy.open_for * 1000))}" if copy.open_for >= LASTING else ""
    return f"{_records(copy.lag)}{lasting}"


def oldest(copy: CopyView) -> str:
    """How long the oldest record that a peer has not acknowledged has waited."""
    if not copy.queue:
        return "none"
    if copy.oldest < 10_000:
        return wording.milliseconds(copy.oldest)
    return wording.span(int(copy.oldest))


def rate(value: float | None) -> str:
    """Records a second; a dash until measured."""
    return UNKNOWN if value is None else f"{wording.short(value)}/s"


def peer_cells(copy: CopyView) -> tuple[str, str, str, str]:
    """One peer as another node sees it: state or round trip, lag, records repaired from it, queue."""
    near = wording.milliseconds(copy.round_trip) if copy.state == "up" else copy.state
    repaired = wording.short(copy.repaired) + (f", {rate(copy.repairs)}" if copy.repairs else "")
    return near, wording.short(copy.lag), repaired, wording.short(copy.queue)


def wanted(wants: WantView | None) -> tuple[str, str]:
    """Of how many rooms a node wants the voice, and their names."""
    if wants is None:
        return UNKNOWN, "Not told."
    whole = len(wants.rooms) + wants.more
    if not whole:
        return "0", "Nobody listens there."
    names = ", ".join(wording.within(room) for room in wants.rooms[:ROOMS])
    more = whole - min(ROOMS, len(wants.rooms))
    return wording.count(whole), names + (f" and {wording.count(more)} more" if more else "")


def grouped(alarms: Iterable[AlarmView]) -> list[list[AlarmView]]:
    """The alarms that one banner tells: those of a sort and a node."""
    found: dict[tuple[str, str], list[AlarmView]] = {}
    for alarm in alarms:
        found.setdefault((alarm.kind, alarm.node), []).append(alarm)
    return list(found.values())


def headline(alarms: Sequence[AlarmView]) -> str:
    """What is the case and since when, in one sentence."""
    first = alarms[0]
    at = wording.clock(min(alarm.since for alarm in alarms), seconds=True)
    missing = _records(sum(alarm.missing for alarm in alarms))
    if first.kind == "queue":
        return f"{missing} wait for {_who(first)}, ever more since {at}."
    return f"{_who(first, begin=True)} lacks {missing} since {at}."


def account(alarms: Sequence[AlarmView]) -> str:
    """What is done already, and what can be done."""
    first = alarms[0]
    name = "this console" if first.here else wording.within(first.name)
    if first.kind == "queue":
        return f"It answers, but takes in less than this node writes. Its log may tell why; or restart {name}."
    logs = wording.listed(tuple(dict.fromkeys(alarm.log for alarm in alarms)))
    whose = f"They stand in the log{'s' if len(alarms) > 1 else ''} of {logs}."
    silent = tuple(dict.fromkeys(name for alarm in alarms for name in alarm.silent))
    if not silent:
        return f"{whose} All who hold them answer and are asked again and again. If it stays so, restart {name}."
    one, names = len(silent) == 1, wording.listed(silent)
    answers = f"{'does' if one else 'do'} not answer"
    if all(set(alarm.holders) <= set(alarm.silent) for alarm in alarms):
        back = "it is" if one else "they are"
        return f"{whose} Only {names} {'holds' if one else 'hold'} them and {answers}; they come when {back} back."
    return f"{whose} {names} {answers}; others who hold them are asked."


def tone(alarms: Sequence[AlarmView]) -> Colour:
    """How bad it is."""
    return Colour.DANGER if any(alarm.kind == "gap" and not alarm.silent for alarm in alarms) else Colour.WARN


def brief(groups: Sequence[Sequence[AlarmView]]) -> str:
    """The worst of it for the status bar."""
    if not groups:
        return ""
    first = groups[0][0]
    missing = _records(sum(alarm.missing for alarm in groups[0]))
    more = f", {len(groups) - 1} more" if len(groups) > 1 else ""
    if first.kind == "queue":
        return f"{missing} wait for {_who(first)}{more}"
    return f"{_who(first, begin=True)} lacks {missing}{more}"


def _records(number: int) -> str:
    return "none" if not number else wording.plural(number, "record")


def _who(alarm: AlarmView, *, begin: bool = False) -> str:
    if alarm.here:
        return "This console" if begin else "this console"
    return f"{'Node' if begin else 'node'} {wording.within(alarm.name)}"


def _tone(copy: CopyView) -> Colour:
    return Colour.WARN if copy.lag and copy.open_for >= LASTING else Colour.TEXT
