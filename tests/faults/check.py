"""Judges what clients wrote down: whether each who stayed, or came again, read each acknowledged text once, in order.

    python tests/faults/check.py [--alone] FILE...

It reads lines of JSON and nothing else, and imports nothing of Switchboard: what it says hangs on no code that it
judges. Every line is what one client saw or did, `at` in seconds of one clock of the machine; `session` says whose it
is, and `node` where that was:

    {"event":"joined","room","members"}        from here on it reads what is said there; who else is there
    {"event":"said","room","id","text"}        it asked to have this said; once for each text, in its order
    {"event":"repeated","id"}                  and asked again
    {"event":"sent","id","copies","origin","seq"}      and was told that so many nodes hold it
    {"event":"not sent","id","code"}           or was refused
    {"event":"read","room","sender","id","text","origin","seq"}
    {"event":"told","room","what","member","reason"}   of somebody: joined, left, reconnecting, online
    {"event":"away","code","meant"}            the connection was lost, or it was cut by its own client
    {"event":"welcomed","recovered","gaps","members"}  and another one goes on with the session; who is in its rooms
    {"event":"live"}                           and all that was missed was read
    {"event":"gone","code","meant"}            the session is over, by its own wish or not
    {"event":"heard","speaker","last"}         so it heard somebody lately
    {"event":"heard again","speaker","after"}  so long it had heard nothing of a speaker
Lines of the one who makes the faults: `killed` (a node), `parted` (nodes, from each other), `healed` (the fault is
over), `hushed` (nobody speaks any more). Others are none of its business.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

Line = dict[str, Any]
Text = tuple[str, str]
"""A text by its sender's session and its id."""

KINDS = ("missing", "doubled", "swapped", "altered", "sunk", "refused", "ended", "stranded", "rumoured", "echoed")
NEAR_SECONDS = 1.0
"""A loss is noted so much after the last frame at most."""
SILENT_SECONDS = 2.5
"""Who was not heard for so long when all hushed is not heard any more; clients tell each second."""


@dataclasses.dataclass
class Verdict:
    """What was found; a history is good when `faults` is empty."""

    missing: list[str] = dataclasses.field(default_factory=list)
    """Acknowledged, and not read by one who stayed or came again, and was told of no gap."""
    doubled: list[str] = dataclasses.field(default_factory=list)
    """Read more than once by one session."""
    swapped: list[str] = dataclasses.field(default_factory=list)
    """Read after a later one of the same sender."""
    altered: list[str] = dataclasses.field(default_factory=list)
    """Read with other words, in another room, by its own sender, or never said."""
    sunk: list[str] = dataclasses.field(default_factory=list)
    """Read, or acknowledged at the first time of asking, with a lower place in the same log than one before."""
    refused: list[str] = dataclasses.field(default_factory=list)
    """Said, and neither acknowledged nor called unknown."""
    ended: list[str] = dataclasses.field(default_factory=list)
    """Sessions that ended against the wish of their client."""
    stranded: list[str] = dataclasses.field(default_factory=list)
    """Lost connections after which a session did not become live again, or was no longer in its room."""
    rumoured: list[str] = dataclasses.field(default_factory=list)
    """Somebody was said to have joined or left, who had not."""
    echoed: list[str] = dataclasses.field(default_factory=list)
    """Somebody heard the own voice."""
    said: int = 0
    sent: int = 0
    """Acknowledged, whatever the copies."""
    alone: int = 0
    """Of these, with one copy."""
    read: int = 0
    resumed: int = 0
    unrecovered: int = 0
    """Of these, with a word about gaps."""
    sent_after: list[float] = dataclasses.field(default_factory=list)
    """Seconds from saying to acknowledgement."""
    read_after: list[float] = dataclasses.field(default_factory=list)
    """Seconds from saying to reading, for each reader."""
    live_after: list[float] = dataclasses.field(default_factory=list)
    """Seconds from the loss of a connection, or the death of its node, to being live."""
    roamed_after: list[float] = dataclasses.field(default_factory=list)
    """Seconds to that from where a client had cut its connection itself."""
    unheard: list[float] = dataclasses.field(default_factory=list)
    """Seconds for which somebody heard nothing of a speaker, because one of the two lost the connection."""
    stuttered: list[float] = dataclasses.field(default_factory=list)
    """Seconds for which somebody heard nothing of a speaker, and neither had lost it, but perhaps cut it."""
    healed_after: float = 0.0
    """Seconds from the end of the last fault to when all that was said before was read."""

    @property
    def faults(self) -> list[str]:
        """Everything that is wrong, with what it is and the line that shows it."""
        return [f"{kind}: {what}" for kind in KINDS for what in getattr(self, kind)]


class History:
    """Lines, sorted by what they tell."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self.of: dict[str, list[Line]] = defaultdict(list)
        self.by: dict[str, list[Line]] = defaultdict(list)
        """By session, in its order."""
        for line in lines:
            self.of[line["event"]].append(line)
            if "session" in line and "device" not in line:
                self.by[line["session"]].append(line)
        self.said: dict[Text, Line] = {}
        self.rank: dict[Text, int] = {}
        for line in sorted(self.of["said"], key=lambda line: float(line["at"])):
            text = line["session"], line["id"]
            if text not in self.said:
                self.said[text], self.rank[text] = line, len(self.rank)
        self.sent = {(line["session"], line["id"]): line for line in self.of["sent"]}
        self.gone = {line["session"]: line for line in self.of["gone"] if "device" not in line}
        self.joined = {(line["session"], line["room"]): line for line in self.of["joined"]}


def judge(lines: Iterable[Line], *, alone: bool = False, lost_seconds: float = 30.0) -> Verdict:
    """Judge a history. With `alone` also texts that one node alone held count as acknowledged."""
    verdict, history = Verdict(), History(lines)
    verdict.said, verdict.sent, verdict.read = len(history.said), len(history.sent), len(history.of["read"])
    verdict.alone = sum(line["copies"] < 2 for line in history.sent.values())
    verdict.sent_after = [
        line["at"] - history.said[text]["at"] for text, line in history.sent.items() if text in history.said
    ]
    first: dict[tuple[str, Text], float] = {}
    for session, own in history.by.items():
        _texts(verdict, history, own, first)
        _connections(verdict, history, session, own)
        _presence(verdict, history, own, lost_seconds)
    _missing(verdict, history, first, alone)
    _voice(verdict, history)
    healed = max((line["at"] for line in history.of["healed"]), default=None)
    if healed is not None:
        late = [at for (_, text), at in first.items() if text in history.said and history.said[text]["at"] <= healed]
        verdict.healed_after = max(0.0, max(late, default=healed) - healed)
    return verdict


def _place(line: Line) -> str:
    """Where a line stands, at the end of what is said about it."""
    return f" ({line['where']})" if "where" in line else ""


def _texts(verdict: Verdict, history: History, own: Sequence[Line], first: dict[tuple[str, Text], float]) -> None:
    """Look at what one session read and had acknowledged; adds when it read each text first."""
    latest: dict[str, Text] = {}
    places: dict[str, int] = {}
    again: set[str] = set()
    for line in own:
        match line["event"]:
            case "repeated" | "not sent":
                again.add(line["id"])
                if line["event"] == "not sent" and line["code"] not in ("unavailable", "rate_limited"):
                    verdict.refused.append(f"{line['id']!r} of {line['session']}: {line['code']}{_place(line)}")
                continue
            case "sent" if line["id"] not in again:
                again.add(line["id"])
                name = f"'sent' of {line['id']!r} at {line['session']}{_place(line)}"
            case "read":
                if not _read(verdict, history, line, first, latest):
                    continue
                name = f"{line['id']!r} of {line['sender']} at {line['session']}{_place(line)}"
            case _:
                continue
        if line["seq"] <= places.get(line["origin"], 0):
            verdict.sunk.append(name)
        places[line["origin"]] = max(line["seq"], places.get(line["origin"], 0))


def _read(
    verdict: Verdict, history: History, line: Line, first: dict[tuple[str, Text], float], latest: dict[str, Text]
) -> bool:
    """Look at one reading; returns whether it was the first of a text that was said so."""
    reader, text = line["session"], (line["sender"], line["id"])
    name = f"{text[1]!r} of {text[0]} at {reader}"
    if (reader, text) in first:
        verdict.doubled.append(name + _place(line))
        return False
    first[reader, text] = line["at"]
    words = history.said.get(text)
    if words is None or reader == text[0] or (words["text"], words["room"]) != (line["text"], line["room"]):
        verdict.altered.append(name + _place(line))
        return False
    verdict.read_after.append(line["at"] - words["at"])
    before = latest.get(text[0])
    if before is not None and history.rank[before] > history.rank[text]:
        verdict.swapped.append(f"{name} after {before[1]!r}{_place(line)}")
    else:
        latest[text[0]] = text
    return True


def _connections(verdict: Verdict, history: History, session: str, own: Sequence[Line]) -> None:
    """Look at how one session lost its connections, and went on."""
    away: Line | None = None
    since = 0.0
    for line in own:
        match line["event"]:
            case "joined":
                since = line["at"]
            case "away":
                deaths = [death["at"] for death in history.of["killed"] if death["node"] == line["node"]]
                if away is None:
                    away = {**line, "at": min([line["at"], *(at for at in deaths if since < at)])}
            case "welcomed":
                verdict.resumed += 1
                verdict.unrecovered += not line["recovered"]
                rooms = {room for one, room in history.joined if one == session}
                if line["recovered"] and rooms - set(line["members"]):
                    verdict.stranded.append(f"{session} is no longer in its room{_place(line)}")
            case "live":
                since = line["at"]
                if away is not None:
                    took = verdict.roamed_after if away.get("meant") else verdict.live_after
                    took.append(line["at"] - away["at"])
                away = None
            case "gone" if not line.get("meant", True):
                verdict.ended.append(f"{session}: {line.get('code')} {line.get('why')}{_place(line)}")
    if away is not None and session not in history.gone:
        verdict.stranded.append(f"{session} lost its connection{_place(away)}")


def _presence(verdict: Verdict, history: History, own: Sequence[Line], lost_seconds: float) -> None:
    """Look at whom one session was told to have come and gone."""
    known: dict[str, set[str]] = defaultdict(set)
    for line in own:
        match line["event"]:
            case "joined":
                known[line["room"]] |= set(line["members"])
            case "welcomed":
                for room, members in line["members"].items():
                    for member in sorted(known[room] - set(members)) if line["recovered"] else ():
                        if not _left(history, room, member, line["at"], lost_seconds):
                            verdict.rumoured.append(f"{member} is missing in {room}{_place(line)}")
                    known[room] = set(members)
            case "told" if line["what"] == "left":
                known[line["room"]].discard(line["member"])
                if not _left(history, line["room"], line["member"], line["at"], lost_seconds):
                    verdict.rumoured.append(
                        f"{line['member']} left {line['room']} ({line['reason']}), it is said{_place(line)}"
                    )
            case "told" if line["what"] == "joined":
                if line["member"] in known[line["room"]] or (line["member"], line["room"]) not in history.joined:
                    verdict.rumoured.append(f"{line['member']} joined {line['room']}, it is said{_place(line)}")
                known[line["room"]].add(line["member"])


def _left(history: History, room: str, member: str, at: float, lost_seconds: float) -> bool:
    """Whether it is true that somebody had left: its session is over, or it was lost for as long as that takes."""
    if member in history.gone or (member, room) not in history.joined:
        return member in history.gone
    lost = [line for line in history.by[member] if line["event"] in ("away", "live") and line["at"] <= at][-1:]
    return any(
        line["event"] != "live" and at - line["at"] >= lost_seconds - 1 for line in (*lost, *history.of["parted"])
    )


def _missing(verdict: Verdict, history: History, first: dict[tuple[str, Text], float], alone: bool) -> None:
    members: dict[str, list[Line]] = defaultdict(list)
    for (session, room), line in history.joined.items():
        if session not in history.gone:
            members[room].append(line)
    told = {
        (line["session"], room): line["at"]
        for line in history.of["welcomed"]
        if not line["recovered"]
        for room in line["gaps"]
    }
    for text, line in history.sent.items():
        words = history.said.get(text)
        if words is None:
            verdict.altered.append(f"{text[1]!r} of {text[0]} was acknowledged and never said{_place(line)}")
            continue
        if line["copies"] < 2 and not alone:
            continue
        for member in members[words["room"]]:
            reader = member["session"]
            if (reader, text) in first or reader == text[0] or member["at"] > words["at"]:
                continue
            if words["at"] > told.get((reader, words["room"]), 0.0):
                verdict.missing.append(f"{text[1]!r} of {text[0]} at {reader}{_place(line)}")


def _voice(verdict: Verdict, history: History) -> None:
    losses: dict[str, list[float]] = defaultdict(list)
    for line in history.of["away"]:
        if not line.get("meant"):
            losses[line["session"]].append(line["at"])
    for line in history.of["heard again"]:
        if line["after"] is not None:
            silent = line["at"] - line["after"] - NEAR_SECONDS
            lost = any(silent < at < line["at"] for at in (*losses[line["session"]], *losses[line["speaker"]]))
            (verdict.unheard if lost else verdict.stuttered).append(line["after"])
    last: dict[tuple[str, str], float] = {}
    for line in history.of["heard"]:
        if line["session"] == line["speaker"]:
            verdict.echoed.append(f"{line['session']} heard {line['frames']} frames of its own{_place(line)}")
        last[line["session"], line["speaker"]] = float(line["last"])
    for hushed in history.of["hushed"][-1:]:
        verdict.unheard += [
            hushed["at"] - at
            for (session, speaker), at in last.items()
            if hushed["at"] - at > SILENT_SECONDS and speaker and not history.gone.keys() & {session, speaker}
        ]


def share(values: Sequence[float], part: float) -> float:
    """The value below which this part of them lies; 0 of none."""
    return sorted(values)[min(len(values) - 1, int(len(values) * part))] if values else 0.0


def summary(verdict: Verdict) -> str:
    """One line about a history."""
    wrong = ", ".join(f"{kind} {len(getattr(verdict, kind))}" for kind in KINDS)
    return (
        f"{verdict.said} said, {verdict.sent} acknowledged ({verdict.alone} with one copy), {verdict.read} read, "
        f"{verdict.resumed} resumed ({verdict.unrecovered} with gaps); {wrong}; "
        f"sent p50 {share(verdict.sent_after, 0.5) * 1000:.0f} ms, "
        f"p99 {share(verdict.sent_after, 0.99) * 1000:.0f} ms; "
        f"read p99 {share(verdict.read_after, 0.99) * 1000:.0f} ms"
    )


def read_lines(paths: Iterable[Path]) -> Iterator[Line]:
    """The lines of all files; each client's stand in one file, in its order. Each knows where it stands."""
    for path in paths:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            yield json.loads(line) | {"where": f"{path.name}:{number}"}


def main(arguments: Sequence[str]) -> int:
    """Judge files; returns 1 when something is wrong."""
    parser = argparse.ArgumentParser(description="Judges what clients wrote down.")
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--alone", action="store_true", help="also what one node alone held must be read")
    parser.add_argument("--lost-seconds", type=float, default=30.0, help="after which somebody away is called lost")
    given = parser.parse_args(arguments)
    verdict = judge(read_lines(given.files), alone=given.alone, lost_seconds=given.lost_seconds)
    sys.stdout.write("\n".join([summary(verdict), *verdict.faults[:20]]) + "\n")
    return bool(verdict.faults)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
