"""What `main.py audit` does: the audit in a store is verified, or written out as CSV or JSON."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import AsyncIterator, Sequence
from typing import Literal

import msgspec

from bus.record import node_of
from server.clock import SystemClock
from server.config import StartError
from server.filing import lines_of
from server.ledger import items_of
from server.sheets import csv_line
from server.store.address import StoreAddress
from server.store.interface import Store
from server.store.rows import Sought, StoreError, place_of
from server.trail import entries_of
from server.verification import Fault, Verifier
from server.wire.moderation import AuditItem

Format = Literal["csv", "json"]

PAGE = 500

COLUMNS = (
    *("at", "by", "by_user", "action", "target", "name", "user", "session"),
    *("room", "reason", "detail", "until"),
)
"""What stands in the columns of a file, in their order; then what came of it."""

OUTCOME = ("node", "outcome", "ms", "act")


@contextlib.asynccontextmanager
async def reading(address: StoreAddress) -> AsyncIterator[Store]:
    """Look at a store that is there, within the block. Raises StartError."""
    from server.store.keeper import Keeper

    keeper = Keeper(address, history_days=0, wall_ms=SystemClock().wall_ms)
    try:
        await keeper.open_to_read()
        yield keeper
    except StoreError as error:
        raise StartError(f"the store at {address} cannot be read: {error}") from error
    finally:
        await keeper.close()


async def verify(store: Store, others: Sequence[Store] = ()) -> tuple[bool, str]:
    """Whether the audit in a store is what was written, and that in one line. Raises StoreError.

    What `others` know last of each chain has to be there, and to be the same.
    """
    verifier = Verifier()
    for one in (store, *others):
        for head in await one.heads():
            verifier.expect(head)
    for chain in await store.chains():
        async for row in store.chain(chain):
            verifier.check(row)
    faults = verifier.finish()
    if faults:
        return False, _broken(verifier, faults)
    chains = len(verifier.heads)
    told = f"the audit holds: {_count(verifier.lines, 'line')} in {_count(chains, 'chain')}"
    if absent := sum(verifier.absent.values()):
        told += f", {absent} more never came here, as is written in it"
    for chain in verifier.lost:
        told += f"; node {verifier.names[chain]} began anew without its lines before"
    return True, told


def _broken(verifier: Verifier, faults: list[Fault]) -> str:
    fault = faults[0]
    node = verifier.names.get(fault.chain) or next(
        (name for chain, name in verifier.names.items() if node_of(chain) == node_of(fault.chain)), ""
    )
    of = f"node {node}, " if node else ""
    more = f"; {_count(len(faults) - 1, 'more chain')} broken too" if len(faults) > 1 else ""
    return f"the audit is broken: line {fault.n} of {of}chain {fault.chain}: {fault.why}{more}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def export(store: Store, format: Format) -> AsyncIterator[str]:
    """The audit of a store as text, piece by piece, newest first. Raises StoreError."""
    return written(entries(store), format)


async def written(found: AsyncIterator[AuditItem], format: Format) -> AsyncIterator[str]:
    """Entries of the audit as text, piece by piece."""
    if format == "csv":
        yield csv_line((*COLUMNS, *OUTCOME))
        async for entry in found:
            yield csv_line(_cells(entry))
        return
    start = "[\n"
    async for entry in found:
        yield start + msgspec.json.encode(entry).decode()
        start = ",\n"
    yield "[]\n" if start == "[\n" else "\n]\n"


async def entries(store: Store) -> AsyncIterator[AuditItem]:
    """All that `audit` lists, newest first."""
    before = None
    while True:
        rows = await store.audit_page(Sought(kind="asked"), limit=PAGE, before=before)
        acts = sorted({row.act for row in rows})
        came = [row for row in await store.audit_of(acts) if row.kind == "outcome"] if acts else []
        for item in items_of([*lines_of(rows), *lines_of(came)]):
            for entry in entries_of(item):
                yield entry
        if len(rows) < PAGE:
            return
        before = place_of(rows[-1])


def _cells(entry: AuditItem) -> list[object]:
    values = {**msgspec.structs.asdict(entry), "at": _time(entry.at), "until": _time(entry.until)}
    return [values[name] for name in (*COLUMNS, *OUTCOME)]


def _time(ms: int | None) -> str:
    """A time for people and spreadsheets, in UTC."""
    if ms is None:
        return ""
    try:
        at = datetime.datetime.fromtimestamp(ms / 1000, datetime.UTC)
    except (OverflowError, ValueError, OSError):
        return str(ms)
    return at.isoformat(sep=" ", timespec="milliseconds").removesuffix("+00:00")
