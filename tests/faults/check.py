"""Judges what clients wrote down: whether each who stayed read each acknowledged text once, in its sender's order.

    python tests/faults/check.py [--alone] FILE...

It reads lines of JSON and nothing else, and imports nothing of Switchboard: what it says hangs on no code that it
judges. Every line is what one client saw or did, `at` in seconds of one clock of the machine:

    {"event":"joined","session","room","at"}           from here on it reads what is said there
    {"event":"said","session","room","id","text","at"} it asked to have this said; once for each text, in its order
    {"event":"sent","session","id","copies","at"}      and was told that so many nodes hold it
    {"event":"read","session","room","sender","id","text","origin","seq","at"}
    {"event":"gone","session","at"}                    it did not stay: it left, or its connection ended
    {"event":"healed","at"}                            the fault that was is over
Other events are none of its business.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

Line = dict[str, Any]
Text = tuple[str, str]
"""A text by its sender's session and its id."""


@dataclasses.dataclass
class Verdict:
    """What was found; a history is good when `faults` is empty."""

    missing: list[str] = dataclasses.field(default_factory=list)
    """Acknowledged, and not read by one who stayed."""
    doubled: list[str] = dataclasses.field(default_factory=list)
    """Read more than once by one session."""
    swapped: list[str] = dataclasses.field(default_factory=list)
    """Read after a later one of the same sender."""
    altered: list[str] = dataclasses.field(default_factory=list)
    """Read with other words, in another room, by its own sender, or never said."""
    sunk: list[str] = dataclasses.field(default_factory=list)
    """Read on one connection with a lower place in the same log than one before."""
    said: int = 0
    sent: int = 0
    """Acknowledged, whatever the copies."""
    alone: int = 0
    """Of these, with one copy."""
    read: int = 0
    sent_after: list[float] = dataclasses.field(default_factory=list)
    """Seconds from saying to acknowledgement."""
    read_after: list[float] = dataclasses.field(default_factory=list)
    """Seconds from saying to reading, for each reader."""
    healed_after: float = 0.0
    """Seconds from the end of the last fault to when all that was said before was read."""

    @property
    def faults(self) -> list[str]:
        """Everything that is wrong, with what it is."""
        return [
            f"{kind}: {what}"
            for kind in ("missing", "doubled", "swapped", "altered", "sunk")
            for what in getattr(self, kind)
        ]


def judge(lines: Iterable[Line], *, alone: bool = False) -> Verdict:
    """Judge a history. With `alone` also texts that one node alone held count as acknowledged."""
    verdict = Verdict()
    told: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        told[line["event"]].append(line)
    said: dict[Text, Line] = {}
    rank: dict[Text, int] = {}
    for line in sorted(told["said"], key=lambda line: float(line["at"])):
        text = line["session"], line["id"]
        if text not in said:
            said[text], rank[text] = line, len(rank)
    sent = {(line["session"], line["id"]): line for line in told["sent"]}
    held = {text: line for text, line in sent.items() if line["copies"] >= 2 or alone}
    verdict.said, verdict.sent, verdict.read = len(said), len(sent), len(told["read"])
    verdict.alone = sum(line["copies"] < 2 for line in sent.values())
    verdict.sent_after = [line["at"] - said[text]["at"] for text, line in sent.items() if text in said]
    first = _read(verdict, told["read"], said, rank)
    _missing(verdict, told, said, held, first)
    healed = max((line["at"] for line in told["healed"]), default=None)
    if healed is not None:
        late = [at for (_, text), at in first.items() if text in said and said[text]["at"] <= healed]
        verdict.healed_after = max(0.0, max(late, default=healed) - healed)
    return verdict


def _read(
    verdict: Verdict, reads: Sequence[Line], said: dict[Text, Line], rank: dict[Text, int]
) -> dict[tuple[str, Text], float]:
    """Look at each reading in turn; returns when each reader read each text first."""
    first: dict[tuple[str, Text], float] = {}
    latest: dict[tuple[str, str], Text] = {}
    places: dict[tuple[str, str], int] = {}
    for line in reads:
        reader, text = line["session"], (line["sender"], line["id"])
        name = f"{text[1]!r} of {text[0]} at {reader}"
        if (reader, text) in first:
            verdict.doubled.append(name)
            continue
        first[reader, text] = line["at"]
        words = said.get(text)
        if words is None or reader == text[0] or (words["text"], words["room"]) != (line["text"], line["room"]):
            verdict.altered.append(name)
            continue
        verdict.read_after.append(line["at"] - words["at"])
        before = latest.get((reader, text[0]))
        if before is not None and rank[before] > rank[text]:
            verdict.swapped.append(f"{name} after {before[1]!r}")
        else:
            latest[reader, text[0]] = text
        if line["seq"] <= places.get((reader, line["origin"]), 0):
            verdict.sunk.append(name)
        places[reader, line["origin"]] = max(line["seq"], places.get((reader, line["origin"]), 0))
    return first


def _missing(
    verdict: Verdict,
    told: dict[str, list[Line]],
    said: dict[Text, Line],
    held: dict[Text, Line],
    first: dict[tuple[str, Text], float],
) -> None:
    gone = {line["session"] for line in told["gone"]}
    members: dict[str, list[Line]] = defaultdict(list)
    for line in told["joined"]:
        if line["session"] not in gone:
            members[line["room"]].append(line)
    for text in held:
        words = said.get(text)
        if words is None:
            verdict.altered.append(f"{text[1]!r} of {text[0]} was acknowledged and never said")
            continue
        for member in members[words["room"]]:
            reader = member["session"]
            if reader != text[0] and member["at"] <= words["at"] and (reader, text) not in first:
                verdict.missing.append(f"{text[1]!r} of {text[0]} at {reader}")


def share(values: Sequence[float], part: float) -> float:
    """The value below which this part of them lies; 0 of none."""
    return sorted(values)[min(len(values) - 1, int(len(values) * part))] if values else 0.0


def summary(verdict: Verdict) -> str:
    """One line about a history."""
    return (
        f"{verdict.said} said, {verdict.sent} acknowledged ({verdict.alone} with one copy), {verdict.read} read; "
        f"missing {len(verdict.missing)}, doubled {len(verdict.doubled)}, swapped {len(verdict.swapped)}, "
        f"altered {len(verdict.altered)}, sunk {len(verdict.sunk)}; "
        f"sent p50 {share(verdict.sent_after, 0.5) * 1000:.0f} ms, "
        f"p99 {share(verdict.sent_after, 0.99) * 1000:.0f} ms; "
        f"read p99 {share(verdict.read_after, 0.99) * 1000:.0f} ms"
    )


def read_lines(paths: Iterable[Path]) -> list[Line]:
    """The lines of all files; each client's stand in one file, in its order."""
    return [json.loads(line) for path in paths for line in path.read_text(encoding="utf-8").splitlines()]


def main(arguments: Sequence[str]) -> int:
    """Judge files; returns 1 when something is wrong."""
    parser = argparse.ArgumentParser(description="Judges what clients wrote down.")
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--alone", action="store_true", help="also what one node alone held must be read")
    given = parser.parse_args(arguments)
    verdict = judge(read_lines(given.files), alone=given.alone)
    sys.stdout.write("\n".join([summary(verdict), *verdict.faults[:20]]) + "\n")
    return bool(verdict.faults)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
