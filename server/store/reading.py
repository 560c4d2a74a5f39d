"""What is asked of a store, as statements: each finds its rows by an index, however many there are."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Delete, Select, and_, delete, func, or_, select

from bus.record import Origin
from server.rulings import REPORT
from server.store.rows import AuditPlace, Sought
from server.store.schema import AUDIT, HEADS, RULINGS, TEXTS

PAGE = 500
"""Lines of a chain that are read at once."""
REMOVED = 1000
"""Texts that are removed at once, so that who writes meanwhile waits a moment only."""

lines = AUDIT.c
"""The columns of the audit."""


def latest_rulings() -> Select[tuple[object, ...]]:
    """The last ruling of each key, by its stamp."""
    later = RULINGS.alias("later")
    beaten = (
        select(later.c.slot)
        .where(
            later.c.slot == RULINGS.c.slot,
            or_(
                later.c.number > RULINGS.c.number,
                and_(later.c.number == RULINGS.c.number, later.c.origin > RULINGS.c.origin),
            ),
        )
        .exists()
    )
    return select(*(column for column in RULINGS.c if column.name != "slot")).where(~beaten)


def heads() -> Select[tuple[object, ...]]:
    """The furthest head of each chain, in all forms in which it was seen."""
    furthest = select(HEADS.c.chain, func.max(HEADS.c.n).label("n")).group_by(HEADS.c.chain).subquery()
    return select(HEADS).join(furthest, and_(HEADS.c.chain == furthest.c.chain, HEADS.c.n == furthest.c.n))


def audit_page(sought: Sought, limit: int, before: AuditPlace | None) -> Select[tuple[object, ...]]:
    """A page of the audit, newest first."""
    wanted: list[ColumnElement[bool]] = [
        AUDIT.c[name] == value
        for name in ("kind", "chain", "by", "action", "user", "room")
        if (value := getattr(sought, name))
    ]
    if sought.text:
        wanted.append(_contains(sought.text))
    if sought.since is not None:
        wanted.append(lines.at >= sought.since)
    if sought.until is not None:
        wanted.append(lines.at < sought.until)
    if before is not None:
        at, chain, n = before
        # Written out, because MariaDB uses no index for a comparison of rows.
        wanted.append(lines.at <= at)
        wanted.append(or_(lines.at < at, lines.chain < chain, and_(lines.chain == chain, lines.n < n)))
    return select(AUDIT).where(*wanted).order_by(lines.at.desc(), lines.chain.desc(), lines.n.desc()).limit(limit)


_PLAIN = frozenset(map(chr, range(0x20, 0x7F))) - set('"\\%_')
"""Letters that stand in JSON as they are, and mean nothing to LIKE."""


def _contains(text: str) -> ColumnElement[bool]:
    """Whether these words stand somewhere in a line; where databases fold letters in different ways, any do."""
    pattern = "".join(letter if letter in _PLAIN else "%" for letter in text.lower())
    return func.lower(lines.line).like(f"%{pattern}%")


def audit_of(acts: Sequence[str]) -> Select[tuple[object, ...]]:
    """All lines of these acts."""
    return select(AUDIT).where(AUDIT.c.act.in_(acts)).order_by(lines.at, lines.chain, lines.n)


def part_of_chain(chain: Origin, behind: tuple[int, str]) -> Select[tuple[object, ...]]:
    """The next lines of a chain behind this number and hash."""
    n, hash = behind
    further = and_(lines.n >= n, or_(lines.n > n, lines.hash > hash))
    return select(AUDIT).where(lines.chain == chain, further).order_by(lines.n, lines.hash).limit(PAGE)


def chains() -> Select[tuple[object, ...]]:
    """Of which nodes there are lines."""
    return select(lines.chain).distinct().order_by(lines.chain)


def history(room: str, since: int, until: int, limit: int, user: str) -> Select[tuple[object, ...]]:
    """What was said in a room, the newest first."""
    wanted = [TEXTS.c.room == room, TEXTS.c.at >= since, TEXTS.c.at < until]
    if user:
        wanted.append(TEXTS.c.user == user)
    return (
        select(TEXTS)
        .where(*wanted)
        .order_by(TEXTS.c.at.desc(), TEXTS.c.origin.desc(), TEXTS.c.seq.desc())
        .limit(limit)
    )


def expired_upto(before: int) -> Select[tuple[object, ...]]:
    """When the last of the oldest `REMOVED` texts from before `before` was said; no row where there are fewer."""
    return select(TEXTS.c.at).where(TEXTS.c.at < before).order_by(TEXTS.c.at).offset(REMOVED - 1).limit(1)


def without_reports(before: int) -> Delete:
    """Reports whose time was over then are removed, with what they brought along."""
    return delete(RULINGS).where(RULINGS.c.key.startswith(f"{REPORT}/"), RULINGS.c.ends < before)


def without_texts(before: int) -> Delete:
    """Texts from before then are removed."""
    return delete(TEXTS).where(TEXTS.c.at < before)
