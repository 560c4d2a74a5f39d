"""Reports as people read them; no Qt here."""

from __future__ import annotations

from collections.abc import Sequence

from gui import wording
from gui.audit.words import kind, moment
from gui.tokens import Colour
from server.inbox import Earlier, Evidence, Facts, Line, ReportView

ORDER = {"open": 0, "taken": 1, "closed": 2}


def sorted_for_work(reports: Sequence[ReportView]) -> list[ReportView]:
    """Those that wait first, the one that waits for longest on top; then the others, the newest first."""
    return sorted(
        reports,
        key=lambda report: (ORDER[report.state], report.at if report.state == "open" else -report.at, report.report),
    )


def waiting(reports: Sequence[ReportView]) -> int:
    """How many nobody works on."""
    return sum(report.state == "open" for report in reports)


def sentence(reports: Sequence[ReportView]) -> str:
    """How it stands, for the top bar."""
    if not reports:
        return "nothing was reported"
    counts = {state: sum(report.state == state for report in reports) for state in ORDER}
    words = {"open": "waiting", "taken": "in work", "closed": "closed"}
    return ", ".join(f"{wording.count(number)} {words[state]}" for state, number in counts.items() if number)


def headline(report: ReportView) -> str:
    """Who is reported, and where."""
    return f"{wording.name(report.target.name)} in {wording.within(report.room)}"


def said(report: ReportView) -> str:
    """What the reporter wrote."""
    return wording.name(report.text) if report.text.strip() else "no words were given"


def standing(report: ReportView) -> tuple[str, Colour]:
    """Who works on it, in its colour."""
    who = wording.name(report.worker.name) if report.worker else ""
    if report.state == "taken":
        return f"taken by {who}", Colour.ACCENT
    if report.state == "closed":
        return f"closed by {who}", Colour.TEXT3
    return "waiting", Colour.DANGER


def described(report: ReportView, now: int) -> str:
    """A whole row, for those who listen."""
    who = wording.name(report.reporter.name)
    parts = (headline(report), said(report), f"reported by {who}", standing(report)[0], moment(report.at, now))
    return ", ".join(parts)


def line(one: Line) -> str:
    """Something that was said, with who and when."""
    what = "whispered" if one.is_whisper else ""
    head = " ".join(part for part in (wording.clock(one.at, seconds=True), wording.name(one.by.name), what) if part)
    return f"{head}: {wording.paragraph(one.text)}"


def facts(known: Facts | None, now: int) -> list[tuple[str, str]]:
    """What was known of the session, by name."""
    if known is None:
        return [("Session", "had ended")]
    found = [
        ("Role", known.role),
        ("Node and address", ", ".join(part for part in (wording.name(known.node), known.ip) if part)),
        ("Client", wording.name(known.client) if known.client else "–"),
        ("Connected", moment(known.connected, now)),
        ("In the room since", "had left" if known.joined is None else moment(known.joined, now)),
        ("Sessions of this user", wording.count(known.sessions)),
    ]
    states = [
        word
        for holds, word in ((known.muted, "muted"), (known.speaking, "speaking"), (known.away, "reconnecting"))
        if holds
    ]
    if states:
        found.append(("At that time", ", ".join(states)))
    if known.refused:
        found.append(("Refused in the minute before", wording.plural(known.refused, "request")))
    return found


def earlier(done: Earlier, now: int) -> str:
    """Something that was done to them before."""
    where = f" in {wording.within(done.room)}" if done.room else ""
    why = f": {wording.name(done.reason)}" if done.reason.strip() else ""
    return f"{moment(done.at, now)}  {kind(done.action)}{where} by {wording.name(done.by)}{why}"


def talk(evidence: Evidence) -> str:
    """What was said in the minute before it, line by line."""
    if not evidence.lines:
        return "Nothing was written in the room in the minute before."
    head = "Only the last lines of that minute were kept.\n" if evidence.shortened else ""
    return head + "\n".join(map(line, evidence.lines))
